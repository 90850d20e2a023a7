"""How long a policy takes for one action from one observation, as a controller calls it.

All arms live in one process (`swimrl.bench.action.child`). A reading is some thousand calls in a row, each
timed; a call's slowest moments are what a control loop has to allow for. Light: no torch here.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from swimrl.activations.language.names import parse_name
from swimrl.errors import ConfigError
from swimrl.timing.measure import Plan, Progress
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import Content, measure_in_one_process, take
from swimrl.training.config import TrainConfig

KIND = "policy"
"""Of the records."""

ACTION = "action"
"""The work."""

P50, P99, WORST = "p50", "p99", "worst"
PARTS = (P50, P99, WORST)
"""Latencies of the calls in a reading, in seconds; not sums."""

CONTENDERS = {
    "fast": "swimrl's own forward pass, which `swimrl eval` uses",
    "torch": "the actor in eager PyTorch without gradients, activations as people write them",
    "sb3": "predict of Stable-Baselines3 on the same actor",
}
_ROUNDS, _PROCESSES = 10, 2


@dataclass(frozen=True)
class LatencyConfig:
    """What is measured.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]")] = None
    """A run directory; new networks with --act when not given."""

    act: tuple[str, ...] = ()
    """Activations of new networks; swim when neither they nor a run are given."""

    env: str = TrainConfig.env
    """Environment id, for the sizes of observation and action; of a run, its own counts."""

    net: str = TrainConfig.net
    """Widths of the hidden layers; of a run, its own count."""

    calls: int = 100_000
    """How often each policy is called."""

    seed: int = 0
    """Seed of weights, observations and the order within the rounds."""

    def __post_init__(self) -> None:
        if self.run is not None and self.act:
            raise ConfigError("a run and --act exclude each other; give one of them")
        if self.calls < _ROUNDS * _PROCESSES:
            raise ConfigError(f"--calls is {self.calls}; expected at least {_ROUNDS * _PROCESSES}")
        if self.seed < 0:
            raise ConfigError(f"--seed is {self.seed}; expected a whole number of at least 0")
        if len(set(self.act)) < len(self.act):
            raise ConfigError(f"--act names one of {' '.join(self.act)} twice; give each once")
        TrainConfig(env=self.env, net=self.net)
        for name in self.act:
            parse_name(name)


def run(config: LatencyConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; what could not be measured is in it with the reason.

    Raises:
        SwimrlError: If nothing could be measured.
    """
    asked: dict[str, Any] = {
        **dataclasses.asdict(config),
        "run": None if config.run is None else str(config.run),
    }
    asked["act"] = [parse_name(name).canonical for name in config.act or ("swim",)]
    # As often in each reading as the work's quantum says: a reading has no length of its own.
    settings = {**asked, "calls": config.calls // (_ROUNDS * _PROCESSES)}
    plan = Plan(_PROCESSES, _ROUNDS, 1e-9, config.seed)
    command = [sys.executable, "-m", "swimrl.bench.action.child"]

    def content() -> Content:
        return measure_in_one_process(command, settings, plan, progress)

    return take(KIND, {**asked, "rounds": _ROUNDS, "processes": _PROCESSES}, content)


@dataclass(frozen=True)
class Latency:
    """How long one call takes."""

    p50_s: float
    p99_s: float
    """Medians, over the readings, of their percentiles."""

    worst_s: float
    """The longest of all calls."""

    calls: int


def latency(record: TimingRecord, arm: str) -> Latency | None:
    """Return what a record of kind ``policy`` says of an arm, or None if it was not measured."""
    found = {part: record.find(arm, ACTION, part) for part in PARTS}
    p50, p99, worst = (np.asarray(one.wall_s) if one else np.zeros(0) for one in found.values())
    whole = record.find(arm, ACTION)
    if whole is None or not p50.size:
        return None
    return Latency(float(np.median(p50)), float(np.median(p99)), float(worst.max()), whole.count * p50.size)

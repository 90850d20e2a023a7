"""The latency of one action: the options, and the measurement. Light: no torch here.

All arms live in one process (`swimrl.bench.action.child`). A reading is thousands of calls in a row, and each
call is timed, because a control loop has to allow for the slowest ones.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from swimrl.bench.checks import canonical_names, check_seed
from swimrl.errors import ConfigError
from swimrl.timing.measure import Plan, Progress
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import RecordContent, measure_in_one_process, take_record
from swimrl.training.config import TrainConfig

KIND = "policy"
"""The kind of the records."""

ACTION = "action"
"""The only work."""

P50, P99, WORST = "p50", "p99", "worst"
PARTS = (P50, P99, WORST)
"""The parts: latencies of the calls in a reading, in seconds; not sums."""

CONTENDERS = {
    "fast": "swimrl's own forward pass, which `swimrl eval` uses",
    "torch": "the actor in eager PyTorch without gradients, activations as people write them in PyTorch",
    "sb3": "predict of Stable-Baselines3 on the same actor",
    "onnx": "the exported ONNX file in onnxruntime, called from Python, one thread",
    "c": "the exported C, compiled with -O3 -march=native -fno-math-errno and timed inside C",
    "read": "no policy: the time to read the weights once, timed inside C; the floor of c",
}
_ROUNDS, _PROCESSES = 10, 2


@dataclass(frozen=True)
class ActionBenchmarkConfig:
    """Which policies are measured, and how.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]")] = None
    """A run directory; without it, new networks with --act."""

    act: tuple[str, ...] = ()
    """Activations of new networks; swim if neither a run nor activations are given."""

    env: str = TrainConfig.env
    """Environment id, for the sizes of observation and action; a run uses its own."""

    net: str = TrainConfig.net
    """Widths of the hidden layers; a run uses its own."""

    calls: int = 100_000
    """How often each policy is called."""

    seed: int = 0
    """Seed of weights, observations and the order within the rounds."""

    def __post_init__(self) -> None:
        if self.run is not None and self.act:
            raise ConfigError("a run and --act exclude each other; give one of them")
        if self.calls < _ROUNDS * _PROCESSES:
            raise ConfigError(f"--calls is {self.calls}; expected at least {_ROUNDS * _PROCESSES}")
        check_seed(self.seed)
        TrainConfig(env=self.env, net=self.net)
        canonical_names("--act", self.act)


def measure(config: ActionBenchmarkConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; it keeps the reason of each arm that could not be measured.

    Raises:
        SwimrlError: If the run cannot be read, the environment does not exist, or nothing could be measured.
    """
    from swimrl.envs.make import check_id
    from swimrl.training import open_run

    if config.run is None:
        check_id(config.env)
    else:
        _ = open_run(config.run).policy  # a fault of the run is reported here, in one line
    settings: dict[str, Any] = {
        **dataclasses.asdict(config),
        "run": None if config.run is None else str(config.run),
        "act": canonical_names("--act", config.act or ("swim",)),
    }
    command = [sys.executable, "-m", "swimrl.bench.action.child"]
    calls = config.calls // (_ROUNDS * _PROCESSES)
    plan = Plan(_PROCESSES, _ROUNDS, count=calls, seed=config.seed)

    def content() -> RecordContent:
        return measure_in_one_process(command, settings, plan, progress)

    return take_record(KIND, {**settings, "rounds": _ROUNDS, "processes": _PROCESSES}, content)

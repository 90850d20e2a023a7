"""The Swim paper's timing and the same done properly: the options, and the measurement. Light: no torch here.

Each arm is one activation in a process of its own (`swimrl.bench.paper.child`). It first does what the
authors' code does, and is then measured in interleaved rounds like any other arm.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

from swimrl.bench.checks import canonical_names, check_counts, check_reading, check_seed
from swimrl.errors import ConfigError
from swimrl.timing.measure import Plan, Progress, TimedArm
from swimrl.timing.measure import measure as measure_arms
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import RecordContent, take_record
from swimrl.training.config import TrainConfig

KIND = "paper"
"""The kind of the records."""

INFERENCE, BACKWARD = "inference", "backward"
DTYPES = ("float64", "float32")
"""What the authors compute in, and what TD3 is trained in."""

BATCH_SIZE, CALLS = 256, 100

LEFT_OUT = (
    "no warm-up: the first calls, which load and allocate, are in the mean and dominate the deviation",
    "one activation after the other: a disturbance of the machine counts against one activation alone",
    "the deviation is that of calls, not of the mean: neither intervals nor comparisons follow from it",
    "float64, while TD3 is trained in float32",
    "no waiting for a GPU: there, the timer would measure how fast work is queued",
    (
        "the update of the actor, the optimisers and the environment, which are part of each training step: "
        "see `swimrl bench train`"
    ),
    "formulas of many PyTorch operations are compared with single operators: see `swimrl bench activations`",
)
"""Weaknesses of the paper's protocol."""


@dataclass(frozen=True)
class PaperBenchmarkConfig:
    """Which activations are measured, and how.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    act: tuple[str, ...] = ("swim", "swish", "relu")
    """Activations; they are compared with relu, or with the first one if relu is not among them."""

    env: str = "Walker2d-v4"
    """Environment id, for the sizes of observation and action."""

    rounds: int = 10
    """Rounds of the corrected protocol with each set of processes, in random order."""

    processes: int = 2
    """How often all rounds are done, each time in fresh processes."""

    reading: float = 0.02
    """About how many seconds a reading takes."""

    seed: int = 0
    """Seed of weights, inputs and the order within the rounds."""

    def __post_init__(self) -> None:
        check_counts(rounds=self.rounds, processes=self.processes)
        check_seed(self.seed)
        check_reading(self.reading, example=0.02)
        if not self.act:
            raise ConfigError("nothing to measure; give at least one --act")
        canonical_names("--act", self.act)
        TrainConfig(env=self.env)


def measure(config: PaperBenchmarkConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; it keeps the reason of each arm that could not be measured.

    Raises:
        SwimrlError: If the environment does not exist.
    """
    from swimrl.envs.make import check_id

    check_id(config.env)
    acts = canonical_names("--act", config.act)
    command = [sys.executable, "-m", "swimrl.bench.paper.child"]
    arms = [TimedArm(act, command, {"act": act, "env": config.env, "seed": config.seed}) for act in acts]
    plan = Plan(config.processes, config.rounds, config.reading, seed=config.seed)

    def content() -> RecordContent:
        measurement = measure_arms(arms, plan, progress)
        facts = {act: measurement.facts[act] for act in acts if act in measurement.facts}
        about = {act: {"activation": act, "threads": 1, **own} for act, own in facts.items()}
        return RecordContent(about, measurement.series, measurement.absent)

    return take_record(KIND, {**dataclasses.asdict(config), "act": acts}, content)

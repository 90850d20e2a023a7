"""The Swim paper's timing of activations, and the same done properly. Light: no torch here.

Every arm is one activation in a process of its own (`swimrl.bench.paper.child`). It first does what the
authors' code does, and is then measured in interleaved rounds like everything else.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

from swimrl.activations.language.names import parse_name
from swimrl.errors import ConfigError
from swimrl.timing.measure import Arm, Plan, Progress, measure
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import Content, take
from swimrl.training.config import TrainConfig

KIND = "paper"
"""Of the records."""

INFERENCE, BACKWARD = "inference", "backward"
DTYPES = ("float64", "float32")
"""The authors' and everybody else's."""

BATCH_SIZE, CALLS = 256, 100

LEFT_OUT = (
    "no warm-up: the first calls, which load and allocate, are in the mean and dominate its deviation",
    "one activation after the other: whatever the machine does meanwhile is taken for the activation",
    "the deviation is that of calls, not of the mean, so that no interval and no comparison follows from it",
    "float64, while TD3 is trained in float32",
    "no waiting for a GPU: there, the timer would measure how fast work is handed over",
    (
        "the update of the actor, the optimisers and the environment, which share a step with what is timed: "
        "see `swimrl bench train`"
    ),
    "formulas of many PyTorch operations beside operators of one: see `swimrl bench activations`",
)
"""What the paper's protocol leaves out."""


@dataclass(frozen=True)
class PaperConfig:
    """What is measured.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    act: tuple[str, ...] = ("swim", "swish", "relu")
    """Activations; the others are compared with relu, or without it with the first."""

    env: str = "Walker2d-v4"
    """Environment id, for the sizes of observation and action."""

    rounds: int = 10
    """Rounds of the corrected protocol with each set of processes, in random order."""

    processes: int = 2
    """How often every process is replaced by a fresh one."""

    reading: float = 0.02
    """Seconds of one reading, about."""

    seed: int = 0
    """Seed of weights, inputs and the order within the rounds."""

    @property
    def plan(self) -> Plan:
        """How much is measured."""
        return Plan(self.processes, self.rounds, self.reading, self.seed)

    def __post_init__(self) -> None:
        self.plan.check(such_as="0.02")
        if not self.act:
            raise ConfigError("nothing to measure; give at least one --act")
        names = [parse_name(name).canonical for name in self.act]
        if len(set(names)) < len(names):
            raise ConfigError(f"--act names one of {' '.join(self.act)} twice; give each once")
        TrainConfig(env=self.env)


def run(config: PaperConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; what could not be measured is in it with the reason."""
    acts = [parse_name(name).canonical for name in config.act]
    command = [sys.executable, "-m", "swimrl.bench.paper.child"]
    arms = [Arm(act, command, {"act": act, "env": config.env, "seed": config.seed}) for act in acts]

    def content() -> Content:
        found = measure(arms, config.plan, progress)
        told = {
            act: {"activation": act, "threads": 1, **found.facts[act]} for act in acts if act in found.facts
        }
        return Content(told, found.series, found.absent)

    return take(KIND, {**dataclasses.asdict(config), "act": acts}, content)

"""Whole runs, from the command to the final score: the options, and the measurement. Light: no torch here.

Each arm is one contender with one network. Its process, `swimrl.bench.whole_run.child`, starts a program of
``programs`` for each reading: a run as a user would start it, with clocks around its parts.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from swimrl.bench.checks import canonical_names, check_counts, check_distinct, check_seed
from swimrl.bench.training.config import arm_name, contenders_of, pythons_of, recorded_settings
from swimrl.bench.whole_run.parts import FIRST_UPDATES
from swimrl.errors import ConfigError
from swimrl.fields import Count
from swimrl.td3.config import TD3Config
from swimrl.timing.measure import Plan, Progress, TimedArm
from swimrl.timing.measure import measure as measure_arms
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import RecordContent, take_record
from swimrl.training.config import TrainConfig

KIND = "run"
"""The kind of the records."""

WARM, COLD = "warm", "cold"
"""The works: a run with all caches filled; the same run with nothing compiled on disk."""

_FEWEST_STEPS = 4 * FIRST_UPDATES
_FINAL_EPISODES_OF_A_SHORT_RUN = 10


@dataclass(frozen=True)
class RunBenchmarkConfig:
    """Which contenders are measured, and how.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    env: str = TrainConfig.env
    """Environment id. Where falling ends an episode, a whole run is needed: episodes get longer with
    learning."""

    act: str = "relu"
    """Activation; relu is one that every contender has."""

    net: tuple[str, ...] = ("64x64", "256x256")
    """Widths of the hidden layers; each is measured with every contender."""

    engine: tuple[str, ...] = ("fused",)
    """Our own contenders: fused, sb3 (Stable-Baselines3's update in our agent), bf16; fused@2 has two
    threads on two cores."""

    against: tuple[str, ...] = ("sb3",)
    """Peers: sb3, sb3-medium (with faster products on some processors), sbx, rltools."""

    peer_python: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=PYTHON")] = ()
    """Interpreters of peers that live in an environment of their own, such as
    sbx=/opt/peers/sbx/bin/python; benchmarks/setup-peers makes them."""

    whole: Count = 100_000
    """Environment steps of the run that the tables are about."""

    steps: Count = 2_000
    """Environment steps that are really done, the first half of them random. What they take is extrapolated
    to the whole run; with as many steps as --whole nothing is."""

    rounds: Count = 6
    """Runs of each arm; in a round each arm does one, in random order."""

    warm_only: bool = False
    """Leave out the runs without compiled code on disk, which contenders do that keep any."""

    seed: Count = 0
    """Seed of the order within the rounds."""

    def __post_init__(self) -> None:
        check_counts(rounds=self.rounds, steps=self.steps, whole=self.whole)
        check_seed(self.seed)
        for option, values in (("--engine", self.engine), ("--against", self.against), ("--net", self.net)):
            check_distinct(option, values)
        if not self.net or not self.contenders():
            raise ConfigError("nothing to measure; give at least one --net, and one of --engine or --against")
        if not _FEWEST_STEPS <= self.steps <= self.whole:
            raise ConfigError(
                f"--steps is {self.steps}; expected at least {_FEWEST_STEPS}, and at most the "
                f"{self.whole} of --whole"
            )
        if self.whole <= TD3Config.learning_starts:
            raise ConfigError(
                f"--whole is {self.whole}; expected more than the {TD3Config.learning_starts} random steps "
                "before learning"
            )
        self.pythons()
        for net in self.net:
            _ = TrainConfig(env=self.env, net=net).hidden_widths
        canonical_names("--act", [self.act])

    def contenders(self) -> list[tuple[str, int]]:
        """Return name and threads of every contender; our own are named ``swimrl-...``."""
        return contenders_of(self.engine, self.against)

    def pythons(self) -> dict[str, str]:
        """Return the interpreter of each peer that has one of its own."""
        return pythons_of(self.peer_python)

    def measured_run(self) -> dict[str, Any]:
        """Return the settings of the runs that are done."""
        if self.steps == self.whole:
            return self.whole_run()
        half = self.steps // 2
        return {
            **self.whole_run(),
            "steps": self.steps,
            "learning_starts": half,
            "eval_every": half,
            "final_episodes": _FINAL_EPISODES_OF_A_SHORT_RUN,
        }

    def whole_run(self) -> dict[str, Any]:
        """Return the settings of the run that the tables are about: swimrl's defaults."""
        return {
            "steps": self.whole,
            "learning_starts": TD3Config.learning_starts,
            "eval_every": TrainConfig.eval_every,
            "eval_episodes": TrainConfig.eval_episodes,
            "final_episodes": TrainConfig.final_episodes,
            "checkpoint_every": TrainConfig.checkpoint_every,
        }


def measure(config: RunBenchmarkConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; it keeps the reason of each arm that could not be measured.

    Raises:
        SwimrlError: If the environment does not exist.
    """
    from swimrl.envs.make import check_id

    check_id(config.env)
    shared = {
        "env": config.env,
        "act": canonical_names("--act", [config.act])[0],
        "batch_size": TD3Config.batch_size,
        "buffer_size": TD3Config.buffer_size,
        "lr": TD3Config.lr,
        "exploration_noise": TD3Config.exploration_noise,
    }
    abouts = {
        arm_name(contender, threads, net): {"contender": contender, "threads": threads, "net": net}
        for net in config.net
        for contender, threads in config.contenders()
    }
    arms = [_arm(name, about, config, shared) for name, about in abouts.items()]
    plan = Plan(processes=1, rounds=config.rounds, count=1, seed=config.seed)

    def content() -> RecordContent:
        measurement = measure_arms(arms, plan, progress)
        facts = measurement.facts
        measured = {name: {**about, **facts[name]} for name, about in abouts.items() if name in facts}
        return RecordContent(measured, measurement.series, measurement.absent)

    runs = {"measured_run": config.measured_run(), "whole_run": config.whole_run()}
    return take_record(KIND, {**recorded_settings(config), **shared, **runs, "processes": 1}, content)


def estimate(config: RunBenchmarkConfig) -> tuple[str, float, str]:
    """Return what is measured, about how many seconds it takes, and what makes it shorter."""
    arms = len(config.net) * len(config.contenders())
    each = 10 + 0.004 * config.steps
    rounds = config.rounds * (1.0 if config.warm_only else 1.5)
    return f"{arms} arms", arms * each * (1 + rounds), "--rounds 1"


def _arm(name: str, about: dict[str, Any], config: RunBenchmarkConfig, shared: dict[str, Any]) -> TimedArm:
    contender = about["contender"]
    is_ours = contender.startswith("swimrl")
    program = "ours" if is_ours else contender.removesuffix("-medium")
    python = config.pythons().get(contender, sys.executable)
    settings = {
        # -P: without the working directory on the import path.
        "command": [python, "-P", "-m", f"swimrl.bench.whole_run.programs.{program}"],
        "has_cache": not config.warm_only and (is_ours or contender == "rltools"),
        "run": {**shared, **config.measured_run(), **about},
    }
    command = [sys.executable, "-m", "swimrl.bench.whole_run.child"]
    return TimedArm(name, command, settings, about["threads"])

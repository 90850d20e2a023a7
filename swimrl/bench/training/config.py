"""The speed of training beside other libraries: the options, and the measurement. Light: no torch here.

Each arm is one contender with one activation. Its process is `swimrl.bench.training.child`, or a script in
``peers`` that runs in the peer's own environment. It fills a replay buffer with random steps and learns a
little; then it is measured, round after round.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from swimrl.bench.checks import canonical_names, check_counts, check_distinct, check_reading, check_seed
from swimrl.errors import ConfigError, UnknownNameError
from swimrl.fields import Count
from swimrl.td3.config import TD3Config
from swimrl.timing.measure import Plan, Progress, TimedArm
from swimrl.timing.measure import measure as measure_arms
from swimrl.timing.record import TimingRecord
from swimrl.timing.session import RecordContent, take_record
from swimrl.training.config import TrainConfig

KIND = "train"
"""The kind of the records."""

FLOOR = "floor"
"""The arm that computes only the products of an update, and steps only the environment."""

ENGINES = {
    "fused": "our update",
    "bf16": "our update with large products in bfloat16",
    "sb3": "Stable-Baselines3's update in our agent",
}
PEERS = {
    "sb3": "plain Stable-Baselines3 with PyTorch's own or eager activations",
    "sb3-medium": "the same with torch.set_float32_matmul_precision('medium')",
    "sbx": "SBX, in JAX",
    "rltools": "RLtools, in C++",
}

NO_PEER = "none"
"""What --against takes for no peer at all."""

_IN_OUR_PYTHON = ("sb3", "sb3-medium")
_PEER_SCRIPTS = Path(__file__).with_name("peers")


@dataclass(frozen=True)
class TrainingBenchmarkConfig:
    """Which contenders are measured, and how.

    Raises:
        ConfigError: If a value cannot be used; the message names it.
        SwimrlError: If an activation's name cannot be used.
    """

    env: str = TrainConfig.env
    """Environment id."""

    act: tuple[str, ...] = ("relu", TrainConfig.act)
    """Activations; each is measured with every contender."""

    engine: tuple[str, ...] = ("fused", "sb3")
    """Our own contenders: fused, sb3 (Stable-Baselines3's update in our agent), bf16; fused@2 has two
    threads on two cores."""

    against: tuple[str, ...] = ("sb3",)
    """Peers: sb3, sb3-medium (with faster products on some processors), sbx, rltools; sb3@2 has two threads
    on two cores; none for no peer."""

    peer_python: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=PYTHON")] = ()
    """Interpreters of peers that live in an environment of their own, such as
    sbx=/opt/peers/sbx/bin/python; benchmarks/setup-peers makes them."""

    net: str = TrainConfig.net
    """Widths of the hidden layers."""

    batch_size: Count = TD3Config.batch_size
    """Transitions in a minibatch."""

    warm_up: Count = 5_000
    """Random steps that fill the replay buffer before learning."""

    rounds: Count = 10
    """Rounds with each set of processes; in a round everything is measured once, in random order."""

    processes: Count = 2
    """How often all rounds are done, each time in fresh processes."""

    reading: float = 0.5
    """About how many seconds a reading takes."""

    seed: Count = 0
    """Seed of the order within the rounds."""

    def __post_init__(self) -> None:
        check_counts(
            rounds=self.rounds, processes=self.processes, warm_up=self.warm_up, batch_size=self.batch_size
        )
        check_seed(self.seed)
        check_reading(self.reading, example=0.5)
        check_distinct("--engine", self.engine)
        check_distinct("--against", self.against)
        if not self.act or not self.contenders():
            raise ConfigError("nothing to measure; give at least one --act, and one of --engine or --against")
        self.pythons()
        TrainConfig(env=self.env, net=self.net)
        canonical_names("--act", self.act)

    def contenders(self) -> list[tuple[str, int]]:
        """Return name and threads of every contender; our own are named ``swimrl-...``."""
        return contenders_of(self.engine, self.against)

    def pythons(self) -> dict[str, str]:
        """Return the interpreter of each peer that has one of its own."""
        return pythons_of(self.peer_python)


def contenders_of(engine: Sequence[str], against: Sequence[str]) -> list[tuple[str, int]]:
    """Return name and threads of the contenders that --engine and --against name; none stands for no peer.

    Raises:
        ConfigError: If a number of threads cannot be read.
        UnknownNameError: If there is no such contender.
    """
    ours = [_split_threads("--engine", text, ENGINES) for text in engine]
    peers = [_split_threads("--against", text, PEERS) for text in against if text != NO_PEER]
    return [*((f"swimrl-{name}", threads) for name, threads in ours), *peers]


def recorded_settings(config: Any) -> dict[str, Any]:
    """Return a config for the record, without the peers' interpreters, which are paths of one machine."""
    settings = dataclasses.asdict(config)
    del settings["peer_python"]
    return settings


def pythons_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return the interpreter of each peer that --peer-python gives one.

    Raises:
        ConfigError: If a pair cannot be read.
    """
    pythons = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        own = [peer for peer in PEERS if peer not in _IN_OUR_PYTHON]
        if not equals or not path or name not in own:
            raise ConfigError(
                f"--peer-python {pair!r} is not of the form NAME=PYTHON with one of {', '.join(own)}; "
                "expected one such as sbx=/opt/peers/sbx/bin/python"
            )
        pythons[name] = path
    return pythons


def arm_name(contender: str, threads: int, varied: str) -> str:
    """Return the name of an arm.

    Args:
        contender: Its name.
        threads: The threads it has.
        varied: What else the arms differ in: the activation, or the network.

    Example:
        >>> arm_name("sb3", 2, "swim")
        'sb3@2 swim'
    """
    return f"{contender}@{threads} {varied}" if threads > 1 else f"{contender} {varied}"


def measure(config: TrainingBenchmarkConfig, progress: Progress) -> TimingRecord:
    """Measure and return the record; it keeps the reason of each arm that could not be measured.

    Raises:
        SwimrlError: If the environment does not exist.
    """
    from swimrl.envs.make import check_id

    check_id(config.env)
    abouts: dict[str, dict[str, Any]] = {FLOOR: _description(FLOOR, 1, None)}
    for act in canonical_names("--act", config.act):
        for contender, threads in config.contenders():
            abouts[arm_name(contender, threads, act)] = _description(contender, threads, act)
    shared = {
        "env": config.env,
        "net": config.net,
        "batch_size": config.batch_size,
        "warm_up": config.warm_up,
        "buffer_size": TD3Config.buffer_size,
        "lr": TD3Config.lr,
        "exploration_noise": TD3Config.exploration_noise,
    }
    arms = [
        TimedArm(name, _command(about["contender"], config.pythons()), {**shared, **about}, about["threads"])
        for name, about in abouts.items()
    ]
    plan = Plan(config.processes, config.rounds, config.reading, seed=config.seed)

    def content() -> RecordContent:
        measurement = measure_arms(arms, plan, progress)
        facts = measurement.facts
        measured = {name: {**about, **facts[name]} for name, about in abouts.items() if name in facts}
        return RecordContent(measured, measurement.series, measurement.absent)

    return take_record(KIND, {**recorded_settings(config), **shared}, content)


def _description(contender: str, threads: int, act: str | None) -> dict[str, Any]:
    return {"contender": contender, "threads": threads, "act": act}


def _command(contender: str, pythons: Mapping[str, str]) -> list[str]:
    if contender in PEERS and contender not in _IN_OUR_PYTHON:
        # -P: without the script's folder on the import path, because sbx.py would hide the package sbx.
        return [pythons.get(contender, sys.executable), "-P", str(_PEER_SCRIPTS / f"{contender}.py")]
    return [sys.executable, "-m", "swimrl.bench.training.child"]


def _split_threads(flag: str, text: str, known: Mapping[str, str]) -> tuple[str, int]:
    name, at, threads = text.partition("@")
    if name not in known:
        raise UnknownNameError(f"contender of {flag}", name, known, "swimrl bench train --help")
    if not at:
        return name, 1
    if not threads.isdecimal() or int(threads) < 1:
        raise ConfigError(f"{flag} {text!r} has no number of threads after @; expected one such as {name}@2")
    return name, int(threads)

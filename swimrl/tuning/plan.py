"""What a tuning consists of: its trials, stage by stage, as studies that `swimrl sweep` can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

from swimrl.errors import ConfigError
from swimrl.fields import flatten, to_mapping
from swimrl.runs.declaration import FIRST_TUNING_SEED
from swimrl.runs.scores import Metric
from swimrl.sweeps.config import SweepConfig, replaced
from swimrl.training.config import TrainConfig
from swimrl.tuning.space import Dimension, Point, Value, parse_dimension, sobol_points

REPORTING_SEEDS = tuple(range(10))
"""The seeds of the study that a tuning proposes."""

START_UP = 10
"""Points of the Sobol sequence, the same for every activation, before TPE proposes any."""

WAVE = 5
"""Points that TPE proposes at once, from the scores of all waves before."""

Sampler = Literal["sobol", "tpe"]
SAMPLERS = get_args(Sampler)

_MOST_POINTS = 4096


@dataclass(frozen=True)
class Stage:
    """A stage: which points each activation tries, and on which seeds."""

    number: int
    """1 or 2."""

    pairs: tuple[tuple[str, int], ...]
    """Activations and numbers of points."""

    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A tuning: two stages, with the same points, budget and seeds for every activation.

    Raises:
        ConfigError: If a number is out of range or the space is wrong.
    """

    base: TrainConfig
    """The settings that all trials share: the environment, the steps, and what is not tuned."""

    acts: tuple[str, ...]
    """The activations."""

    space: tuple[str, ...]
    """What is tried, such as ``td3.lr=1e-5..2e-3:log``."""

    trials: int = 20
    """Points of the first stage, for each activation. The first point is the settings as they are."""

    keep: int = 4
    """How many points of each activation go on to the second stage."""

    repeats: int = 3
    """Seeds of each of them there."""

    seeds: tuple[int, ...] = tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + 1000))
    """Tuning seeds: the first one is that of the first stage, the next ones are those of the second."""

    metric: Metric = "last10"
    """The score of a trial."""

    sobol_seed: int = 0
    """Seed of the sequence of points, and of the sampler."""

    sampler: Sampler = "sobol"
    """Where the points of the first stage come from: a Sobol sequence, or after `START_UP` of these, Optuna's
    TPE for each activation by itself."""

    proposed: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """By activation: the points that TPE has proposed so far, after those of the Sobol sequence."""

    def __post_init__(self) -> None:
        if len({*self.acts}) < max(len(self.acts), 1):
            raise ConfigError("--act names an activation twice or none; name each activation once")
        for name in ("trials", "keep", "repeats"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; expected a whole number of at least 1")
        if self.keep > self.trials:
            raise ConfigError(f"--keep is {self.keep}; expected at most --trials, which is {self.trials}")
        if self.sampler not in SAMPLERS:
            raise ConfigError(f"--sampler is {self.sampler!r}; expected one of {', '.join(SAMPLERS)}")
        if not self.space:
            raise ConfigError("there is nothing to tune; give --space, such as td3.lr=1e-5..2e-3:log")
        if len(self.seeds) < 1 + self.repeats or min(self.seeds) < FIRST_TUNING_SEED:
            raise ConfigError(
                f"--tuning-seeds are {len(self.seeds)} seeds from {min(self.seeds, default=0)} on; expected "
                f"at least {1 + self.repeats} seeds, all from {FIRST_TUNING_SEED} on; lower seeds are for "
                "reporting"
            )

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The space."""
        dimensions = tuple(parse_dimension(text) for text in self.space)
        keys = [one.key for one in dimensions]
        if len({*keys}) < len(keys):
            raise ConfigError(f"--space names a setting twice: {', '.join(keys)}; name each once")
        return dimensions

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The points that all activations try first: the settings as they are, and then different others.

        Raises:
            ConfigError: If a setting or a value is wrong, or the space has too few different points.
        """
        points: dict[TrainConfig, Point] = {self.base: {}}
        for point in sobol_points(self.dimensions, _MOST_POINTS, seed=self.sobol_seed):
            if len(points) == self.trials:
                break
            points.setdefault(replaced(self.base, point), point)
        if len(points) < self.trials:
            raise ConfigError(f"the space has {len(points)} different points; give --trials {len(points)}")
        return tuple(points.values())[: self.waves[0].stop]

    @property
    def waves(self) -> list[range]:
        """The numbers of the points of the first stage, in the parts that are tried one after the other."""
        first = self.trials if self.sampler == "sobol" else min(START_UP, self.trials)
        ends = [*range(first, self.trials, WAVE), self.trials]
        return [range(start, end) for start, end in zip([0, *ends], ends, strict=False) if end > start]

    def points_of(self, act: str) -> tuple[Point, ...]:
        """Return the points of an activation so far."""
        return (*self.points, *self.proposed.get(act, ()))

    def value(self, act: str, point: int, key: str) -> Value:
        """Return the value that a setting has at a point; the first point has the settings as given."""
        given: Value = flatten(to_mapping(self.base))[key]
        return self.points_of(act)[point].get(key, given)

    def first_stage(self, wave: range) -> Stage:
        """Return the stage in which every activation tries these points once, all on the same seed."""
        pairs = [(act, number) for number in wave for act in self.acts]
        return Stage(1, tuple(pairs), self.seeds[:1])

    def second_stage(self, kept: Mapping[str, Sequence[int]]) -> Stage:
        """Return the stage in which the kept points of each activation get fresh seeds.

        Args:
            kept: Numbers of points by activation.
        """
        pairs = [(act, number) for act, numbers in kept.items() for number in numbers]
        return Stage(2, tuple(pairs), self.seeds[1 : 1 + self.repeats])

    def study(self, stage: Stage) -> SweepConfig:
        """Return a stage as a study; its runs come seed by seed, in the order of the stage's pairs."""
        points = tuple({"act": act, **self.points_of(act)[number]} for act, number in stage.pairs)
        return SweepConfig(self.base, {"env": [self.base.env]}, stage.seeds, points)

    def tuned(self, choice: Mapping[str, int]) -> SweepConfig:
        """Return the study of the chosen settings, on reporting seeds, with a declared comparison.

        Args:
            choice: Number of the chosen point by activation.
        """
        baseline = "relu" if "relu" in self.acts else self.acts[0]
        others = [act for act in self.acts if act != baseline]
        primary = {
            "metric": self.metric,
            "baseline": baseline,
            "comparisons": others,
            "planned_seeds": len(REPORTING_SEEDS),
        }
        study = self.study(Stage(2, tuple(choice.items()), REPORTING_SEEDS))
        return replace(study, primary=primary if others else None)

    @property
    def _by_tpe(self) -> str:
        proposed = self.trials - self.waves[0].stop
        return f" ({proposed} of them proposed by TPE, {WAVE} at a time)" if proposed else ""

    @property
    def summary(self) -> str:
        """The budget, in words."""
        first, second = len(self.acts) * self.trials, len(self.acts) * self.keep * self.repeats
        steps = (first + second) * self.base.steps
        return (
            f"each of {len(self.acts)} activations: {self.trials} points once{self._by_tpe}, then the best "
            f"{self.keep} on {self.repeats} fresh seeds; {first} + {second} runs of {self.base.steps:,} "
            f"steps, {steps:,} steps in all"
        )

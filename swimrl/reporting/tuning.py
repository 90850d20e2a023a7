"""What each arm was tuned with and what that cost, as its runs recorded it."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swimrl.errors import ConfigError
from swimrl.fields import flatten, to_mapping
from swimrl.reporting.read import Run
from swimrl.runs.tuning_origin import TunedArm, TuningOrigin, read_origin
from swimrl.training.config import TrainConfig


@dataclass(frozen=True)
class ArmTuning:
    """How the settings of an arm came about, on the tasks where they came about so."""

    arm: str
    tasks: tuple[str, ...]

    origin: TuningOrigin | None
    """The tuning that chose the settings; None if none did."""

    cost: TunedArm | None
    """What that tuning cost for this arm; None if it was not tuned."""

    settings: Mapping[str, Any]
    """The values of the tuned settings; of an arm that was not tuned, TD3's settings that are no defaults."""

    @property
    def text(self) -> str:
        """The settings in words."""
        values = ", ".join(f"{key} {_shown(value)}" for key, value in self.settings.items())
        if self.origin is not None:
            return values
        return f"defaults, but {values}" if values else "defaults"


def tunings(runs: Sequence[Run]) -> list[ArmTuning]:
    """Return how the settings of each arm came about, in the order of the runs; nothing without records."""
    tasks: dict[tuple[object, ...], dict[str, None]] = defaultdict(dict)
    unique: dict[tuple[object, ...], ArmTuning] = {}
    for run in runs:
        if run.record is not None:
            one = _of_run(run)
            key = (one.arm, one.text, one.origin and one.origin.study, str(one.cost))
            unique.setdefault(key, one)
            tasks[key][run.env] = None
    return [
        ArmTuning(one.arm, tuple(tasks[key]), one.origin, one.cost, one.settings)
        for key, one in unique.items()
    ]


def warnings(runs: Sequence[Run]) -> list[str]:
    """Return one line for each way in which arms were not tuned with the same budget."""
    lines = [
        f"{run.source}: what it was tuned with cannot be read, so it counts as not tuned"
        for run in runs
        if run.record is not None and _has_unreadable_origin(run)
    ][:1]
    every = tunings(runs)
    tuned = _names(one for one in every if one.origin is not None)
    others = _names(one for one in every if one.origin is None)
    if tuned and others:
        lines.append(
            f"{', '.join(tuned)} {_was(tuned)} tuned and {', '.join(others)} {_was(others)} not, so they had "
            "not the same chance"
        )
    budgets: dict[str, None] = {}
    for one in every:
        if one.origin is not None and one.cost is not None:
            origin = one.origin
            budget = f"{one.cost.runs} runs, {one.cost.steps:,} steps"
            budgets.setdefault(f"{'; '.join(origin.space)} on {origin.env}: {budget}")
    if len(budgets) > 1:
        lines.append(f"arms were tuned with different spaces or budgets: {' / '.join(budgets)}")
    return lines


def _names(of: Iterable[ArmTuning]) -> list[str]:
    return [*dict.fromkeys(one.arm for one in of)]


def _was(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _has_unreadable_origin(run: Run) -> bool:
    assert run.record is not None
    return "tuning" in run.record.study and _origin(run) is None


def _origin(run: Run) -> TuningOrigin | None:
    assert run.record is not None
    try:
        return read_origin(run.record.study["tuning"], source=str(run.source))
    except (KeyError, ConfigError):
        return None


def _of_run(run: Run) -> ArmTuning:
    assert run.record is not None
    config = flatten(run.record.config)
    origin = _origin(run)
    cost = None if origin is None else origin.arms.get(str(config["act"]))
    if cost is not None and all(config.get(key) == value for key, value in cost.settings.items()):
        return ArmTuning(run.arm, (), origin, cost, cost.settings)
    given = {key: config[key] for key, value in _defaults().items() if config.get(key, value) != value}
    return ArmTuning(run.arm, (), None, None, given)


@functools.cache
def _defaults() -> Mapping[str, Any]:
    """Return TD3's settings with their defaults."""
    return flatten({"td3": to_mapping(TrainConfig().td3)})


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

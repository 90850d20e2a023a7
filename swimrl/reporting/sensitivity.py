"""The score of each activation against a setting: at the common default, and at the best value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swimrl.reporting.findings import Analysis, Arm


@dataclass(frozen=True)
class Point:
    """An arm at one value of the setting."""

    value: float
    arm: Arm


@dataclass(frozen=True)
class Sensitivity:
    """The scores of all activations on one task, over the values of a setting."""

    env: str
    key: str
    """The key of the setting, such as ``td3.lr``."""

    default: float | None
    """The default of the setting, if any run has it."""

    lines: Mapping[str, Sequence[Point]]
    """The points of each activation, values ascending."""

    @property
    def is_logarithmic(self) -> bool:
        """Whether the values are so far apart that a logarithmic axis shows them better."""
        values = [point.value for points in self.lines.values() for point in points]
        return min(values) > 0 and max(values) >= 8 * min(values)

    def at_default(self, activation: str) -> Point | None:
        """Return the point of an activation at the default, if it was run there."""
        return next((point for point in self.lines[activation] if point.value == self.default), None)

    def best(self, activation: str) -> Point:
        """Return the point with the highest score; this is optimistic, because it is chosen by the score."""
        return max(self.lines[activation], key=lambda point: float(point.arm.scores.mean()))


def sensitivity(analysis: Analysis, defaults: Mapping[str, object]) -> list[Sensitivity]:
    """Return the sensitivity on each task to the first key, after the activation, whose values are numbers.

    Args:
        analysis: Its arms must be told apart by two keys or more.
        defaults: The default of each key.
    """
    for place, key in enumerate(analysis.by[1:], start=1):
        of_tasks = {env: _lines(analysis, env, place) for env in analysis.tasks}
        several = [
            Sensitivity(env, key, _default(defaults.get(key), lines), lines)
            for env, lines in of_tasks.items()
            if lines
        ]
        if several:
            return several
    return []


def _lines(analysis: Analysis, env: str, place: int) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = defaultdict(list)
    for name in analysis.names:
        arm = analysis.arm(env, name)
        if arm is None or len(arm.values) <= place:
            continue
        value = arm.values[place]
        if isinstance(value, int | float) and not isinstance(value, bool):
            others = [str(v) for i, v in enumerate(arm.values) if i != place]
            lines[", ".join(others)].append(Point(float(value), arm))
    if all(len(points) < 2 for points in lines.values()):
        return {}
    return {name: sorted(points, key=lambda point: point.value) for name, points in lines.items()}


def _default(value: object, lines: Mapping[str, Sequence[Point]]) -> float | None:
    values = {point.value for points in lines.values() for point in points}
    return float(value) if isinstance(value, int | float) and float(value) in values else None

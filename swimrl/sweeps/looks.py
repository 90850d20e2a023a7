"""Studies that stop when their answer is in: what is done next, and the looks that were taken.

A look takes the first seeds of every arm that is still open. Its data and its decisions go to study.json
once: the same look is never taken again, and later calls check that the scores are still those that it saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swimrl.envs.random_policy import random_returns
from swimrl.errors import ConfigError, InputError, TrainingError
from swimrl.fields import to_mapping
from swimrl.reporting.analysis import analyse
from swimrl.reporting.declaration import canonical
from swimrl.reporting.findings import Analysis
from swimrl.reporting.read import collect, label
from swimrl.reporting.verdict import short
from swimrl.runs.declaration import Primary, Sequential, read_primary
from swimrl.sweeps.config import PlannedRun, SweepConfig
from swimrl.sweeps.study_record import TakenLook, alone, read_study_record, write_study_record


@dataclass(frozen=True)
class NextLook:
    """The runs that the next look needs."""

    number: int
    """From 1."""

    of: int
    config: SweepConfig
    """The study, reduced to the open arms and to the seeds of this look."""

    @property
    def title(self) -> str:
        """What is done, in words."""
        seeds = len(self.config.seeds)
        return f"look {self.number} of {self.of}: {seeds} seeds of {', '.join(_names(self.config))}"


def next_look(config: SweepConfig, folder: Path) -> NextLook | None:
    """Take every look whose runs are done, and return what the next one needs; None if all is decided.

    Args:
        config: The whole study.
        folder: Its folder.

    Raises:
        ConfigError: If the study declares no looks, has too few seeds or other axes than environments and
            activations, or if scores have changed since a look was taken.
    """
    primary, planned = _declared(config)
    seeds = sorted(config.seeds)
    open_arms = list(primary.comparisons)
    for number, size in enumerate(planned.looks, 1):
        reduced = _reduced(config, (primary.baseline, *open_arms), seeds[:size])
        taken = _take(reduced, folder, number, primary)
        if taken is None:
            return NextLook(number, len(planned.looks), reduced)
        open_arms = [arm for arm in open_arms if taken.outcomes[canonical(arm)] == "open"]
        if not open_arms:
            return None
    return None


def check_taken(look: NextLook, config: SweepConfig, folder: Path) -> None:
    """Raise an error if a look could not be taken although its runs were done.

    Raises:
        TrainingError: If runs have no score; the message names the first.
    """
    after = next_look(config, folder)
    if after is None or after.number > look.number:
        return
    analysis = _analysis(folder)
    reasons = [f"{one.source}: {one.why}" for one in analysis.excluded] if analysis is not None else []
    raise TrainingError(
        f"look {look.number} cannot be taken, because a run has no score; "
        f"{reasons[0] if reasons else 'no run could be read'}; mend it and start the same command again"
    )


def lines_of(folder: Path, number: int) -> list[str]:
    """Return what a look decided, one line for each comparison that it looked at."""
    record = read_study_record(folder)
    look = next(look for look in record.looks if look.number == number) if record else None
    return [] if look is None else [f"look {number}: {arm}: {text}" for arm, text in look.verdicts.items()]


def _declared(config: SweepConfig) -> tuple[Primary, Sequential]:
    primary = None if config.primary is None else read_primary(config.primary, source="primary")
    if primary is None or primary.sequential is None:
        raise InputError(
            "--until-decided needs a study that declares looks; add primary: sequential: "
            "{looks: [5, 10, 20]} to its YAML file (docs/sweeps.md)"
        )
    others = [key for key, values in config.axes.items() if key not in ("env", "act") and len(values) > 1]
    if others:
        raise ConfigError(
            f"--until-decided compares activations, and {others[0]} has several values too; give one value"
        )
    if len(config.seeds) < primary.sequential.looks[-1]:
        raise ConfigError(
            f"the last look has {primary.sequential.looks[-1]} seeds and the study {len(config.seeds)}; "
            f"give --seeds 0-{primary.sequential.looks[-1] - 1}"
        )
    for name in (primary.baseline, *primary.comparisons):
        if canonical(name) not in _names(config):
            raise ConfigError(f"{name} of primary is no activation of the study; add it to act")
    return primary, primary.sequential


def _reduced(config: SweepConfig, arms: Sequence[str], seeds: Sequence[int]) -> SweepConfig:
    """Return the study with some of its activations and seeds alone."""
    wanted = {canonical(name) for name in arms}
    axes = dict(config.axes)
    if "act" in axes:
        axes["act"] = [act for act in axes["act"] if _name(act) in wanted]
    points = tuple(point for point in config.points if "act" not in point or _name(point["act"]) in wanted)
    return replace(config, axes=axes, points=points, seeds=tuple(seeds))


def _names(config: SweepConfig) -> list[str]:
    """Return the activations of a study, in its order."""
    of_points = [point["act"] for point in config.points if "act" in point]
    acts = of_points or config.axes.get("act", [config.base.act])
    return list(dict.fromkeys(map(_name, acts)))


def _name(act: object) -> str:
    return canonical(",".join(map(str, act)) if isinstance(act, list) else str(act))


def _take(reduced: SweepConfig, folder: Path, number: int, primary: Primary) -> TakenLook | None:
    """Return a look: the one that was taken, or else a new one; None if its runs are not all done."""
    if not folder.exists():
        return None
    with alone(folder):
        record = read_study_record(folder)
        before = None if record is None else next((x for x in record.looks if x.number == number), None)
        analysis = _analysis(folder)
        if record is None or analysis is None:
            return None
        look = _look(analysis, reduced, folder, number, primary)
        if before is not None:
            _check_unchanged(before, look, folder)
            return before
        if look is not None:
            write_study_record(folder, replace(record, looks=(*record.looks, look)))
        return look


def _analysis(folder: Path) -> Analysis | None:
    try:
        return analyse(collect([folder]), random_returns=random_returns())
    except InputError:  # no run has begun, or none has a score
        return None


def _look(
    analysis: Analysis, reduced: SweepConfig, folder: Path, number: int, primary: Primary
) -> TakenLook | None:
    """Return the look on the runs as they are now; None if some have no score yet."""
    scores = _scores(analysis, reduced.runs(folder))
    if scores is None:
        return None
    arms = {canonical(name) for name in primary.comparisons} & {*next(iter(scores.values()))}
    decided = {
        comparison.arm: (comparison.decision, short(comparison, analysis))
        for comparison in analysis.comparisons
        if comparison.primary and comparison.arm in arms and comparison.decision is not None
    }
    if decided.keys() != arms or any(decision.look < number for decision, _ in decided.values()):
        return None
    return TakenLook(
        number,
        [*reduced.seeds],
        scores,
        {arm: decision.outcome for arm, (decision, _) in decided.items()},
        {arm: decision.p_value for arm, (decision, _) in decided.items()},
        {arm: text for arm, (_, text) in decided.items()},
    )


def _scores(analysis: Analysis, runs: Sequence[PlannedRun]) -> dict[str, dict[str, list[float]]] | None:
    """Return the scores of these runs by environment and arm, in the order of seeds; None if one lacks."""
    scores: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        config = to_mapping(run.config)
        arm = analysis.arm(run.config.env, label(config, analysis.by))
        if arm is None or run.config.seed not in arm.by_seed:
            return None
        scores.setdefault(arm.env, {}).setdefault(arm.name, []).append(arm.by_seed[run.config.seed])
    return scores


def _check_unchanged(before: TakenLook, now: TakenLook | None, folder: Path) -> None:
    if now is None or before.scores != now.scores:
        raise ConfigError(
            f"the scores of look {before.number} have changed since it was taken "
            f"({folder / 'study.json'} holds what it saw), and a look is taken once; restore its runs, or "
            "name another --study"
        )

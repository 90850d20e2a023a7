"""Studies that stop when their answer is in: what is done next, and the looks that were taken.

A look takes the first seeds of every arm that is still open. Its data and its decisions go to study.json
once: the same look is never taken again, and later calls check that the scores are still those that it saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swimrl.envs.random_policy import random_returns
from swimrl.errors import ConfigError, InputError, TrainingError
from swimrl.fields import to_mapping
from swimrl.reporting.analysis import scores_by_seed
from swimrl.reporting.declaration import canonical
from swimrl.reporting.read import Collection, Excluded, collect, label
from swimrl.reporting.sequential import decide
from swimrl.reporting.verdict import short_of_look
from swimrl.runs.declaration import Primary, Sequential, read_primary
from swimrl.sweeps.config import PlannedRun, SweepConfig
from swimrl.sweeps.study_record import TakenLook, alone, read_study_record, write_study_record

_Scores = Mapping[str, Mapping[str, Mapping[int, float]]]
"""By environment, arm and seed."""


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
    done = _done(folder)
    open_arms = [canonical(arm) for arm in primary.comparisons]
    seen: dict[str, Sequence[int]] = {}
    for number, size in enumerate(planned.looks, 1):
        seen |= dict.fromkeys((canonical(primary.baseline), *open_arms), seeds[:size])
        reduced = _reduced(config, (primary.baseline, *open_arms), seeds[:size])
        taken = _take(reduced, folder, number, primary, _with_seeds(done, seen), open_arms)
        if taken is None:
            return NextLook(number, len(planned.looks), reduced)
        open_arms = [arm for arm in open_arms if taken.outcomes[arm] == "open"]
        if not open_arms:
            return None
    return None


def check_taken(look: NextLook, after: NextLook | None, folder: Path) -> None:
    """Raise an error if a look could not be taken although its runs were done.

    Args:
        look: The look whose runs were done.
        after: What `next_look` returned afterwards.
        folder: The study's folder.

    Raises:
        TrainingError: If runs have no score; the message names the first.
    """
    if after is None or after.number > look.number:
        return
    assert look.config.primary is not None
    primary = read_primary(look.config.primary, source="primary")
    _, excluded = scores_by_seed(_done(folder), primary, random_returns())
    reason = f"{excluded[0].source}: {excluded[0].why}" if excluded else "no run could be read"
    raise TrainingError(
        f"look {look.number} cannot be taken, because a run has no score; {reason}; mend it and start the "
        "same command again"
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


def _done(folder: Path) -> Collection:
    """Return the runs that are done. The others must not count, whatever score they have so far."""
    try:
        collection = collect([folder])
    except InputError:  # no run has begun
        return Collection((), ())
    done = tuple(run for run in collection.runs if run.status == "done" or run.has_diverged)
    others = [
        Excluded(str(run.source), f"it is {run.status}")
        for run in collection.runs
        if run.status != "done" and not run.has_diverged
    ]
    return Collection(done, (*collection.excluded, *others))


def _with_seeds(runs: Collection, seeds: Mapping[str, Sequence[int]]) -> Collection:
    """Return the runs with these seeds of each arm alone: a look sees no others, even if they are done."""
    seen = tuple(run for run in runs.runs if run.seed in seeds.get(canonical(run.arm), ()))
    return Collection(seen, runs.excluded)


def _take(
    reduced: SweepConfig,
    folder: Path,
    number: int,
    primary: Primary,
    runs: Collection,
    open_arms: Sequence[str],
) -> TakenLook | None:
    """Return a look: the one that was taken, or else a new one; None if its runs are not all done."""
    if not folder.exists():
        return None
    with alone(folder):
        record = read_study_record(folder)
        if record is None:
            return None
        before = next((look for look in record.looks if look.number == number), None)
        scores, _ = scores_by_seed(runs, primary, random_returns())
        seen = _scores(scores, reduced.runs(folder))
        if before is not None:
            _check_unchanged(before, seen, folder)
            return before
        if seen is None:
            return None
        look = _look(scores, seen, reduced, number, primary, open_arms)
        write_study_record(folder, replace(record, looks=(*record.looks, look)))
        return look


def _look(
    scores: _Scores,
    seen: Mapping[str, Mapping[str, Sequence[float]]],
    reduced: SweepConfig,
    number: int,
    primary: Primary,
    open_arms: Sequence[str],
) -> TakenLook:
    """Return the look at these scores. Arms that were decided before stay in the family of tests."""
    tasks = primary.environments or tuple(scores)
    of_arms = {
        arm: {task: scores[task][arm] for task in tasks if arm in scores[task]}
        for arm in map(canonical, (primary.baseline, *primary.comparisons))
    }
    baseline = of_arms.pop(canonical(primary.baseline))
    decisions = decide(
        {arm: (of_arm, baseline) for arm, of_arm in of_arms.items()}, primary, sorted(reduced.seeds), seed=0
    )
    return TakenLook(
        number,
        [*reduced.seeds],
        seen,
        {arm: decisions[arm].outcome for arm in open_arms},
        {arm: decisions[arm].p_value for arm in open_arms},
        {arm: short_of_look(arm, canonical(primary.baseline), decisions[arm]) for arm in open_arms},
    )


def _scores(scores: _Scores, runs: Sequence[PlannedRun]) -> dict[str, dict[str, list[float]]] | None:
    """Return the scores of these runs by environment and arm, in the order of seeds; None if one lacks."""
    seen: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        env, arm = run.config.env, label(to_mapping(run.config), ("act",))
        score = scores.get(env, {}).get(arm, {}).get(run.config.seed)
        if score is None:
            return None
        seen.setdefault(env, {}).setdefault(arm, []).append(score)
    return seen


def _check_unchanged(
    before: TakenLook, now: Mapping[str, Mapping[str, Sequence[float]]] | None, folder: Path
) -> None:
    if before.scores != now:
        raise ConfigError(
            f"the scores of look {before.number} have changed since it was taken "
            f"({folder / 'study.json'} holds what it saw), and a look is taken once; restore its runs, or "
            "name another --study"
        )

"""Each arm against the baseline: tests, families of tests, corrections, and what the seeds can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.declaration import corrected
from swimrl.reporting.findings import Arm, Comparison, Decision, Undetermined, determined
from swimrl.reporting.read import Run
from swimrl.reporting.sequential import BySeed, decide
from swimrl.runs.declaration import Primary
from swimrl.stats import aggregate, comparison, interval, power
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval

EFFECTS = (0.05, 0.1, 0.2)
"""Effects for which the number of seeds is computed, as shares of the baseline's score."""

_Pair = tuple[str | None, str]
"""A task, or None for all tasks together, and an arm."""


@dataclass(frozen=True)
class _Two:
    """An arm and the baseline on the same tasks."""

    arm: Mapping[str, Arm]
    baseline: Mapping[str, Arm]
    paired: bool
    seed: int

    @property
    def scores(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The scores of the arm and of the baseline, by task; pairs stand in the same order."""
        if not self.paired:
            return (
                {env: arm.scores for env, arm in self.arm.items()},
                {env: arm.scores for env, arm in self.baseline.items()},
            )
        x, y = {}, {}
        for env in self.arm:
            first, second = (arms[env].by_seed for arms in (self.arm, self.baseline))
            common = sorted(first.keys() & second.keys())
            x[env] = np.array([first[seed] for seed in common])
            y[env] = np.array([second[seed] for seed in common])
        return x, y

    @property
    def by_seed(self) -> tuple[BySeed, BySeed]:
        """The scores of the arm and of the baseline, by task and seed."""
        of_arm, of_baseline = (
            {env: arm.by_seed for env, arm in arms.items()} for arms in (self.arm, self.baseline)
        )
        return of_arm, of_baseline

    def test(self) -> Test:
        """Return the test for a difference."""
        x, y = self.scores
        if self.paired:
            return comparison.stratified_paired({env: x[env] - y[env] for env in x}, seed=self.seed)
        return comparison.stratified_mann_whitney(x, y, seed=self.seed)

    def difference(self) -> Interval:
        """Return the difference of the means on the only task, with its interval."""
        (x,), (y,) = (scores.values() for scores in self.scores)
        return interval.mean_student(x - y) if self.paired else interval.difference_welch(x, y)

    def by_permutation(self) -> Interval:
        """Return the same difference with the interval that a permutation test does not reject."""
        (x,), (y,) = (scores.values() for scores in self.scores)
        if self.paired:
            raise UndeterminedError("pairs have Student's interval only")
        return interval.difference_permutation(x, y, seed=self.seed)

    def correlation(self) -> float | None:
        """Return the correlation of the scores of pairs, after the mean of each task is subtracted."""
        x, y = self.scores
        one, other = (np.concatenate([s - s.mean() for s in scores.values()]) for scores in (x, y))
        if not self.paired or len(one) < 3 or not one.any() or not other.any():
            return None
        return float(np.corrcoef(one, other)[0, 1])


def compare(
    arms: Sequence[Arm], baseline: str, primary: Primary | None, runs: Sequence[Run], seed: int
) -> list[Comparison]:
    """Compare every arm with the baseline, on each task that both have and over all of these tasks.

    Args:
        arms: All arms.
        baseline: The name of the arm that others are compared with.
        primary: The declaration, if the comparison is the declared one.
        runs: All runs; their sources may say that equal seeds are pairs.
        seed: Seed of resampling.
    """
    by_name: dict[str, dict[str, Arm]] = defaultdict(dict)
    for arm in arms:
        by_name[arm.name][arm.env] = arm
    paired = primary.paired if primary is not None else all(run.is_paired for run in runs)
    twos: dict[_Pair, _Two] = {}
    for name, of_arm in by_name.items():
        if name == baseline:
            continue
        tasks = [env for env in of_arm if env in by_name[baseline]]
        groups: dict[str | None, list[str]] = {env: [env] for env in tasks}
        if len(tasks) > 1:
            groups[None] = tasks
        for env, group in groups.items():
            twos[env, name] = _Two(
                {task: of_arm[task] for task in group},
                {task: by_name[baseline][task] for task in group},
                paired,
                seed,
            )
    primaries = _primaries(twos, primary)
    tests = {pair: determined(two.test) for pair, two in twos.items()}
    decisions = _decisions(twos, primaries, primary, runs, seed)
    if primary is not None and primary.sequential is not None:
        for pair in primaries:
            tests[pair] = _sequential_test(decisions.get(pair))
    adjusted = _adjusted(tests, primaries, primary)
    return [
        _comparison(
            env,
            name,
            baseline,
            two,
            tests[env, name],
            adjusted.get((env, name)),
            primaries,
            decisions.get((env, name)),
        )
        for (env, name), two in twos.items()
    ]


def _decisions(
    twos: Mapping[_Pair, _Two],
    primaries: set[_Pair],
    primary: Primary | None,
    runs: Sequence[Run],
    seed: int,
) -> dict[_Pair, Decision]:
    """Return the decision on each declared comparison, if looks or a margin are declared."""
    if primary is None or primary.paired or (primary.sequential is None and primary.margin is None):
        return {}
    by_name = {name: (env, name) for env, name in primaries}
    in_order = [name for name in primary.comparisons if name in by_name]
    decided = decide(
        {name: twos[by_name[name]].by_seed for name in in_order},
        primary,
        sorted({run.seed for run in runs}),
        seed=seed,
    )
    return {by_name[name]: decision for name, decision in decided.items()}


def _sequential_test(decision: Decision | None) -> Test | Undetermined:
    if decision is None:
        return Undetermined("the runs of the first look are not complete")
    return Test(decision.p_value, f"exact sequential Mann-Whitney, {decision.spending} spending")


def _primaries(twos: Mapping[_Pair, _Two], primary: Primary | None) -> set[_Pair]:
    """Return the one test of each declared comparison: over all declared tasks, or on the only task."""
    if primary is None:
        return set()
    declared_pairs: set[_Pair] = set()
    for name in primary.comparisons:
        pairs = [(env, of) for env, of in twos if of == name]
        tasks = {env for env, _ in pairs if env is not None}
        declared = set(primary.environments or tasks)
        if declared != tasks and len(declared) > 1:
            continue  # a stratified test over other tasks is not the declared test
        env = next(iter(declared)) if len(declared) == 1 else None
        declared_pairs |= {(env, name)} & {*pairs}
    return declared_pairs


def _adjusted(
    tests: Mapping[_Pair, Test | Undetermined], primaries: set[_Pair], primary: Primary | None
) -> dict[_Pair, float]:
    """Return corrected p-values: the declared family by its declared correction, the rest as a screen."""
    known = {pair: test.p_value for pair, test in tests.items() if isinstance(test, Test)}
    screen = {pair: p for pair, p in known.items() if pair not in primaries}
    # The corrections take text as keys.
    of_screen = comparison.benjamini_hochberg({str(pair): p for pair, p in screen.items()})
    adjusted = {pair: of_screen[str(pair)] for pair in screen}
    if primary is not None:
        declared = {name: p for (env, name), p in known.items() if (env, name) in primaries}
        of_declared = corrected(declared, primary)
        adjusted |= {(env, name): of_declared[name] for env, name in known if (env, name) in primaries}
    return adjusted


def _comparison(
    env: str | None,
    name: str,
    baseline: str,
    two: _Two,
    test: Test | Undetermined,
    adjusted: float | None,
    primaries: set[_Pair],
    decision: Decision | None,
) -> Comparison:
    x, y = two.scores
    common = Undetermined("returns of different tasks have no common unit")
    scale = abs(float(y[env].mean())) if env is not None and len(y[env]) else 0.0

    def detectable() -> float:
        if env is None:
            raise UndeterminedError(common.why)
        spread, _ = power.pooled_spread(x[env], y[env])
        if not scale:
            raise UndeterminedError("the baseline scores 0")
        return power.minimum_detectable_effect(spread, min(len(x[env]), len(y[env]))) / scale

    def needed(effect: float) -> power.Seeds:
        assert env is not None
        return power.seeds_needed_from(x[env], y[env], effect=effect * scale)

    return Comparison(
        env=env,
        arm=name,
        baseline=baseline,
        seeds=(min(map(len, x.values())), min(map(len, y.values()))),
        difference=common if env is None else determined(two.difference),
        by_permutation=common if env is None else determined(two.by_permutation),
        probability_of_improvement=determined(lambda: aggregate.probability_of_improvement(x, y)),
        test=test,
        adjusted=adjusted,
        primary=(env, name) in primaries,
        correlation=two.correlation(),
        detectable=determined(detectable),
        seeds_needed=(
            {} if env is None else {effect: determined(partial(needed, effect)) for effect in EFFECTS}
        ),
        decision=decision,
    )

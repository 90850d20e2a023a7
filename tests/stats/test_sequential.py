"""Sequential permutation tests: exactness under null distributions, and agreement with fixed tests."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from swimrl.stats import comparison
from swimrl.stats.sequential import Design, Look, least_level, mann_whitney, mean_difference
from swimrl.stats.spending import Spending

POCOCK = Spending("pocock")


def drawn_looks(generator: np.random.Generator, sizes: list[int], shift: float = 0.0) -> list[Look]:
    return [Look({"a": generator.normal(size=n) + shift}, {"a": generator.normal(size=n)}) for n in sizes]


def test_with_one_look_it_is_the_mann_whitney_test() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    for shift in (0.0, 1.0):
        (look,) = looks = drawn_looks(generator, [8], shift)
        fixed = comparison.stratified_mann_whitney(look.arm, look.baseline)
        got = mann_whitney(looks).p_value(Design((8,), POCOCK))
        assert got == pytest.approx(fixed.p_value, abs=0.006)


def test_the_statistics_are_those_of_the_pooled_runs() -> None:
    looks = drawn_looks(np.random.Generator(np.random.PCG64(1)), [3, 2, 4])
    for upto in (1, 2, 3):
        x, y = (
            np.concatenate([of["a"] for of in (getattr(look, arm) for look in looks[:upto])])
            for arm in ("arm", "baseline")
        )
        improvement = (x[:, None] > y).mean()
        assert mann_whitney(looks, divisions=10).values[0, upto - 1] == pytest.approx(improvement - 0.5)
        spread = np.concatenate([x, y]).std()
        expected = (x.mean() - y.mean()) / spread
        assert mean_difference(looks, divisions=10).values[0, upto - 1] == pytest.approx(expected)


def test_divisions_exchange_runs_within_their_look_only() -> None:
    """A second look whose runs all tie cannot carry evidence, however the first is divided."""
    looks = [
        Look({"a": np.array([1.0, 2.0])}, {"a": np.array([3.0, 4.0])}),
        Look({"a": np.array([10.0, 10.0])}, {"a": np.array([10.0, 10.0])}),
    ]
    values = mann_whitney(looks, divisions=5000).values
    # Of the first look: every division of ranks 0..3; of both: the same four runs decide.
    expected = {round(sum(pair) / 4 - 1 / 4 - 0.5, 12) for pair in combinations(range(4), 2)}
    assert set(values[:, 0]) == expected
    assert set(np.round(values[:, 1] * 4, 9)) == set(np.round(np.array(sorted(expected)), 9))


def test_a_clear_difference_is_established_at_the_first_look() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    looks = drawn_looks(generator, [5, 5], shift=20.0)
    design = Design((5, 10), POCOCK)
    assert mann_whitney(looks).crossing(design, 0.05) == 0
    assert mann_whitney(looks).crossing(design, 0.05, "above") == 0
    assert mann_whitney(looks).crossing(design, 0.05, "below") is None


def test_a_look_that_was_taken_is_not_changed_by_later_runs() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    looks = drawn_looks(generator, [5, 5, 10], shift=1.0)
    first, all_of_them = mann_whitney(looks[:1]), mann_whitney(looks)
    assert np.array_equal(first.values[:, 0], all_of_them.values[:, 0])


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda g, n: g.normal(size=n), id="normal"),
        pytest.param(lambda g, n: g.integers(0, 3, size=n).astype(float), id="ties"),
        pytest.param(lambda g, n: g.standard_cauchy(size=n), id="outliers"),
    ],
)
def test_false_positives_stay_within_the_level(draw) -> None:
    generator = np.random.Generator(np.random.PCG64(4))
    design = Design((4, 8, 12), POCOCK)
    studies, rejected = 400, 0
    for _ in range(studies):
        looks = [Look({"a": draw(generator, 4)}, {"a": draw(generator, 4)}) for _ in range(3)]
        rejected += mann_whitney(looks, divisions=1000).crossing(design, 0.1) is not None
    assert rejected / studies < 0.1 + 3 * (0.1 * 0.9 / studies) ** 0.5
    assert rejected / studies > 0.03  # a test that never rejects would pass the line above


def test_it_rejects_at_every_level_above_one_at_which_it_rejects() -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    levels = np.geomspace(0.001, 0.3, 60)
    for spending in (POCOCK, Spending("obrien-fleming"), Spending("hsd", -4)):
        for _ in range(20):
            statistics = mann_whitney(drawn_looks(generator, [4, 4, 8], 0.7), divisions=2000)
            rejects = [statistics.crossing(Design((4, 8, 16), spending), a) is not None for a in levels]
            assert rejects == sorted(rejects)


def test_the_least_level_is_bisected() -> None:
    assert least_level(lambda alpha: alpha >= 0.3, 1e-4) == pytest.approx(0.3, abs=1e-4)
    assert least_level(lambda alpha: False, 1e-4) == 1.0


def test_holm_on_least_levels_is_the_procedure_that_recycles_alpha() -> None:
    """Maurer & Bretz 2013: boundaries are computed again at the level that a rejection sets free."""
    generator = np.random.Generator(np.random.PCG64(6))
    design, alpha = Design((4, 8, 16), POCOCK), 0.05
    seen = set()
    for _ in range(30):
        statistics = {
            name: mann_whitney(drawn_looks(generator, [4, 4, 8], shift), divisions=2000)
            for name, shift in (("a", 1.5), ("b", 1.2), ("c", 0.9))
        }
        open_ones, rejected = dict(statistics), set()
        while crossing := next(
            (n for n, s in open_ones.items() if s.crossing(design, alpha / len(open_ones)) is not None), None
        ):
            rejected.add(crossing)
            del open_ones[crossing]
        adjusted = comparison.holm({name: s.p_value(design) for name, s in statistics.items()})
        assert {name for name, p in adjusted.items() if p <= alpha} == rejected
        seen.add(len(rejected))
    assert len(seen) > 2  # cases in which recycling matters are among them

"""Graphs of comparisons against published examples, the closed test, Holm's procedure and fixed sequences."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.stats.comparison import fixed_sequence, holm
from swimrl.stats.graphical import graphical
from swimrl.stats.group_sequential import boundaries
from swimrl.stats.sequential import least_level
from swimrl.stats.spending import parse_spending

WEIGHTS = {"H1": 0.5, "H2": 0.5}
SUCCESSIVE = {"H1": {"H3": 1.0}, "H2": {"H4": 1.0}, "H3": {"H2": 1.0}, "H4": {"H1": 1.0}}
"""Figure 1 of Bretz et al. 2011 (Biometrical Journal 53:894): two primary and two secondary hypotheses."""


def named(*p_values: float) -> dict[str, float]:
    return {f"H{place}": p for place, p in enumerate(p_values, 1)}


def test_the_example_of_bretz_et_al_2011() -> None:
    """The numbers that the R package graphicalMCP 0.3.0 prints for this graph (graph_test_shortcut)."""
    adjusted = graphical(named(0.018, 0.01, 0.105, 0.006), WEIGHTS, SUCCESSIVE)
    assert adjusted == pytest.approx(named(0.02, 0.02, 0.105, 0.02))


@pytest.mark.parametrize(
    ("p_values", "rejected"),
    [((0.01, 0.005, 0.01, 0.5), "H1 H2 H3"), ((0.01, 0.005, 0.015, 0.022), "H1 H2 H3 H4")],
)
def test_the_rejections_that_the_r_package_gmcplite_tests(p_values: tuple[float, ...], rejected: str) -> None:
    adjusted = graphical(named(*p_values), WEIGHTS, SUCCESSIVE)
    assert [name for name, p in adjusted.items() if p <= 0.05] == rejected.split()


def test_two_looks_as_in_maurer_and_bretz_2013() -> None:
    """graphicalMCP's example of graph_test_shortcut_gsd: both are rejected at look 2, at these levels."""
    spending = parse_spending("obrien-fleming")

    def level(p: float) -> float:
        """The least level at which the second of two looks rejects."""
        bound = scipy_stats.norm.isf(p)
        return least_level(lambda alpha: boundaries([0.5, 1], spending, alpha, sides=1)[-1] <= bound, 1e-7)

    repeated = {"H1": level(0.01), "H2": level(0.005)}
    adjusted = graphical(repeated, WEIGHTS, {"H1": {"H2": 1}, "H2": {"H1": 1}})
    assert adjusted == pytest.approx({"H1": 0.010094, "H2": 0.010051}, abs=1e-6)


def test_holm_and_the_fixed_sequence_are_graphs() -> None:
    p_values = {"a": 0.012, "b": 0.004, "c": 0.3, "d": 0.02}
    equal = {one: {other: 1 / 3 for other in p_values if other != one} for one in p_values}
    assert graphical(p_values, dict.fromkeys(p_values, 0.25), equal) == pytest.approx(holm(p_values))
    chain = {"a": {"b": 1.0}, "b": {"c": 1.0}, "c": {"d": 1.0}}
    assert graphical(p_values, {"a": 1.0}, chain) == pytest.approx(fixed_sequence(p_values))


def test_it_is_the_closed_test_of_weighted_bonferroni_tests() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    names = ["a", "b", "c", "d"]
    for _ in range(20):
        weights = dict(zip(names, generator.dirichlet(np.ones(4)).tolist(), strict=True))
        transfer = {
            one: dict(zip([n for n in names if n != one], generator.dirichlet(np.ones(3)), strict=True))
            for one in names
        }
        p_values = dict(zip(names, (generator.random(4) ** 3).tolist(), strict=True))
        closed = dict.fromkeys(names, 0.0)
        for size in range(1, 5):
            for some in combinations(names, size):
                left = intersection_weights(some, weights, transfer)
                p = min(p_values[name] / left[name] for name in some)
                closed |= {name: max(closed[name], min(p, 1.0)) for name in some}
        assert graphical(p_values, weights, transfer) == pytest.approx(closed)


def intersection_weights(
    some: tuple[str, ...], weights: Mapping[str, float], transfer: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The weights after all others passed theirs on: where a walk over the graph meets ``some`` first."""
    others = [name for name in weights if name not in some]
    if not others:
        return dict(weights)
    among = np.array([[transfer[a].get(b, 0.0) for b in others] for a in others])
    into = np.array([[transfer[a][b] for b in some] for a in others])
    reached = np.linalg.solve(np.eye(len(others)) - among, into)
    passed = np.array([weights[name] for name in others]) @ reached
    return {name: weights[name] + float(more) for name, more in zip(some, passed, strict=True)}


def test_without_weight_nothing_is_established() -> None:
    assert graphical({"a": 0.2, "b": 1e-9}, {"a": 1.0}, {"a": {"b": 1.0}}) == {"a": 0.2, "b": 0.2}
    assert graphical({"a": 0.01, "b": 1e-9}, {"a": 1.0}, {}) == {"a": 0.01, "b": 1.0}

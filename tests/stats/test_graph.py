"""The graphical procedure against Holm's, a published example, and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.stats.comparison import holm as holm_p_values
from swimrl.stats.graph import Graph, fixed_sequence, holm, rejected


def test_the_graph_of_holm_is_holms_procedure() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    for _ in range(200):
        p = dict(zip("abcd", generator.random(4) ** 3, strict=True))
        adjusted = holm_p_values(p)
        got = rejected(holm([*p]), 0.05, lambda name, level, p=p: p[name] <= level)
        assert set(got) == {name for name in p if adjusted[name] <= 0.05}


def test_a_fixed_sequence_stops_at_the_first_that_is_not_rejected() -> None:
    p = {"a": 0.04, "b": 0.049, "c": 0.06, "d": 0.001}
    assert rejected(fixed_sequence([*p]), 0.05, lambda name, level: p[name] <= level) == ("a", "b")


def test_the_example_of_bretz_et_al() -> None:
    """Bretz et al. 2009, figure 3: two primary hypotheses, each with a secondary one; alpha 0.025."""
    graph = Graph(
        {"H1": 0.5, "H2": 0.5, "H3": 0.0, "H4": 0.0},
        {
            "H1": {"H2": 0.5, "H3": 0.5},
            "H2": {"H1": 0.5, "H4": 0.5},
            "H3": {"H2": 1.0},
            "H4": {"H1": 1.0},
        },
    )
    after = graph.without("H1")
    assert after.weights == pytest.approx({"H2": 0.75, "H3": 0.25, "H4": 0.0})
    assert after.transitions["H2"] == pytest.approx({"H3": 1 / 3, "H4": 2 / 3})
    assert after.transitions["H4"] == pytest.approx({"H2": 0.5, "H3": 0.5})


def test_weights_above_one_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        Graph({"a": 0.7, "b": 0.7}, {})

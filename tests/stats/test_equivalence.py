"""Two one-sided tests: margins, agreement with SciPy, error probabilities at the margin's ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from swimrl.errors import ConfigError, UndeterminedError
from swimrl.stats.equivalence import Margin, ends, parse_margin, two_one_sided_welch
from swimrl.stats.sequential import Design, Look
from swimrl.stats.spending import Spending

DESIGN = Design((10,), Spending("pocock"))


@pytest.mark.parametrize("text", ["", "%", "x", "0", "-5", "0%", "100%", "10%%", "inf", "nan"])
def test_a_margin_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"margin is .*; expected a share such as 10%"):
        parse_margin(text)


def test_margins_of_negative_scores_keep_their_order() -> None:
    low, high = Margin(0.1, is_share=True).ends(np.array([-100.0, -200.0]))
    assert low.tolist() == pytest.approx([-110.0, -220.0])
    assert high.tolist() == pytest.approx([-90.0, -180.0])
    with pytest.raises(UndeterminedError, match="a mean score of 0 has no size"):
        Margin(0.1, is_share=True).ends(np.array([-1.0, 1.0]))


def test_welch_is_scipys() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    x, y = 100 + generator.normal(size=(2, 12))
    test = two_one_sided_welch({"a": x}, {"a": y}, Margin(2.0, is_share=False))
    above = ttest_ind(x, y - 2, equal_var=False, alternative="greater").pvalue
    below = ttest_ind(x, y + 2, equal_var=False, alternative="less").pvalue
    assert test.p_value == pytest.approx(max(above, below))
    with pytest.raises(UndeterminedError):
        two_one_sided_welch({"a": x, "b": x}, {"a": y, "b": y}, Margin(2.0, is_share=False))


def test_equal_arms_are_found_equal_and_others_not() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    x, y = 100 + generator.normal(size=(2, 10))
    for shift, crossing in ((0.0, 0), (9.9, None), (20.0, None)):
        look = Look({"a": x + shift}, {"a": y})
        assert ends([look], Margin(0.1, is_share=True)).crossing(DESIGN, 0.05) == crossing


@pytest.mark.parametrize("end", [-1, 1])
def test_at_an_end_of_the_margin_equality_is_claimed_at_most_at_the_level(end: int) -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    margin, claims, studies = Margin(3.0, is_share=False), 0, 300
    for _ in range(studies):
        x, y = generator.normal(size=(2, 10))
        claims += ends([Look({"a": x + 3 * end}, {"a": y})], margin).crossing(DESIGN, 0.1) is not None
    assert 0.02 < claims / studies < 0.1 + 3 * (0.1 * 0.9 / studies) ** 0.5

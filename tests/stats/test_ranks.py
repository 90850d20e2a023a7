"""Average ranks over tasks: the example of Demsar 2006, and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from swimrl.errors import UndeterminedError
from swimrl.stats.ranks import ranking

# Table 6 of Demsar (2006): the area under the curve of four variants of C4.5 on 14 data sets. The paper ranks
# the two 0.975 of the last row but one as 2 and 3, so they differed beyond the printed digits.
DEMSAR = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
    "+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
    "+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.9751, 0.946],
    "+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
}


def test_ranks_and_critical_difference_are_those_of_the_published_example() -> None:
    demsar = ranking(DEMSAR)
    average = dict(zip(demsar.names, demsar.average, strict=True))
    assert demsar.names == ("+m+cf", "+m", "+cf", "C4.5")
    assert [round(average[name], 3) for name in DEMSAR] == [3.143, 2.0, 2.893, 1.964]
    assert round(demsar.critical_difference, 2) == 1.25
    # Its chi-squared, 9.28, is not corrected for ties.
    assert 12 * 14 / (4 * 5) * ((demsar.average**2).sum() - 4 * 25 / 4) == pytest.approx(9.28, abs=0.005)
    # By Nemenyi's test at 0.05, as the paper says, nothing differs.
    assert demsar.nemenyi_groups() == [(0, 3)]
    assert ranking(DEMSAR, alpha=0.10).critical_difference == pytest.approx(1.12, abs=0.005)


def test_friedman_agrees_with_scipy_beyond_the_choice_of_the_distribution() -> None:
    from scipy.stats import f

    chi_squared = friedmanchisquare(*DEMSAR.values()).statistic
    value = 13 * chi_squared / (14 * 3 - chi_squared)
    assert ranking(DEMSAR).friedman.p_value == pytest.approx(f.sf(value, 3, 39))


def test_wilcoxon_with_few_tasks_has_a_least_p_value() -> None:
    values = np.arange(1.0, 5.0)
    clear = ranking({"a": values + 20, "b": values + 10, "c": values})
    assert clear.least_p == 0.125
    assert clear.wilcoxon[0, 1] == pytest.approx(3 * 0.125)  # Holm over three pairs
    assert clear.groups(0.05) == [(0, 2)]


def test_groups_are_the_longest_runs_of_arms_that_do_not_differ() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(4, 30))
    clear = ranking({"a": noise[0] + 9, "b": noise[1] + 9.1, "c": noise[2] + 4, "d": noise[3]})
    assert {*clear.names[:2]} == {"a", "b"}
    assert clear.groups(0.05) == [(0, 1)]
    assert clear.friedman.p_value < 1e-6
    assert clear.firsts.sum() == 30


def test_equal_arms_share_their_ranks() -> None:
    equal = ranking({name: [1.0, 2.0] for name in "abc"})
    assert equal.average.tolist() == [2.0, 2.0, 2.0]
    assert equal.friedman.p_value == 1.0
    assert equal.firsts == pytest.approx([2 / 3] * 3)


def test_one_task_or_two_arms_have_no_ranking() -> None:
    with pytest.raises(UndeterminedError, match="1 tasks and 3 arms"):
        ranking({name: [1.0] for name in "abc"})
    with pytest.raises(UndeterminedError, match="2 tasks and 2 arms"):
        ranking({name: [1.0, 2.0] for name in "ab"})

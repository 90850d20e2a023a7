"""Spending functions against their published forms."""

from __future__ import annotations

import pytest
from scipy.stats import norm

from swimrl.errors import ConfigError
from swimrl.stats.spending import Spending, parse_spending


@pytest.mark.parametrize("name", ["obrien-fleming", "pocock", "hsd(-4)", "hsd(0)", "hsd(2)"])
@pytest.mark.parametrize("sides", [1, 2])
def test_all_is_spent_at_the_end_and_little_at_the_start(name: str, sides: int) -> None:
    spending = parse_spending(name)
    shares = [0.01, 0.25, 0.5, 0.75, 0.99, 1.0]
    spent = [spending.spent(share, 0.05, sides=sides) for share in shares]
    assert spent == sorted(spent)
    assert spent[0] < 0.002
    assert spent[-1] == 0.05
    assert spent[-2] == pytest.approx(0.05, rel=0.05)
    assert str(spending) == name


def test_obrien_fleming_at_half_of_the_seeds() -> None:
    # gsDesign's sfLDOF: 2 - 2 Phi(z(1 - alpha / 2) / sqrt(t))
    expected = 2 - 2 * norm.cdf(norm.ppf(1 - 0.025 / 2) / 0.5**0.5)
    assert Spending("obrien-fleming").spent(0.5, 0.025) == pytest.approx(expected, rel=1e-12)
    assert Spending("obrien-fleming").spent(0.5, 0.05, sides=2) == pytest.approx(2 * expected, rel=1e-12)


@pytest.mark.parametrize("text", ["", "obrien", "hsd", "hsd()", "hsd(x)", "hsd(nan)", "hsd(1e9)"])
def test_an_unknown_function_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected obrien-fleming, pocock"):
        parse_spending(text)

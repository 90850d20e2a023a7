"""The precision needed, from returns whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from swimrl.approximating import answer
from swimrl.errors import InputError, UndeterminedError


def study(losses, *, episodes=50, noise=1.0, seed=0, failures=()):
    """A run whose exact return is 1000 and whose degrees lose the given shares."""
    generator = np.random.default_rng(seed)
    exact = 1000 + generator.normal(size=episodes)
    arms = [SimpleNamespace(arm=SimpleNamespace(degree=None), returns=exact, failures=0)]
    for degree, loss in losses.items():
        returns = exact * (1 - loss) + noise * generator.normal(size=episodes)
        arms.append(
            SimpleNamespace(
                arm=SimpleNamespace(degree=degree), returns=returns, failures=int(degree in failures)
            )
        )
    return SimpleNamespace(
        arms=arms,
        exact=arms[0],
        settings=SimpleNamespace(degrees=tuple(losses), size="degree"),
        run=SimpleNamespace(path="run"),
    )


def test_the_smallest_degree_that_suffices():
    result = answer([study({2: 0.6, 6: 0.2, 14: 0.01, 30: 0.0})])
    assert result.needed == 14
    assert [loss.suffices for loss in result.losses] == [True, True, False, None]
    assert "Degree 14 suffices for this policy" in result.sentence


def test_a_coarse_degree_that_is_good_by_luck_is_not_reached():
    assert answer([study({2: 0.0, 6: 0.2, 14: 0.0})]).needed == 14


def test_not_even_the_finest():
    result = answer([study({6: 0.5, 14: 0.2})])
    assert result.needed is None
    assert result.sentence.startswith(
        "Not even degree 14 suffices for this policy: it loses 20 % of the return"
    )


def test_noise_that_hides_the_loss_is_no_proof():
    result = answer([study({14: 0.0}, noise=1000.0)])
    assert result.needed is None
    assert result.sentence.startswith("Undetermined: degree 14, the finest, loses")


def test_the_unit_of_several_runs_is_the_run():
    result = answer([study({6: loss, 14: 0.0}, seed=seed) for seed, loss in enumerate((0.0, 0.0, 0.0, 0.3))])
    assert (result.unit, result.count, result.needed) == ("run", 4, 14)


def test_a_failure_never_suffices():
    result = answer([study({6: 0.0, 14: 0.0}, failures=(14,))])
    assert result.needed is None
    assert "1 of its episodes ended because an action was not finite" in result.sentence


def test_wrong_input():
    bad = study({6: 0.0})
    bad.exact.returns = -bad.exact.returns
    with pytest.raises(UndeterminedError, match="mean return"):
        answer([bad])
    with pytest.raises(InputError, match="same degrees"):
        answer([study({6: 0.0}), study({8: 0.0})])

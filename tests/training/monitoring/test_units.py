"""Units, saturation and ranks, on layers where the answer is known and against direct float64 computation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from swimrl.training.monitoring import units


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def orthonormal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]


def features_with(sigma: list[float], rng: np.random.Generator, rows: int = 200) -> np.ndarray:
    """A matrix [rows, 10] with the given singular values, the others 0."""
    count = len(sigma)
    return orthonormal(rng, rows, count) @ np.diag(sigma) @ orthonormal(rng, 10, count).T


class TestUnits:
    def test_dead_units_are_0_for_every_input(self, rng: np.random.Generator) -> None:
        h = np.maximum(rng.standard_normal((50, 8)), 0)
        h[:, [1, 5]] = 0
        h[7, 5] = 1e-30  # alive once
        h[3, 2] = -0.0
        assert units.dead_share(h) == 1 / 8
        assert units.dead_share(np.zeros((4, 3))) == 1

    def test_the_dormant_score_by_hand(self) -> None:
        # Mean |h| is 8, 1, 0.5 and 0.1: means over the layer's mean 2.4 are 3.3, 0.417, 0.208 and 0.0417.
        h = np.array([[8.0, 1.0, -0.5, 0.1], [-8.0, 1.0, 0.5, -0.1]])
        assert [units.dormant_share(h, tau) for tau in (0.04, 0.042, 0.21, 0.42, 4)] == [
            *(0, 0.25, 0.5, 0.75, 1)
        ]

    def test_a_score_equal_to_tau_is_dormant(self) -> None:
        h = np.array([[0.5, 1.5]])  # scores 0.5 and 1.5, less the 1e-9 of the definition
        assert units.dormant_share(h, 0.5) == 0.5

    def test_a_constant_unit_is_missed_by_the_plain_score_and_found_by_the_centred_one(
        self, rng: np.random.Generator
    ) -> None:
        h = rng.standard_normal((64, 4))
        h[:, 3] = -0.3002831  # where Swim is lowest
        assert units.dormant_share(h, 0.1) == 0
        assert units.dormant_share(h, 0.1, centred=True) == 0.25

    @pytest.mark.parametrize("centred", [False, True])
    def test_a_silent_layer_is_dormant_as_a_whole(self, *, centred: bool) -> None:
        assert units.dormant_share(np.zeros((8, 5), np.float32), 0.025, centred=centred) == 1

    @pytest.mark.parametrize("constant", [0.1, -0.3002831, 1e4])
    def test_rounding_wakes_no_constant_unit(self, constant: float) -> None:
        h = np.full((1024, 4), constant, np.float32)
        h[:, 0] = np.linspace(-1, 1, 1024) * 1e-3  # so that the layer's mean is small
        assert units.dormant_share(h, 0.025, centred=True) == 0.75

    @pytest.mark.parametrize("centred", [False, True])
    @pytest.mark.parametrize("tau", [0.1, 0.025])
    def test_the_dormant_share_is_that_of_the_definition(
        self, tau: float, *, centred: bool, rng: np.random.Generator
    ) -> None:
        rest = np.where(np.arange(40) % 2, 0.05, 0)  # every other unit idles at a constant
        h = (rng.standard_normal((300, 40)) * np.geomspace(1e-3, 1, 40) + rest).astype(np.float32)
        dormant = 0
        columns = [[float(value) for value in h[:, i]] for i in range(40)]
        if centred:
            columns = [[value - sum(column) / 300 for value in column] for column in columns]
        scores = [sum(map(abs, column)) / 300 for column in columns]
        for score in scores:
            dormant += score / (sum(scores) / 40 + 1e-9) <= tau
        assert 0 < dormant < 40
        assert units.dormant_share(h, tau, centred=centred) == dormant / 40

    def test_saturated_counts_small_slopes_of_either_sign(self) -> None:
        assert units.saturated_share(np.array([[0.0, -0.04], [0.05, -1.0]]), 0.05) == 0.5

    def test_outside_counts_what_lies_beyond_the_bound(self) -> None:
        assert units.outside_share(np.array([[5.0, -5.0], [5.1, -6.0]]), 5) == 0.5


class TestRanks:
    @pytest.mark.parametrize("shape", [(200, 30), (30, 200)])
    def test_singular_values_are_those_of_the_decomposition(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> None:
        features = rng.standard_normal(shape).astype(np.float32)
        expected = np.linalg.svd(features.astype(np.float64), compute_uv=False)
        np.testing.assert_allclose(units.singular_values(features), expected, rtol=1e-10)

    def test_features_that_are_not_finite_have_none(self) -> None:
        with pytest.raises(np.linalg.LinAlgError):
            units.singular_values(np.array([[1.0, np.nan]]))

    def test_of_equal_singular_values_every_rank_is_their_number(self, rng: np.random.Generator) -> None:
        sigma = units.singular_values(features_with([3.0, 3.0, 3.0], rng))
        assert units.effective_rank(sigma) == pytest.approx(3, abs=1e-5)
        assert units.srank(sigma) == 3
        assert units.stable_rank(sigma) == pytest.approx(3)
        assert units.feature_rank(sigma, 200) == 3

    def test_ranks_of_known_singular_values(self, rng: np.random.Generator) -> None:
        given = [8.0, 4.0, 2.0, 0.1, 0.02]
        sigma = units.singular_values(features_with(given, rng))
        share = np.array(given) / sum(given)
        assert units.effective_rank(sigma) == pytest.approx(np.exp(scipy.stats.entropy(share)), rel=1e-5)
        assert units.stable_rank(sigma) == pytest.approx((64 + 16 + 4 + 0.01 + 0.0004) / 64)
        # The sum is 14.12: 8 + 4 + 2 holds 99.15 %.
        assert units.srank(sigma) == 3
        assert units.srank(sigma, delta=0.005) == 4
        # sqrt(200) * 0.01 = 0.1414.
        assert units.feature_rank(sigma, 200) == 3
        assert units.feature_rank(100 * sigma, 200) == 5  # it depends on the scale
        assert units.srank(100 * sigma) == 3

    def test_features_of_rank_one(self, rng: np.random.Generator) -> None:
        features = np.outer(rng.standard_normal(100), rng.standard_normal(20)).astype(np.float32)
        sigma = units.singular_values(features)
        assert units.srank(sigma) == 1
        assert units.feature_rank(sigma, 100) == 1
        assert units.effective_rank(sigma) == pytest.approx(1, abs=1e-4)
        assert units.stable_rank(sigma) == pytest.approx(1)

    def test_features_that_are_all_0(self) -> None:
        sigma = units.singular_values(np.zeros((10, 4)))
        assert np.isnan(units.effective_rank(sigma))
        assert np.isnan(units.stable_rank(sigma))
        assert (units.srank(sigma), units.feature_rank(sigma, 10)) == (0, 0)

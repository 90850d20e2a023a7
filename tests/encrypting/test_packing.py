"""The program of a network in slots, in NumPy: it equals the products of matrices, at the planned levels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from swimrl.encrypting.arithmetic import Simulation
from swimrl.encrypting.evaluation import depth_of
from swimrl.encrypting.network import Network, masked
from swimrl.encrypting.packing import Packing, fits
from tests.encrypting.conftest import POLYNOMIALS, case_of


def simulated(packing: Packing, x: np.ndarray, scale: float = 2.0**30) -> np.ndarray:
    """Return the outputs, and check that the last level and the scale are those planned."""
    primes = np.random.default_rng(1).uniform(0.99, 1.01, packing.network.levels + 1) * scale
    simulation = Simulation(packing.slots, primes.tolist())
    output = packing.output(simulation, [simulation.fresh(v, scale) for v in packing.packed(x)], scale)
    assert (output.level, output.scale) == (0, scale)
    return packing.unpacked(output.values)


@pytest.mark.parametrize(
    "sizes",
    [
        (11, 64, 3),
        (11, 100, 3),
        (3, 1, 1),
        (27, 256, 8),
        (376, 64, 17),
        (17, 64, 64, 6),
        (17, 100, 60, 6),
        (5, 33, 64, 2),
        (27, 200, 256, 8),
    ],
)
@pytest.mark.parametrize("polynomial", ["quadratic", "tanh 7"])
def test_the_program_in_slots_equals_the_network(sizes, polynomial):
    case = case_of(sizes, polynomial)
    packing = case.packing()
    for x, y, scale in zip(case.x[:2], case.y[:2], (2.0**30, 2.0**40), strict=True):
        np.testing.assert_allclose(simulated(packing, x, scale), y, atol=1e-9)


@pytest.mark.parametrize("polynomial", POLYNOMIALS)
def test_every_polynomial_takes_the_levels_that_are_planned(polynomial):
    """Symmetric ones, one without symmetry, one without a linear term, and one of high degree."""
    case = case_of((5, 8, 8, 2), polynomial)
    degree = POLYNOMIALS[polynomial][1]
    expected = {1: 0, 2: 1}.get(degree, int(np.ceil(np.log2(degree + 1))))
    assert [depth_of(gate) for gate in case.network.gates] == [expected] * 2
    assert case.network.levels == 3 + 2 * expected
    np.testing.assert_allclose(simulated(case.packing(), case.x[0]), case.y[0], atol=1e-9)


def test_a_mask_clears_the_slots_between_the_units():
    case = case_of((5, 16, 16, 2), "swish 6")
    packing = Packing(masked(case.network), case.packing().slots)
    assert packing.network.levels == case.network.levels + 1
    np.testing.assert_allclose(simulated(packing, case.x[0]), case.y[0], atol=1e-9)
    simulation, seen = Simulation(packing.slots, (1.0,) * (packing.network.levels + 1)), []
    vectors = [simulation.fresh(v, 1.0) for v in packing.packed(case.x[0])]
    packing.output(simulation, vectors, 1.0, lambda number, z: seen.append(z.values))
    assert not seen[1][~packing.valid_slots].any()
    assert seen[1][packing.valid_slots].any()


def test_what_has_no_place():
    wide = case_of((3, 64, 64, 40)).network
    assert not fits(wide, 2048)  # 2048/64 = 32 slots for a unit, and 40 actions
    assert fits(wide, 4096)
    assert not fits(case_of((3, 600, 2)).network, 512)


def test_a_network_is_sent_without_pickle():
    network = masked(case_of((5, 8, 8, 2), "swish 6").network)
    content = network.to_bytes()
    back = Network.from_bytes(content)
    assert b"pickle" not in content
    assert back.gates == network.gates
    assert back.is_masked
    for one, other in zip(back.layers, network.layers, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
        np.testing.assert_array_equal(one.bias, other.bias)


def test_the_simulation_refuses_sums_of_different_scales():
    simulation = Simulation(4, (1.0, 2.0))
    x = simulation.fresh(np.ones(4), 8.0)
    with pytest.raises(AssertionError):
        simulation.add(x, dataclasses.replace(x, scale=8.5))
    with pytest.raises(AssertionError):
        simulation.add(x, simulation.rescale(x))

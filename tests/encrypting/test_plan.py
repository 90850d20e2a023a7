from __future__ import annotations

import pytest

from swimrl.encrypting.plan import MOST_BITS, Plan, plan_for
from swimrl.errors import InputError


@pytest.mark.parametrize(("levels", "ring"), [(3, 13), (5, 13), (9, 14), (13, 14), (21, 15)])
def test_the_smallest_ring_that_is_precise_enough(levels, ring):
    plan = plan_for(levels, lambda slots: True)
    assert plan.log_ring == ring
    assert plan.levels == levels
    assert plan.modulus_bits <= MOST_BITS[ring]
    assert plan.scale_bits >= 25
    assert plan.bits[0] > plan.scale_bits  # room for the outputs


def test_slots_can_ask_for_a_larger_ring():
    assert plan_for(3, lambda slots: slots >= 8192).log_ring == 14


def test_a_given_ring_is_taken_if_it_is_possible():
    assert plan_for(3, lambda slots: True, 12).bits == (26, 19, 19, 19, 26)
    assert plan_for(3, lambda slots: True, 15).scale_bits == 45


@pytest.mark.parametrize("ring", MOST_BITS)
def test_one_bit_above_the_limit_is_refused(ring):
    count, rest = divmod(MOST_BITS[ring], 2)
    Plan(ring, (count, count), 20)
    with pytest.raises(InputError, match="less than 128 bits of security"):
        Plan(ring, (count, count + rest + 1), 20)


@pytest.mark.parametrize(
    ("levels", "ring", "message"),
    [
        (40, None, r"needs 40 levels and does not fit N = 2\^15; use polynomials of a lower degree"),
        (12, 12, r"does not fit N = 2\^12, which --ring gives"),
        (3, 11, "--ring is 11; expected auto, or one of 12, 13, 14, 15"),
    ],
)
def test_what_does_not_fit(levels, ring, message):
    with pytest.raises(InputError, match=message):
        plan_for(levels, lambda slots: True, ring)

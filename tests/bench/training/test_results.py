"""From chosen readings to rates, ratios and shares; no clock is read here."""

from __future__ import annotations

import dataclasses

import pytest

from swimrl.bench.training.config import FLOOR
from swimrl.bench.training.results import PROFILE, STEPS, UPDATES, Rate, TrainingSpeeds
from swimrl.timing.record import Readings, Series, TimingRecord

ROUNDS = 10


def steady(seconds: float) -> Readings:
    return ((seconds,) * ROUNDS,)


def series(arm: str, work: str, each: float, part: str | None = None) -> Series:
    """Return a series whose processor was away for half of the time."""
    return Series(arm, work, 100, steady(each * 100), steady(each * 50), part)


def record(*, errors: dict[str, float] | None = None) -> TimingRecord:
    """A fused update of 2 ms and a step of 2.5 ms; SB3 takes 8 ms and 10 ms; twice that with swim."""
    arms: dict[str, dict[str, object]] = {
        FLOOR: {
            "multiplications": 1e6,
            "products": [
                {"product": "p", "count": 2.0, "errors": errors or {"p highest": 1e-6, "p medium": 2e-6}},
                {"product": "q", "count": 0.5, "errors": {"q highest": 1e-6, "q medium": 1e-6}},
            ],
        }
    }
    all_series = [
        series(FLOOR, "environment", 1e-4),
        series(FLOOR, "products", 5e-3),
        *(
            series(FLOOR, "products", each, name)
            for name, each in {
                "p highest": 8e-4,
                "p medium": 5e-4,
                "q highest": 1e-3,
                "q medium": 2e-3,
            }.items()
        ),
    ]
    for act, factor in (("relu", 1), ("swim", 2)):
        for contender, update, step in (("swimrl-fused", 2e-3, 2.5e-3), ("sb3", 8e-3, 1e-2)):
            name = f"{contender} {act}"
            arms[name] = {"contender": contender, "threads": 1, "act": act}
            all_series += [series(name, STEPS, factor * step), series(name, UPDATES, factor * update)]
    name = "swimrl-fused relu"
    all_series += [
        series(name, PROFILE, 3e-3),
        series(name, PROFILE, 1e-3, "environment"),
        series(name, PROFILE, 1.5e-3, "products"),
    ]
    return TimingRecord("train", {}, arms, tuple(all_series))


def test_contenders_and_activations_in_their_order() -> None:
    results = TrainingSpeeds(record())
    assert (results.acts, results.ours, results.peers) == (["relu", "swim"], ["swimrl-fused"], ["sb3"])


def test_rates() -> None:
    results = TrainingSpeeds(record())
    assert results.rate("swimrl-fused", "relu", STEPS) == Rate(pytest.approx(400), 0)
    assert results.rate("sb3", "swim", UPDATES) == Rate(pytest.approx(62.5), 0)
    assert results.rate("sbx", "swim", UPDATES) is None


def test_ratios_are_of_speed() -> None:
    results = TrainingSpeeds(record())
    steps = results.speedup("swimrl-fused", "sb3", "relu", STEPS)
    assert steps is not None
    assert steps.value == pytest.approx(4)
    assert steps.interval == pytest.approx((4, 4))
    assert results.speedup("swimrl-fused", "sbx", "relu", STEPS) is None
    against_relu = results.against_baseline("swimrl-fused", "swim")
    assert against_relu is not None
    assert against_relu.value == pytest.approx(0.5)
    over_floor = results.update_over_floor("swimrl-fused", "relu")
    assert over_floor is not None
    assert over_floor.value == pytest.approx(2e-3 / 1.5e-3)


def test_the_floor_is_the_sum_of_each_products_fastest_candidate() -> None:
    floor = TrainingSpeeds(record()).floor()
    assert floor is not None
    assert floor.chosen == {"p": "p medium", "q": "q highest"}
    assert floor.readings == (pytest.approx((2 * 5e-4 + 0.5 * 1e-3,) * ROUNDS),)


def test_a_candidate_that_computes_in_bfloat16_is_no_floor() -> None:
    floor = TrainingSpeeds(record(errors={"p highest": 1e-6, "p medium": 1e-2})).floor()
    assert floor is not None
    assert floor.chosen["p"] == "p highest"


def test_the_rest_of_a_step_is_what_no_part_covers() -> None:
    parts = TrainingSpeeds(record()).step_parts_s("swimrl-fused", "relu")
    assert parts == pytest.approx({"environment": 1e-3, "products": 1.5e-3, "rest": 5e-4, "step": 3e-3})
    assert TrainingSpeeds(record()).step_parts_s("sb3", "relu") is None


def test_the_loop_is_a_step_without_update_and_environment() -> None:
    assert TrainingSpeeds(record()).loop_s("swimrl-fused", "relu") == pytest.approx(2.5e-3 - 2e-3 - 1e-4)


def test_processor_seconds() -> None:
    whole = record()
    wide = {"swimrl-fused@2 relu": {"contender": "swimrl-fused", "threads": 2, "act": "relu"}}
    results = TrainingSpeeds(dataclasses.replace(whole, arms={**whole.arms, **wide}), "cpu")
    assert results.contenders == ["swimrl-fused", "sb3"]
    assert results.rate("sb3", "relu", STEPS) == Rate(pytest.approx(200), 0)
    assert results.environment_s() == pytest.approx(5e-5)
    floor = results.floor()
    assert floor is not None
    assert floor.readings[0][0] == pytest.approx((2 * 5e-4 + 0.5 * 1e-3) / 2)
    assert results.step_parts_s("swimrl-fused", "relu") == TrainingSpeeds(whole).step_parts_s(
        "swimrl-fused", "relu"
    )


def test_without_a_floor() -> None:
    whole = record()
    arms = {name: arm for name, arm in whole.arms.items() if name != FLOOR}
    results = TrainingSpeeds(
        TimingRecord("train", {}, arms, tuple(s for s in whole.series if s.arm != FLOOR))
    )
    assert results.floor() is None
    assert results.environment_s() is None
    assert results.loop_s("sb3", "relu") is None
    assert results.update_over_floor("sb3", "relu") is None

"""From chosen readings to costs; no clock is read here."""

from __future__ import annotations

import dataclasses

import pytest

from swimrl.bench.activations.config import BACKWARD, BOTH, FORWARD, WORKS
from swimrl.bench.activations.results import ActivationCosts, Case
from swimrl.timing.record import Readings, Series, TimingRecord
from tests.timing.readings import noisy

CASE = Case("float32", (4, 8), "cpu", "warm")
ELEMENTS, BYTES = 32, 128
ROUNDS = 8


def steady(seconds: float) -> Readings:
    return ((seconds,) * ROUNDS,) * 2


def record(
    times: dict[tuple[str, str], dict[str, Readings]], case: Case = CASE, reference: str = "relu"
) -> TimingRecord:
    """A record in which a reading is ten calls; readings are given for one call."""
    arms, series = {}, []
    for (activation, implementation), works in times.items():
        name = f"{activation} {implementation}"
        arms[name] = {
            "activation": activation,
            "implementation": implementation,
            "what": "",
            "dtype": case.dtype,
            "shape": list(case.shape),
            "elements": ELEMENTS,
            "device": case.device,
            "cache": case.cache,
            "threads": 1,
            "extra_memory": dict.fromkeys(works, 3 * BYTES),
        }
        for work, readings in works.items():
            ten = tuple(tuple(10 * one for one in process) for process in readings)
            half = tuple(tuple(one / 2 for one in process) for process in ten)
            series.append(Series(name, work, 10, ten, half))
    return TimingRecord("activations", {"reference": reference}, arms, tuple(series))


TIMES = {
    ("copy", "native"): {FORWARD: steady(1e-7)},
    ("relu", "native"): {FORWARD: steady(2e-7), BACKWARD: steady(3e-7), BOTH: steady(5e-7)},
    ("swim", "eager"): {FORWARD: steady(6e-7), BACKWARD: steady(9e-7), BOTH: steady(2e-6)},
    ("swim", "fused"): {FORWARD: steady(1e-7), BACKWARD: steady(3e-7), BOTH: steady(5e-7)},
}


def test_time_throughput_and_memory_by_hand() -> None:
    cost = ActivationCosts(record(TIMES)).cost(CASE, "swim", "eager", FORWARD)
    assert cost is not None
    assert cost.seconds == pytest.approx(6e-7)
    assert cost.seconds_per_element == pytest.approx(6e-7 / 32)
    # Read the input, write the value: twice 128 bytes.
    assert cost.bytes_per_s == pytest.approx(256 / 6e-7)
    assert cost.of_copy == pytest.approx(1 / 6)
    assert cost.extra_memory == 3 * BYTES
    both = ActivationCosts(record(TIMES)).cost(CASE, "swim", "eager", BOTH)
    assert both is not None
    # x, y; the gradient, what is kept, the gradient: five times 128 bytes, against the copy's two in 1e-7 s.
    assert both.bytes_per_s == pytest.approx(640 / 2e-6)
    assert both.of_copy == pytest.approx(640 / 2e-6 / (256 / 1e-7))


def test_plain_data_has_nanoseconds_and_the_interval() -> None:
    cost = ActivationCosts(record(TIMES)).cost(CASE, "swim", "eager", BOTH)
    assert cost is not None
    mapping = cost.to_mapping()
    assert mapping["ns"] == pytest.approx(2000)
    assert mapping["ns_per_element"] == pytest.approx(62.5)
    assert mapping["elements_per_s"] == pytest.approx(1.6e7)
    assert (mapping["ratio"], mapping["ratio_low"], mapping["ratio_high"]) == pytest.approx((4, 4, 4))
    assert (mapping["shape"], mapping["verdict"]) == ("4x8", "slower")


def test_verdicts() -> None:
    costs = ActivationCosts(record(TIMES))
    verdicts = {(c.activation, c.implementation, c.work): c.verdict for c in costs.all()}
    assert verdicts["relu", "native", FORWARD] == "reference"
    assert verdicts["swim", "eager", FORWARD] == "slower"
    assert verdicts["swim", "fused", FORWARD] == "faster"
    assert verdicts["swim", "fused", BOTH] == "not distinguishable"


def test_few_readings_are_undetermined() -> None:
    few = {arm: {w: ((r[0][0],) * 5,) for w, r in works.items()} for arm, works in TIMES.items()}
    cost = ActivationCosts(record(few)).cost(CASE, "swim", "eager", BOTH)
    assert cost is not None
    assert cost.verdict == "undetermined"
    assert cost.to_mapping()["ratio_low"] is None


def test_the_eager_form_is_the_reference_where_pytorch_has_no_operator() -> None:
    costs = ActivationCosts(record(TIMES, reference="swim"))
    assert costs.reference_arm(CASE) == ("swim", "eager")
    cost = costs.cost(CASE, "swim", "fused", BOTH)
    assert cost is not None
    assert cost.against_reference is not None
    assert cost.against_reference.value == pytest.approx(0.25)


def test_without_copy_and_reference_what_follows_from_them_is_missing() -> None:
    lonely = ActivationCosts(record({arm: works for arm, works in TIMES.items() if arm[0] == "swim"}))
    cost = lonely.cost(CASE, "swim", "eager", BOTH)
    assert cost is not None
    assert (cost.of_copy, cost.against_reference, cost.verdict) == (None, None, "undetermined")
    assert lonely.cost(CASE, "relu", "native", BOTH) is None


def test_cases_are_compared_within_themselves() -> None:
    other = dataclasses.replace(CASE, dtype="float64")
    one, two = record(TIMES), record(TIMES, case=other)
    arms = {**one.arms, **{f"{name} 64": about for name, about in two.arms.items()}}
    series = (*one.series, *(dataclasses.replace(s, arm=f"{s.arm} 64") for s in two.series))
    costs = ActivationCosts(dataclasses.replace(one, arms=arms, series=series))
    assert costs.cases == [CASE, other]
    assert len(list(costs.all())) == 2 * 3 * len(WORKS)
    # Numbers are twice as wide.
    wide, narrow = costs.cost(other, "swim", "eager", BOTH), costs.cost(CASE, "swim", "eager", BOTH)
    assert wide is not None
    assert narrow is not None
    assert wide.bytes_per_s == pytest.approx(2 * narrow.bytes_per_s)


def test_processor_seconds_can_count_and_a_devices_events_always_do() -> None:
    costs = ActivationCosts(record(TIMES), "cpu")
    cost = costs.cost(CASE, "swim", "eager", BOTH)
    assert cost is not None
    assert cost.seconds == pytest.approx(1e-6)
    case = Case("float32", (4, 8), "cuda", "cold")
    whole = record(TIMES, case=case)
    events = tuple(
        Series(one.arm, one.work, one.count, tuple(tuple(s / 4 for s in p) for p in one.wall_s), (), "device")
        for one in whole.series
    )
    on_device = ActivationCosts(dataclasses.replace(whole, series=whole.series + events), "cpu")
    cost = on_device.cost(case, "swim", "eager", BOTH)
    assert cost is not None
    assert cost.seconds == pytest.approx(5e-7)
    assert str(case) == "float32, 4x8, cuda, cold cache"


def test_what_is_twice_as_slow_is_reported_so() -> None:
    for seed in range(20):
        times = {
            ("relu", "native"): {BOTH: noisy(1e-6, seed=seed)},
            ("swim", "eager"): {BOTH: noisy(2e-6, seed=100 + seed)},
        }
        cost = ActivationCosts(record(times)).cost(CASE, "swim", "eager", BOTH)
        assert cost is not None
        assert cost.against_reference is not None
        assert 1.9 < cost.against_reference.value < 2.1
        assert cost.verdict == "slower"

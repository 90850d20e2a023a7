"""Warnings about recorded readings; no clock is read here."""

from __future__ import annotations

import pytest

from swimrl.timing.record import Readings, Series, TimingRecord
from swimrl.timing.stability import frequency_governor, warnings
from tests.timing.readings import noisy, record, series

STEADY = {"load_before": 0.1, "frequency_governor": "performance"}


def steady(**fields: object) -> TimingRecord:
    all_series = [series(noisy(1, seed=seed, noise=0.005), arm=f"arm {seed}") for seed in range(4)]
    return record(*all_series, **{"host": STEADY, **fields})


def of_readings(readings: Readings) -> list[str]:
    return warnings(record(series(readings), host=STEADY))


def test_a_steady_measurement_gives_no_warning() -> None:
    assert warnings(steady()) == []
    assert warnings(steady(host={"load_before": None, "frequency_governor": None})) == []


@pytest.mark.parametrize(
    ("host", "warning"),
    [
        ({"load_before": 2.13}, "the machine was busy when the measurement began (load 2.1)"),
        (
            {"frequency_governor": "powersave"},
            "the processor's frequency follows the load (governor 'powersave')",
        ),
    ],
)
def test_a_machine_that_is_not_ready(host: dict[str, object], warning: str) -> None:
    (doubt,) = warnings(steady(host={**STEADY, **host}))
    assert doubt.startswith(warning)


def test_few_rounds() -> None:
    (doubt,) = of_readings(noisy(1, seed=0, processes=1, rounds=9, noise=0.005))
    assert doubt.startswith("only 9 rounds")


def test_a_processor_that_was_taken_away() -> None:
    wall = noisy(1, seed=0, noise=0.005)
    half = tuple(tuple(reading / 2 for reading in process) for process in wall)
    starved = Series("one", "work", 1, wall, half)
    (doubt,) = warnings(record(starved, host=STEADY))
    assert doubt.startswith("other processes had the processor for 50% of the measured time")
    assert warnings(record(starved, host=STEADY), "cpu") == []
    # On several threads processor time says nothing about that.
    two_threads = record(starved, host=STEADY, arms={"one": {"threads": 2}})
    assert warnings(two_threads) == []


def test_a_series_that_varies() -> None:
    readings = ((1.0, 1.5) * 6,)
    (doubt,) = of_readings(readings)
    assert doubt.startswith("1 of 1 series vary by more than 10%, most of all one: work (20%)")


def test_a_drift() -> None:
    slower = tuple(1 + 0.01 * number for number in range(15))
    (doubt,) = of_readings((slower,))
    assert doubt.startswith("the machine became 10% slower during the measurement")
    (doubt,) = of_readings((slower[::-1],))
    assert doubt.startswith("the machine became 9% faster during the measurement")


def test_processes_that_differ() -> None:
    fast, slow = ((1.0,) * 4, (1.15,) * 4)
    doubt = of_readings((fast, slow, slow, fast))
    assert [warning.split(":")[0] for warning in doubt] == [
        "1 series differ by more than 10% from process to process, most of all one"
    ]


def test_parts_of_a_work_are_not_judged() -> None:
    wild = Series("one", "work", 1, ((1.0, 9.0) * 5,) * 2, (), "part")
    calm = series(noisy(1, seed=0, noise=0.005))
    assert warnings(record(calm, wild, host=STEADY)) == []


def test_the_governor_is_what_linux_says_or_unknown() -> None:
    assert frequency_governor() is None or frequency_governor().isidentifier()

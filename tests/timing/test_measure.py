"""Interleaved rounds of real child processes, and their order."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from swimrl.timing.measure import Measurement, Plan, TimedArm, measure, orders

COMMAND = [sys.executable, str(Path(__file__).with_name("child.py"))]
PLAN = Plan(processes=2, rounds=3, seconds=0.001)


def measured(*arms: TimedArm) -> tuple[Measurement, list[tuple[str, int, int]]]:
    progress: list[tuple[str, int, int]] = []
    return measure(arms, PLAN, lambda *news: progress.append(news)), progress


def test_each_round_holds_every_task_once_in_an_order_of_its_own() -> None:
    tasks = [(arm, work) for arm in "abcd" for work in ("steps", "updates")]
    flat = list(orders(tasks, 50, random.Random(0)))
    rounds = [flat[first : first + len(tasks)] for first in range(0, len(flat), len(tasks))]
    assert len(rounds) == 50
    assert all(sorted(one) == sorted(tasks) for one in rounds)
    assert len({tuple(one) for one in rounds}) == 50
    # Nobody keeps the first place: 50 rounds of 8 tasks give each about 6.
    assert max(Counter(one[0] for one in rounds).values()) < 16
    assert flat == list(orders(tasks, 50, random.Random(0)))


def test_readings_are_kept_by_process_and_round() -> None:
    measurement, progress = measured(
        TimedArm("one", COMMAND, {"works": ["a", "b"]}), TimedArm("two", COMMAND, {"works": ["a"]})
    )
    assert measurement.absent == {}
    series = {(one.arm, one.work, one.part): one for one in measurement.series}
    assert set(series) == {
        (arm, work, part)
        for arm, work in (("one", "a"), ("one", "b"), ("two", "a"))
        for part in (None, "count", "calls")
    }
    whole, counts = series["two", "a", None], series["two", "a", "count"]
    assert [len(process) for process in whole.wall_s] == [3, 3]
    assert [len(process) for process in whole.cpu_s] == [3, 3]
    # The child says how often it was told to work: always the count that was settled in the beginning.
    assert counts.wall_s == ((float(whole.count),) * 3,) * 2
    assert counts.cpu_s == ()
    # A process has been calibrated or not, then sampled three times.
    calls = series["two", "a", "calls"]
    assert calls.cpu_s == ((0.5,) * 3,) * 2
    first, second = calls.wall_s
    assert [call - first[0] for call in first] == [0, 1, 2]
    assert second == (1, 2, 3)
    assert measurement.facts["one"]["settings"] == {"works": ["a", "b"]}
    readings = [news for news in progress if not news[0].startswith("start")]
    assert [taken for _, taken, _ in readings] == list(range(18))
    assert {planned for _, _, planned in readings} == {18}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"fail": "at once"}, "RuntimeError: cannot begin"),
        ({"fail at call": 1}, "ValueError: broke while working"),
        ({"fail at call": 9}, "ValueError: broke while working"),
    ],
    ids=["at the start", "while calibrating", "later"],
)
def test_an_arm_that_fails_is_left_out_with_its_reason_and_the_others_go_on(
    settings: dict[str, object], reason: str
) -> None:
    plan = Plan(processes=2, rounds=12, seconds=0.001)
    arms = [TimedArm("bad", COMMAND, settings), TimedArm("good", COMMAND, {})]
    measurement = measure(arms, plan, lambda *_: None)
    assert measurement.absent == {"bad": reason}
    assert {one.arm for one in measurement.series} == {"good"}
    assert set(measurement.facts) == {"good"}
    (good,) = (one for one in measurement.series if one.part is None)
    assert [len(process) for process in good.wall_s] == [12, 12]


def test_more_cores_than_there_are() -> None:
    measurement, _ = measured(TimedArm("wide", COMMAND, {}, threads=10_000))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert measurement.absent == {"wide": f"needs 10000 cores, and this process may use {cores}"}
    assert measurement.series == ()

"""Readings of a clock that only the work moves, so that every number is known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from swimrl.timing import clock
from swimrl.timing.clock import Parts, Reading, Work, count_for, take_reading


class Time:
    """Wall and processor time that pass when told to."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def work(self, seconds: float, share: float = 1.0) -> Callable[[int], None]:
        def do(count: int) -> None:
            self.wall += count * seconds
            self.cpu += count * seconds * share

        return do


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock.time, "perf_counter", lambda: time.wall)
    monkeypatch.setattr(clock.time, "process_time", lambda: time.cpu)
    return time


def test_a_reading_holds_both_clocks_and_the_parts(time: Time) -> None:
    passing = time.work(0.25, share=0.5)

    def do(count: int) -> Parts:
        passing(count)
        return {"half": (0.125 * count, None)}

    assert take_reading(Work(do), 4) == Reading(wall_s=1.0, cpu_s=0.5, parts={"half": (0.5, None)})
    assert take_reading(Work(passing), 4).parts == {}


def test_a_work_that_other_processes_do_brings_its_own_clock_of_the_processor(time: Time) -> None:
    assert take_reading(Work(time.work(0.25), cpu_clock=lambda: 3 * time.wall), 4).cpu_s == 3.0


def test_what_is_still_under_way_is_waited_for_before_and_after(time: Time) -> None:
    queue = [2.0]  # left over from earlier work: its time must not count

    def finish() -> None:
        while queue:
            time.wall += queue.pop()

    assert take_reading(Work(lambda count: queue.extend([0.5] * count), finish), 3).wall_s == 1.5


def test_making_ready_is_not_in_the_time(time: Time) -> None:
    ready = []

    def begin() -> None:
        time.wall += 5.0
        ready.append(len(ready))

    assert take_reading(Work(time.work(0.5), begin=begin), 3).wall_s == 1.5
    assert ready == [0]


def test_a_reading_is_taken_in_its_context_whose_time_does_not_count(time: Time) -> None:
    events = []

    @contextmanager
    def around() -> Iterator[None]:
        time.wall += 5.0
        events.append("enter")
        yield
        time.wall += 5.0
        events.append("leave")

    def do(count: int) -> None:
        events.append("do")
        time.wall += 0.5 * count

    assert take_reading(Work(do, around=around), 3).wall_s == 1.5
    assert events == ["enter", "do", "leave"]


@pytest.mark.parametrize(
    ("each", "seconds", "expected"),
    [(0.001, 0.5, 500), (0.003, 0.5, 167), (2.0, 0.5, 1), (0.5, 0.5, 1)],
)
def test_the_count_fills_the_time(time: Time, each: float, seconds: float, expected: int) -> None:
    assert count_for(Work(time.work(each)), seconds) == expected


def test_the_count_is_a_multiple_of_the_quantum_and_so_is_every_trial(time: Time) -> None:
    counts = []
    passing = time.work(0.001)

    def do(count: int) -> None:
        counts.append(count)
        passing(count)

    assert count_for(Work(do, quantum=60), 0.5) == 480
    assert count_for(Work(do, quantum=600), 0.5) == 600
    assert {count % 60 for count in counts} == {0}


def test_something_slow_the_first_time_does_not_decide(time: Time) -> None:
    first = [0.1]

    def do(count: int) -> None:
        time.wall += count * 0.001 + (first.pop() if first else 0)

    assert count_for(Work(do), 0.5) == 500

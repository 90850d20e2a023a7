"""Threads that stay: barriers, the end, and a busy core."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np

from swimrl.td3.engine.workers import Workers


def sums_of(workers: Workers, count: int, rounds: int) -> list[float]:
    """Let every thread add 1 to its own number, and the main one add all numbers up behind a barrier."""
    numbers = np.zeros(count)

    def add(which: int) -> None:
        numbers[which] += 1

    workers.set(
        [[[lambda which=which: add(which), workers.barrier, workers.barrier]] for which in range(1, count)]
    )
    sums = []
    for _ in range(rounds):
        workers.start(0)
        add(0)
        workers.barrier()
        sums.append(float(numbers.sum()))
        workers.barrier()
        workers.check()
    return sums


def test_a_barrier_holds_all_threads_until_the_last_one_is_there() -> None:
    workers = Workers(4)
    assert sums_of(workers, 4, 200) == [4.0 * n for n in range(1, 201)]
    assert workers.alive()


def test_threads_wake_up_after_a_pause() -> None:
    workers = Workers(2)
    assert sums_of(workers, 2, 2) == [2.0, 4.0]
    time.sleep(0.1)  # by now they sleep between looks
    assert sums_of(workers, 2, 2) == [2.0, 4.0]


def test_threads_end_with_their_workers() -> None:
    before = set(threading.enumerate())
    workers = Workers(3)
    sums_of(workers, 3, 1)
    own = set(threading.enumerate()) - before
    assert len(own) == 2
    del workers
    gc.collect()
    assert not any(thread.is_alive() for thread in own)

"""Threads that stay for a whole training and compute their share of each update.

They run compiled code and hold no lock of the interpreter. To begin an update and at barriers they wait by
looking at a number in memory, which takes less than a microsecond where every thread has a core. They look
for half a millisecond; then they sleep for a moment between looks, and before an update for longer and
longer. On a busy core a thread that gave way at once would wait for a whole turn of the others at each
barrier. But one that never sleeps stays where it is: Linux moves a thread to an idle core when it wakes, and
two threads that looked and yielded on one core stayed there for seconds.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from swimrl.td3.engine.native import RUN, Call, Entry, Segment, check, compile_ir

_IR = """
declare i32 @usleep(i32)
DECLARE

define i32 @barrier(ptr %words) {
entry:
  %at_state = getelementptr i64, ptr %words, i64 2
  %arrivals = load ptr, ptr %at_state
  %at_parties = getelementptr i64, ptr %words, i64 3
  %parties = load i64, ptr %at_parties
  %opened = getelementptr i64, ptr %arrivals, i64 LINE
  %before = load atomic i64, ptr %opened acquire, align 8
  %others = atomicrmw add ptr %arrivals, i64 1 acq_rel
  %arrived = add i64 %others, 1
  %last = icmp eq i64 %arrived, %parties
  br i1 %last, label %open, label %look
open:
  store atomic i64 0, ptr %arrivals monotonic, align 8
  %next = add i64 %before, 1
  store atomic i64 %next, ptr %opened release, align 8
  ret i32 0
look:
  %looks = phi i64 [ 0, %entry ], [ %more, %pause ], [ %more, %sleep ]
  %more = add i64 %looks, 1
  %now = load atomic i64, ptr %opened acquire, align 8
  %is_open = icmp ne i64 %now, %before
  br i1 %is_open, label %end, label %closed
closed:
  %soon = icmp ult i64 %looks, PAUSES
  br i1 %soon, label %pause, label %sleep
pause:
  PAUSE
  br label %look
sleep:
  %ignored = call i32 @usleep(i32 NAP_US)
  br label %look
end:
  ret i32 0
}

define i64 @wait(ptr %started, i64 %before) {
entry:
  br label %look
look:
  %looks = phi i64 [ 0, %entry ], [ %more, %pause ], [ %more, %sleep ]
  %more = add i64 %looks, 1
  %now = load atomic i64, ptr %started acquire, align 8
  %has_started = icmp ne i64 %now, %before
  br i1 %has_started, label %end, label %not_yet
not_yet:
  %soon = icmp ult i64 %looks, PAUSES
  br i1 %soon, label %pause, label %sleep
pause:
  PAUSE
  br label %look
sleep:
  %naps = sub i64 %looks, PAUSES
  %tenth = udiv i64 %naps, 10
  %longer = add i64 %tenth, 1
  %long = mul i64 %longer, NAP_US
  %too_long = icmp ugt i64 %long, 5000
  %us = select i1 %too_long, i64 5000, i64 %long
  %us32 = trunc i64 %us to i32
  %ignored = call i32 @usleep(i32 %us32)
  br label %look
end:
  ret i64 %now
}

define i64 @serve(ptr %started, ptr %own, ptr %tables, ptr %counts) {
entry:
  br label %next
next:
  %before = load i64, ptr %own
  %now = call i64 @wait(ptr %started, i64 %before)
  store i64 %now, ptr %own
  %at_order = getelementptr i64, ptr %started, i64 LINE
  %order = load i64, ptr %at_order
  %stop = icmp slt i64 %order, 0
  br i1 %stop, label %leave, label %go
go:
  %at_table = getelementptr ptr, ptr %tables, i64 %order
  %table = load ptr, ptr %at_table
  %for_python = icmp eq ptr %table, null
  br i1 %for_python, label %leave, label %work
work:
  %at_count = getelementptr i64, ptr %counts, i64 %order
  %count = load i64, ptr %at_count
  %status = call i32 @run(ptr %table, i64 %count)
  %at_status = getelementptr i64, ptr %own, i64 1
  %wide = zext i32 %status to i64
  %failed = load i64, ptr %at_status
  %all = or i64 %failed, %wide
  store i64 %all, ptr %at_status
  br label %next
leave:
  ret i64 %order
}

define void @start(ptr %started, i64 %order) {
  %at_order = getelementptr i64, ptr %started, i64 LINE
  store i64 %order, ptr %at_order
  %ignored = atomicrmw add ptr %started, i64 1 acq_rel
  ret void
}
"""
_LINE = 16  # words that lie in two cache lines, because processors fetch lines in pairs
_PAUSES = 20_000  # looks before the first nap: 0.5 ms
_NAP_US = 20
_STOP = -1


class Workers:
    """The threads beside the main one.

    Args:
        parties: How many threads compute, the main one included.

    Attributes:
        barrier: The call that waits until all threads have made it.
    """

    def __init__(self, parties: int) -> None:
        self.barrier = _Barrier(parties)
        self._started = np.zeros(2 * _LINE, np.int64)
        self._own = np.zeros((parties - 1, _LINE), np.int64)
        self._process = os.getpid()
        self._jobs = [_Job(self._started, own) for own in self._own]
        self._threads = [threading.Thread(target=_serve, args=(job,), daemon=True) for job in self._jobs]
        for thread in self._threads:
            thread.start()
        weakref.finalize(self, _stop, self._started, self._threads, self._process)

    def set(self, sequences: Sequence[Sequence[list[Call]]]) -> None:
        """Set what the threads compute: for each thread, the calls of each kind of update."""
        for job, kinds in zip(self._jobs, sequences, strict=True):
            job.set(kinds)

    def start(self, kind: int) -> None:
        """Let the threads run an update of this kind; the main thread must run its own share."""
        _library().start(self._started.ctypes.data, kind)

    def check(self) -> None:
        """Raise an error if a thread's compiled call has failed.

        Raises:
            SwimrlError: If one has.
        """
        check(int(self._own[:, 1].any()))

    def alive(self) -> bool:
        """Return whether the threads exist; a forked process has none."""
        return os.getpid() == self._process


class _Job:
    """What one thread computes, in memory that compiled code reads.

    Args:
        started: Counts the updates that have begun.
        own: How many of them this thread has begun, and whether a call has failed.
    """

    def __init__(self, started: np.ndarray, own: np.ndarray) -> None:
        self.started = started
        self.own = own
        self.tables = np.zeros(_LINE, np.int64)
        self.counts = np.zeros(_LINE, np.int64)
        self.kinds: Sequence[list[Call]] = []

    def set(self, kinds: Sequence[list[Call]]) -> None:
        self.kinds = kinds
        for number, calls in enumerate(kinds):
            segment = calls[0] if len(calls) == 1 else None
            self.tables[number] = self.counts[number] = 0
            if isinstance(segment, Segment):
                self.tables[number], self.counts[number] = segment.table.ctypes.data, len(segment.entries)


class _Barrier:
    """Waits until all threads have called it.

    Args:
        parties: How many they are.
    """

    def __init__(self, parties: int) -> None:
        self._state = np.zeros(2 * _LINE, np.int64)
        self._parties = parties

    def entry(self) -> Entry:
        """Return the call for a table of `native`."""
        words = [_library().barrier, 0, self._state.ctypes.data, self._parties]
        return Entry(np.array(words, np.int64), (self,))

    def __call__(self) -> None:
        """Wait."""
        Segment([self.entry()])()


def _serve(job: _Job) -> None:
    """Compute until it is time to stop: whole tables without Python, other calls one after the other."""
    torch.set_num_threads(1)  # else each product here takes all cores, and the threads wait for each other
    np.seterr(all="ignore")
    serve = _library().serve
    addresses = [array.ctypes.data for array in (job.started, job.own, job.tables, job.counts)]
    while (kind := serve(*addresses)) != _STOP:
        for call in job.kinds[kind]:
            call()


def _stop(started: np.ndarray, threads: list[threading.Thread], process: int) -> None:
    if os.getpid() == process:
        _library().start(started.ctypes.data, _STOP)
        for thread in threads:
            thread.join()


class _Library(NamedTuple):
    """The compiled functions of this module."""

    barrier: int
    """The address of the function that makes a barrier's call from an entry."""

    serve: Callable[[int, int, int, int], int]
    """(started, own, tables, counts) -> kind; returns where Python must make the calls, or to stop."""

    start: Callable[[int, int], None]
    """(started, kind) -> None."""


@functools.cache
def _library() -> _Library:
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    pause = "llvm.x86.sse2.pause"
    text = _IR.replace("DECLARE", f"declare void @{pause}()" if is_x86 else "")
    text = text.replace("  PAUSE\n", f"  call void @{pause}()\n" if is_x86 else "")
    for name, value in (("LINE", _LINE), ("PAUSES", _PAUSES), ("NAP_US", _NAP_US)):
        text = text.replace(name, str(value))
    address = compile_ir(RUN + text)
    word = ctypes.c_int64
    return _Library(
        address("barrier"),
        ctypes.CFUNCTYPE(word, word, word, word, word)(address("serve")),
        ctypes.CFUNCTYPE(None, word, word)(address("start")),
    )

"""The process of an arm: both ends of the conversation. Standard library only.

One JSON object per line each way. The parent first sends settings, and the child answers with facts about
itself and the names of the works it offers. Then each request names a work:

    {"work": "updates", "seconds": 0.5}     ->  {"count": 170}                        how often fills 0.5 s
    {"work": "updates", "count": 170}       ->  {"wall_s": ..., "cpu_s": ..., "parts": {...}}     a reading

A child that fails answers {"error": reason} and ends. What it prints goes to its standard error. The parent
keeps that, and its last line is the reason if a child dies without an answer.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from swimrl.errors import SwimrlError
from swimrl.host import limited_threads
from swimrl.timing.clock import Reading, Work, count_for, take_reading

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """What a child can do."""

    facts: Mapping[str, Any]
    """Facts that the record keeps, such as versions and backends."""

    works: Mapping[str, Work]


def serve(prepare: Callable[[Settings], Offer]) -> None:
    """Run the child: answer requests from standard input until it ends.

    Args:
        prepare: Builds and warms up what is measured, from the parent's settings.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Whatever a library prints must not look like an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(content: Mapping[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        offer = prepare(json.loads(sys.stdin.readline()))
        answer({"facts": offer.facts, "works": list(offer.works)})
        for line in sys.stdin:
            request = json.loads(line)
            work = offer.works[request["work"]]
            if "seconds" in request:
                answer({"count": count_for(work, request["seconds"])})
            else:
                answer(dataclasses.asdict(take_reading(work, request["count"])))
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise


class Worker:
    """The parent's end: a child process.

    Args:
        command: The program to run; it must call `serve`.
        settings: The first message to it.
        cores: The cores it may run on, where the system can pin a process.

    Raises:
        SwimrlError: If the child cannot be started or fails; the message is its reason.

    Attributes:
        facts: What the child reports about itself.
        works: Names of the works it offers.
    """

    def __init__(self, command: Sequence[str], settings: Settings, cores: Sequence[int]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        try:
            with _pinned(cores):
                self._process = subprocess.Popen(  # noqa: S603 - the caller's own program
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                    env=limited_threads(len(cores)),
                )
        except OSError as error:
            self._errors.close()
            raise SwimrlError(f"cannot run {command[0]}: {error.strerror}") from error
        try:
            hello = self._ask(settings)
        except BaseException:
            self.close()
            raise
        self.facts: Mapping[str, Any] = hello["facts"]
        self.works: Sequence[str] = hello["works"]

    def count_for(self, work: str, seconds: float) -> int:
        """Return how often ``work`` has to be done to take about ``seconds``."""
        return int(self._ask({"work": work, "seconds": seconds})["count"])

    def take_reading(self, work: str, count: int) -> Reading:
        """Let the child do ``work`` ``count`` times and return the seconds it took."""
        answer = self._ask({"work": work, "count": count})
        parts = {part: (wall_s, cpu_s) for part, (wall_s, cpu_s) in answer["parts"].items()}
        return Reading(answer["wall_s"], answer["cpu_s"], parts)

    def close(self) -> None:
        """End the child."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # the child may have ended already
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Its last answer, or else its standard error, says why it has ended.
        with suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SwimrlError(self._last_line())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SwimrlError(answer["error"])
        return answer

    def _last_line(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with exit code {code} and without a message"


@contextmanager
def _pinned(cores: Sequence[int]) -> Iterator[None]:
    """Pin child processes that are started in this context to ``cores``, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""Conversations with real child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swimrl.errors import SwimrlError
from swimrl.timing.worker import Worker

COMMAND = [sys.executable, str(Path(__file__).with_name("child.py"))]
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


@contextmanager
def child(**settings: object) -> Iterator[Worker]:
    worker = Worker(COMMAND, settings, CORES[-1:])
    try:
        yield worker
    finally:
        worker.close()


def test_a_child_gets_its_settings_and_cores_and_says_what_it_can_do() -> None:
    before = CORES
    with child(works=["a", "b"], level=3) as worker:
        assert worker.works == ["a", "b"]
        assert worker.facts["settings"] == {"works": ["a", "b"], "level": 3}
        assert worker.facts["threads"] == "1"
        if hasattr(os, "sched_getaffinity"):
            assert worker.facts["cores"] == CORES[-1:]
            assert sorted(os.sched_getaffinity(0)) == before


def test_readings_and_counts_come_back() -> None:
    with child() as worker:
        first, second = worker.take_reading("work", 20), worker.take_reading("work", 30)
        assert (first.parts, second.parts) == (
            {"count": (20.0, None), "calls": (1.0, 0.5)},
            {"count": (30.0, None), "calls": (2.0, 0.5)},
        )
        assert first.wall_s > 0
        count = worker.count_for("work", 0.001)
        assert count >= 10
        assert count % 10 == 0


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        ("at once", "RuntimeError: cannot begin"),
        ("silently", "noise on standard output"),
        ("before serving", "last line of a crash"),
    ],
)
def test_a_child_that_cannot_begin_gives_its_reason(fail: str, reason: str) -> None:
    with pytest.raises(SwimrlError) as caught:
        Worker(COMMAND, {"fail": fail}, CORES[-1:])
    assert str(caught.value) == reason


def test_a_child_that_breaks_at_work_gives_its_reason_and_ends() -> None:
    with child(**{"fail at call": 2}) as worker:
        worker.take_reading("work", 1)
        with pytest.raises(SwimrlError, match=r"^ValueError: broke while working$"):
            worker.take_reading("work", 1)
        with pytest.raises(SwimrlError, match=r"ValueError: broke while working$"):
            worker.take_reading("work", 1)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["/no/such/python", "x.py"], "cannot run /no/such/python: No such file or directory"),
        ([sys.executable, "-c", "raise SystemExit(7)"], "ended with exit code 7 and without a message"),
        (
            [sys.executable, "-c", "import no_such_module"],
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
    ],
)
def test_a_program_that_is_no_child(command: list[str], reason: str) -> None:
    with pytest.raises(SwimrlError) as caught:
        Worker(command, {}, CORES[-1:])
    assert str(caught.value) == reason


def test_what_a_child_needs_is_the_standard_library_alone() -> None:
    # -S leaves site-packages out, so that only the checkout is left to import from.
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); import swimrl.timing.worker; "
        "roots = {name.partition('.')[0] for name in sys.modules}; "
        "print(roots - sys.stdlib_module_names - {'swimrl', '__main__'})"
    )
    command = [sys.executable, "-S", "-c", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"

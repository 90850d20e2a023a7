"""What a person sees while a run goes on."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from swimrl.runs.directory import Episode
from swimrl.training.progress import BarReporter, LineReporter, Reporter, SurvivableOutput

TITLE = ["Hopper-v4  expr: x*[1]  seed 0", "run directory: " + "long/" * 30]


def show(reporter: Reporter) -> None:
    reporter.start(1_000_000)
    reporter.step(1)
    reporter.evaluation(5_000, [Episode(1234.5, 1000), Episode(1235.5, 500)])
    reporter.step(500_000)
    reporter.step(1_000_000)  # at once: too soon to be drawn
    reporter.final(0, 100)
    reporter.final(100, 100)
    reporter.stop()


def test_lines_for_logs(capsys: pytest.CaptureFixture[str]) -> None:
    file = io.StringIO()
    show(LineReporter(Console(file=file, width=80), TITLE))
    lines = file.getvalue().splitlines()
    assert lines[:2] == TITLE  # square brackets are no markup, and long paths can be copied
    assert len(lines) == 3
    assert re.fullmatch(
        r"step +5,000 of 1,000,000  return +1,235\.0  length +750  \d+ s",
        lines[2],
    )
    assert max(map(len, lines[2:])) <= 80


@pytest.mark.parametrize("width", [80, 60, 120])
def test_the_bar_keeps_to_one_line_and_shows_steps_speed_return_and_time_left(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    show(BarReporter(console, TITLE))
    # What a terminal would show at the end: what comes after the last time the cursor went up.
    shown = file.getvalue().split("\x1b[1A")[-1]
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in shown.splitlines()]
    bars = [line for line in lines if line]
    assert len(bars) == 2, bars
    assert max(map(len, bars)) <= width
    assert re.fullmatch(
        r"training +━+ +1,000,000/1,000,000 +[\d,…-]+(/s)? +return 1,235 +[\d:…-]+ *", bars[0]
    )
    assert re.fullmatch(r"final episodes +━+ +100/100 +[\d,…-]+(/s)? +[\d:…-]+ *", bars[1])


class Broken(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_run_outlives_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stdout in (Broken(), None):
        monkeypatch.setattr(sys, "stdout", stdout)
        show(LineReporter(Console(file=SurvivableOutput(), width=80), TITLE))


def test_a_bar_prints_to_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """rich puts a proxy of the console in the place of sys.stdout, which must not lead back to it."""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    show(BarReporter(Console(file=SurvivableOutput(), width=80, force_terminal=True), TITLE))
    assert "1,000,000/1,000,000" in file.getvalue()
    assert sys.stdout is file


def test_what_a_terminal_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="ascii", write_through=True))
    show(LineReporter(Console(file=SurvivableOutput(), width=80), ["run directory: Läufe"]))
    assert file.getvalue().startswith(b"run directory: L?ufe\n")

"""How far runs are, told from their files alone."""

from __future__ import annotations

import json
import shutil
import sys
import time
import types
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from swimrl.runs.directory import RunDirectory
from swimrl.runs.lock import locked
from swimrl.runs.record import Status, read_record
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.display import LineDisplay, NotebookDisplay, TableDisplay, display_for
from swimrl.sweeps.status import RunStatus, StatusReader, StudyStatus, runs_in
from swimrl.sweeps.status_table import duration, summary_of, table_of
from swimrl.training import progress_file
from swimrl.training.config import TrainConfig
from tests.training.small_runs import FINISHED, train_line


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_line(tmp_path_factory.mktemp("study"), FINISHED)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> RunDirectory:
    """A copy of a finished run of 250 steps."""
    path = tmp_path / "study" / Path(*finished.parts[-3:])
    shutil.copytree(finished, path)
    return RunDirectory(path)


def set_status(run: RunDirectory, status: Status, reason: str | None = None) -> None:
    run.write_record(replace(read_record(run.record_file), status=status, reason=reason, steps_done=120))


def write_progress(run: RunDirectory, at: float) -> None:
    (run.path / progress_file.FILE_NAME).write_text(
        json.dumps({"step": 125, "steps": 250, "steps_per_s": 25.0, "last_return": -3.5, "at": at})
    )


def look(run: RunDirectory, steps: int = 250) -> RunStatus:
    (status,) = StatusReader({run.path: steps}).read()
    return status


def test_a_run_that_was_not_begun_is_left(tmp_path: Path) -> None:
    assert look(RunDirectory(tmp_path / "env/swim-1/seed-0")).state == "left"


def test_a_finished_run_is_done_unless_more_steps_are_wanted(run: RunDirectory) -> None:
    status = look(run)
    assert (status.state, status.step) == ("done", 250)
    assert (status.environment, status.seed) == ("worlds/Line-v0", 3)
    assert status.variant.startswith("swim-k1-")
    assert status.last_return is not None
    assert look(run, steps=300).state == "stopped"


def test_a_failed_run_says_why(run: RunDirectory) -> None:
    set_status(run, "failed", "out of luck")
    assert (look(run).state, look(run).reason) == ("failed", "out of luck")
    run.record_file.write_text("{")
    assert look(run).state == "failed"
    assert "run.json" in str(look(run).reason)


def test_a_running_one_is_where_its_progress_says(run: RunDirectory) -> None:
    set_status(run, "running")
    write_progress(run, time.time())
    status = look(run)
    assert (status.state, status.step, status.steps_per_s, status.last_return) == ("running", 125, 25.0, -3.5)
    assert status.seconds_left == 5.0


def test_a_killed_one_is_stopped(run: RunDirectory) -> None:
    set_status(run, "running")
    assert look(run).state == "stopped"
    write_progress(run, time.time() - 2 * progress_file.ALIVE_S)
    assert (look(run).state, look(run).step) == ("stopped", 125)


def test_a_run_in_its_first_second_is_running_while_it_holds_its_lock(run: RunDirectory) -> None:
    set_status(run, "running")
    with locked(run.path):
        assert look(run).state == "running"


def test_what_changes_is_seen(run: RunDirectory) -> None:
    reader = StatusReader({run.path: 250})
    assert reader.read()[0].state == "done"
    set_status(run, "interrupted")
    assert reader.read()[0].state == "stopped"


def test_runs_are_found_below_a_study_an_environment_an_arm_and_in_a_run(run: RunDirectory) -> None:
    for folder in (*run.path.parents[:3], run.path):
        assert runs_in(folder) == [run.path]
    assert runs_in(run.path / "nothing") == []


def test_without_a_study_run_json_says_how_many_steps_are_wanted(run: RunDirectory) -> None:
    assert StatusReader({run.path: None}).read()[0].steps == 250
    run.record_file.write_text("{")
    assert StatusReader({run.path: None}).read()[0].state == "failed"


def test_before_run_json_is_there_names_come_from_the_path_and_then_from_it(run: RunDirectory) -> None:
    left = RunStatus(run.path, 250)
    assert (left.environment, left.variant, left.seed) == ("worlds-Line-v0", run.path.parent.name, 3)
    moved = run.path.rename(run.path.with_name("a copy"))
    (status,) = StatusReader({moved: None}).read()
    assert (status.environment, status.variant, status.seed) == ("worlds/Line-v0", left.variant, 3)


RUNS = StudyStatus(
    [
        RunStatus(Path("Hopper-v4/swim-1a2b3c4d/seed-0"), 1000, "done", 1000, None, 3000.4),
        RunStatus(Path("Hopper-v4/relu-1a2b3c4d/seed-0"), 1000, "running", 500, 10.0, 2000.0),
        RunStatus(
            Path("HumanoidStandup-v4/a-very-long-name-of-a-formula-1a2b3c4d/seed-1000"), 10**6, "failed", 7
        ),
        RunStatus(Path("Ant-v4/relu-1a2b3c4d/seed-0"), 1300),
    ]
)


def test_the_table_has_a_row_for_each_run_and_fits_into_80_columns() -> None:
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(table_of(RUNS))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines[1:3]] == [
        ["Hopper-v4", "swim-1a2b3c4d", "0", "100", "%", "3,000", "done"],
        ["Hopper-v4", "relu-1a2b3c4d", "0", "50", "%", "10", "2,000", "50", "s"],
    ]
    assert [line.split()[-1] for line in lines[3:]] == ["failed", "left"]


def test_the_table_shortens_long_names() -> None:
    path = Path("study/a-package-Environment-v0/swim-relu-tanh-gelu-1a2b3c4d/seed-0")
    header, row = str(table_of([RunStatus(path, 100)])).splitlines()
    assert row.split()[:3] == ["a-package-Env…", "swim-relu-tanh-gelu-1…", "0"]
    assert len(header) == len(row) <= 80


def test_the_summary_counts_and_foretells() -> None:
    assert summary_of(RUNS) == "4 runs: 1 done, 1 running, 1 failed, 1 left; about 3 min left"
    assert summary_of(StudyStatus(RUNS[:1])) == "1 run: 1 done"
    assert RUNS.counts == {"done": 1, "running": 1, "failed": 1, "left": 1}
    assert duration(None) == ""


def test_a_terminal_shows_the_runs_at_work_and_above_them_what_went_wrong(run: RunDirectory) -> None:
    set_status(run, "running")
    write_progress(run, time.time())
    planned = PlannedRun(TrainConfig(env="worlds/Line-v0", seed=3), run)
    console = Console(width=80, force_terminal=True, color_system=None, file=StringIO())
    console.record = True
    display = display_for(console, StatusReader({run.path: 250}))
    assert isinstance(display, TableDisplay)
    with display:
        display.event(planned, "started")
        display.event(planned, "failed: [bold]no luck")
        display.refresh()
    shown = console.export_text()
    assert "seed 3: failed: [bold]no luck" in shown
    assert "started" not in shown
    assert "50 %" in shown
    assert "1 run: 1 running; about 5 s left" in shown


def test_without_a_terminal_there_are_lines(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    display = display_for(Console(), StatusReader({run.path: 250}))
    assert isinstance(display, LineDisplay)
    with display:
        display.event(PlannedRun(TrainConfig(env="worlds/Line-v0", seed=3), run), "started")
        display.refresh()
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("worlds/Line-v0 swim-k1-")
    assert first.endswith("seed 3: started")
    assert last == "1 run: 1 done"


def test_a_status_shows_itself_as_text_and_in_a_notebook() -> None:
    text = repr(RUNS)
    assert text.splitlines()[-1] == summary_of(RUNS)
    assert len(text.splitlines()) == 1 + len(RUNS) + 1
    html = StudyStatus([RunStatus(Path("a/b&c/seed-0"), 10, "failed", reason='"<no>"')])._repr_html_()
    assert "b&amp;c" in html
    assert 'title="&quot;&lt;no&gt;&quot;"' in html
    assert RUNS.to_list()[1]["seconds_left"] == 50


def test_in_a_notebook_the_table_is_replaced_in_place(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[StudyStatus] = []

    class Handle:
        def update(self, status: StudyStatus) -> None:
            shown.append(status)

    def show(status: StudyStatus, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(status)
        return Handle()

    # Stands for the front end, which only a notebook has.
    module = types.ModuleType("IPython.display")
    module.display = show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    with display_for(Console(force_jupyter=True), StatusReader({run.path: 250})) as display:
        assert isinstance(display, NotebookDisplay)
        display.refresh()
        display.refresh()  # too soon
    assert [status.counts for status in shown] == [{"done": 1}, {"done": 1}]

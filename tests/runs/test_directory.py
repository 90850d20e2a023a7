"""The directory of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swimrl.errors import ConfigError, DamagedFileError, RunExistsError, StorageError
from swimrl.runs.directory import (
    EVALUATION_COLUMNS,
    Episode,
    RunDirectory,
    read_diagnostics,
    read_evaluations,
    read_last_returns,
)
from swimrl.runs.record import RunRecord

FIRST = [Episode(1.5, 10), Episode(-2.0, 20)]
SECOND = [Episode(0.1 + 0.2, 30), Episode(1e-300, 1)]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run that has just been made."""
    directory = RunDirectory(tmp_path / "study" / "env" / "seed-0")
    directory.create(overwrite=False)
    return directory


def record(status: str) -> RunRecord:
    return RunRecord(
        config={},
        activations={},
        network={},
        environment={},
        versions={},
        host={},
        engine={},
        status=status,  # type: ignore[arg-type]
        steps_done=1234,
    )


def files_in(directory: RunDirectory) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.path.iterdir()}


def test_evaluations_are_appended_with_all_digits(run: RunDirectory) -> None:
    run.append_evaluation(0, FIRST)
    run.append_evaluation(5000, SECOND)
    assert run.evaluations_file.read_text() == (
        "step,episode,return,length\n"
        "0,0,1.5,10\n"
        "0,1,-2.0,20\n"
        "5000,0,0.30000000000000004,30\n"
        "5000,1,1e-300,1\n"
    )
    steps, returns, lengths = read_evaluations(run.evaluations_file)
    assert steps.tolist() == [0, 5000]
    assert returns.tolist() == [[1.5, -2.0], [0.1 + 0.2, 1e-300]]
    assert lengths.tolist() == [[10, 20], [30, 1]]
    with np.load(run.evaluations_npz) as arrays:
        assert arrays["timesteps"].tolist() == [0, 5000]
        np.testing.assert_array_equal(arrays["results"], returns)
        np.testing.assert_array_equal(arrays["ep_lengths"], lengths)


def test_final_episodes_replace_those_of_a_shorter_training(run: RunDirectory) -> None:
    run.write_final(100, FIRST)
    run.write_final(200, SECOND[:1])
    assert run.final_file.read_text() == "step,episode,return,length\n200,0,0.30000000000000004,30\n"


def test_an_empty_directory_is_free(tmp_path: Path) -> None:
    RunDirectory(tmp_path).create(overwrite=False)
    RunDirectory(tmp_path).create(overwrite=True)


def test_a_run_is_refused_and_says_how_far_it_is(run: RunDirectory) -> None:
    run.write_record(record("interrupted"))
    before = files_in(run)
    with pytest.raises(RunExistsError, match="holds a run that is 'interrupted' after 1,234 steps"):
        run.create(overwrite=False)
    assert files_in(run) == before
    run.create(overwrite=True)
    assert files_in(run) == {}


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_deleted(overwrite: bool, run: RunDirectory) -> None:
    (run.path / "photo.jpg").write_text("sand")
    message = "is not a run of swimrl" if overwrite else r"holds files but no run\.json; name another --out"
    with pytest.raises(ConfigError if overwrite else RunExistsError, match=message):
        run.create(overwrite=overwrite)
    assert files_in(run) == {"photo.jpg": b"sand"}


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_file_in_the_way_is_named(above: int, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c"
    blocked = [path, *path.parents][above]
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    with pytest.raises(
        ConfigError, match=r"cannot write to .*c: .*; name a folder that can be written with --out"
    ):
        RunDirectory(path).create(overwrite=True)
    assert blocked.read_text() == "in the way"


@pytest.mark.parametrize("name", ["evaluations.csv", "evaluations.npz", "final.csv", "run.json"])
def test_a_full_disk_leaves_the_file_as_it_was(name: str, run: RunDirectory) -> None:
    def write(step: int, episodes: list[Episode], status: str) -> None:
        run.append_evaluation(step, episodes)
        run.write_final(step, episodes)
        run.write_record(record(status))

    write(0, FIRST, "running")
    before = (run.path / name).read_bytes()
    (run.path / f"{name}.new").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"cannot write .*: No space left on device; .* make room"):
        write(5000, SECOND, "done")
    assert (run.path / name).read_bytes() == before
    assert not (run.path / f"{name}.new").is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        "step,episode,reward\n0,0,1.5\n",
        "step,episode,return,length\n0,0,1.5\n",
        "step,episode,return,length\n0,0,one,10\n",
        "step,episode,return,length\n0,0,1.5,10\n0,1,1.5,10\n5000,0,1.5,10\n",
        "\0\0\0\0\n\0\0",
    ],
    ids=["other column", "cut row", "no number", "cut evaluation", "zeros"],
)
def test_a_damaged_evaluations_file_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "evaluations.csv"
    file.write_text(content)
    with pytest.raises(DamagedFileError, match="expected the columns step, episode, return, length"):
        read_evaluations(file)


def test_a_missing_evaluations_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"cannot read .*evaluations\.csv: No such file"):
        read_evaluations(tmp_path / "evaluations.csv")


class TestDiagnostics:
    def test_are_appended_with_all_digits_and_read_back(self, run: RunDirectory) -> None:
        run.append_diagnostics(0, {"rank/srank/actor": 3, "td_error/critic1": None})
        run.append_diagnostics(5000, {"rank/srank/actor": 0.1 + 0.2, "value/bias": -1e-300})
        assert run.diagnostics_file.read_text() == (
            "step,series,value\n"
            "0,rank/srank/actor,3\n"
            "0,td_error/critic1,\n"
            "5000,rank/srank/actor,0.30000000000000004\n"
            "5000,value/bias,-1e-300\n"
        )
        found = read_diagnostics(run.diagnostics_file)
        assert list(found) == ["rank/srank/actor", "td_error/critic1", "value/bias"]
        steps, values = found["rank/srank/actor"]
        assert (steps.tolist(), values.tolist()) == ([0, 5000], [3.0, 0.1 + 0.2])
        assert np.isnan(found["td_error/critic1"][1]).tolist() == [True]

    def test_half_a_line_at_the_end_is_not_read(self, run: RunDirectory) -> None:
        run.append_diagnostics(0, {"a/b": 1.0, "c/d": 2.25})
        content = run.diagnostics_file.read_bytes()
        for cut in (1, 2, 5, 8):  # the line's end, a digit, ...
            run.diagnostics_file.write_bytes(content[:-cut])
            assert list(read_diagnostics(run.diagnostics_file)) == ["a/b"]

    def test_a_full_disk_leaves_no_half_line(
        self, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run.append_diagnostics(0, {"a/b": 1.0})
        before = run.diagnostics_file.read_bytes()
        opened = Path.open

        class Full:
            def __init__(self, file: Any) -> None:
                self.file = file

            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                self.file.close()

            def write(self, content: bytes) -> None:
                self.file.write(content[:7])
                self.file.flush()
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "open", lambda path, *args, **kwargs: Full(opened(path, *args, **kwargs)))
        with pytest.raises(StorageError, match="No space left on device"):
            run.append_diagnostics(10, {"a/b": 2.0})
        monkeypatch.undo()
        assert run.diagnostics_file.read_bytes() == before

    @pytest.mark.parametrize(
        "content",
        [
            "step,value\n0,1\n",
            "step,series,value\nzero,a/b,1\n",
            "step,series,value\n0,a/b,much\n",
            "step,series,value\n0,a/b\n1,a/b,2\n",
            "\x00\xff\n1\n",
        ],
    )
    def test_a_damaged_file_is_an_error_that_names_it(self, run: RunDirectory, content: str) -> None:
        run.diagnostics_file.write_text(content, encoding="latin-1")
        with pytest.raises(DamagedFileError, match=r"diagnostics.csv is damaged; expected the columns step"):
            read_diagnostics(run.diagnostics_file)

    def test_a_file_that_is_not_there_is_an_error(self, run: RunDirectory) -> None:
        with pytest.raises(DamagedFileError, match="cannot read"):
            read_diagnostics(run.diagnostics_file)


@pytest.mark.parametrize(("evaluations", "episodes"), [(1, 1), (1, 300), (2, 3), (300, 10), (40, 400)])
def test_the_last_returns_are_those_of_the_whole_file(
    evaluations: int, episodes: int, tmp_path: Path
) -> None:
    path = tmp_path / "evaluations.csv"
    rows = [(step, number, step + number / 7, 5) for step in range(evaluations) for number in range(episodes)]
    path.write_text("step,episode,return,length\n" + "".join("{},{},{},{}\n".format(*row) for row in rows))
    assert read_last_returns(path) == read_evaluations(path)[1][-1].tolist()


def test_without_an_evaluation_there_are_no_last_returns(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.csv"
    for text in ("", "step,episode,return,length\n"):
        path.write_text(text)
        assert read_last_returns(path) == []
    path.write_text("step,episode,return,length\n1,2\n")
    with pytest.raises(DamagedFileError, match="is damaged"):
        read_last_returns(path)


@pytest.mark.parametrize(
    "rows",
    [
        ["0,0,1.5,10", "0,1,-2.25,7", "5,0,nan,1", "5,1,inf,2"],
        ["5,0,1e-3,10", "0,0,0.1,7"],  # steps that go back, as no run writes them
    ],
)
def test_evaluations_are_read_as_the_csv_module_reads_them(tmp_path: Path, rows: list[str]) -> None:
    file = tmp_path / "evaluations.csv"
    file.write_text("\n".join([",".join(EVALUATION_COLUMNS), *rows]) + "\n")
    steps, returns, lengths = read_evaluations(file)
    numbers = [line.split(",") for line in rows]
    assert steps.tolist() == list(dict.fromkeys(int(row[0]) for row in numbers))
    np.testing.assert_array_equal(returns.ravel(), [float(row[2]) for row in numbers])
    assert lengths.ravel().tolist() == [int(row[3]) for row in numbers]

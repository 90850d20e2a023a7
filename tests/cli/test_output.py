"""A run outlives its terminal: closed pipes and streams, full disks, encodings that lack a character."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from swimrl.runs.record import read_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such descriptors")

USERS_CODE = Path(__file__).parents[1] / "users_code"
TRAIN = shlex.split(
    "train --env worlds/Line-v0 --import worlds --net 16x16 --td3.batch-size 16 --td3.learning-starts 60 "
    "--act relu --steps 200 --eval-every 50 --eval-episodes 1 --final-episodes 1"
)


def environment(**more: str) -> dict[str, str]:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**buffered, "PYTHONPATH": str(USERS_CODE), "OMP_NUM_THREADS": "1", **more}


def swimrl(
    arguments: Sequence[str | Path], before: Callable[[], None] | None = None, **more: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "swimrl", *arguments]
    return subprocess.run(command, capture_output=True, env=environment(**more), preexec_fn=before)


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_run_whose_reader_leaves_after_the_first_line_is_done(unbuffered: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "swimrl", *TRAIN, "--out", tmp_path]
    env = environment(**({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {}))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    (record,) = tmp_path.rglob("run.json")
    assert read_record(record).status == "done"


def test_a_run_without_any_standard_stream_is_done_and_its_files_are_its_own(tmp_path: Path) -> None:
    def close() -> None:
        for descriptor in (0, 1, 2):
            os.close(descriptor)

    result = swimrl([*TRAIN, "--out", tmp_path], close)
    assert result.returncode == 0
    (record,) = tmp_path.rglob("run.json")
    assert read_record(record).status == "done"


@pytest.mark.parametrize("arguments", [["--version"], ["envs"], ["completion", "bash"]], ids=" ".join)
def test_a_closed_output_is_no_error(arguments: list[str]) -> None:
    result = swimrl(arguments, lambda: os.close(1))
    assert (result.returncode, result.stderr) == (0, b"")


def test_an_error_without_a_standard_error_still_has_its_exit_code() -> None:
    assert swimrl(["trian"], lambda: os.close(2)).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_is_the_result_and_cannot_be_written_is_an_error() -> None:
    command = [sys.executable, "-m", "swimrl", "completion", "bash"]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment())
    assert result.returncode == 1
    assert result.stderr == (
        b"swimrl: error: cannot write the output: No space left on device; what was printed is cut off\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_path_that_the_terminal_cannot_show_is_no_error(
    encoding: str, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "größe-学"
    folder.symlink_to(finished.parents[2])
    run = folder / finished.parent.parent.name / finished.parent.name / finished.name
    (run.parent / "seed-9").mkdir()
    try:
        (run.parent / "seed-9/run.json").write_text("{")
        result = swimrl(["status", folder], PYTHONIOENCODING=encoding)
    finally:
        (run.parent / "seed-9/run.json").unlink()
        (run.parent / "seed-9").rmdir()
    assert (result.returncode, result.stderr) == (0, b"")
    shown = {"ascii": b"gr??e-?", "latin-1": "größe-?".encode("latin-1"), "utf-8": "größe-学".encode()}
    assert shown[encoding] in result.stdout


def test_bytes_of_a_path_that_are_no_text_are_printed_as_they_are(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    result = swimrl(["status", Path(os.fsdecode(folder))])
    assert result.returncode == 2
    assert folder in result.stderr

"""``swimrl tensorboard``: what it starts, and what it says where it cannot."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swimrl.cli import tensorboard
from swimrl.cli.app import main


@pytest.fixture
def study(tmp_path: Path) -> Path:
    run = tmp_path / "study" / "Hopper-v4" / "swim-12345678" / "seed-0"
    run.mkdir(parents=True)
    (run / "events.out.tfevents.1.host").touch()
    return tmp_path / "study"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that would have been started."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(["tensorboard", *arguments])
    assert end.value.code == 2
    return capsys.readouterr().err


def test_it_starts_tensorboard_on_the_folder(
    study: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["tensorboard", str(study)])
    assert end.value.code == 0
    ((python, *module, logdir, host, port, title, multifile, samples),) = started
    assert [python, *module] == [sys.executable, "-m", "tensorboard.main"]
    assert (logdir, host) == (f"--logdir={study}", "--host=127.0.0.1")
    assert title == "--window_title=swimrl study"
    assert multifile == "--reload_multifile=true"  # a continued run has a file for each session
    assert samples.startswith("--samples_per_plugin=")
    number = int(port.removeprefix("--port="))
    assert 6006 <= number < 6106
    assert f"http://127.0.0.1:{number}/" in capsys.readouterr().out


def test_it_takes_the_next_port_where_the_first_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "_FIRST_PORT", taken)
    assert taken < tensorboard.free_port("127.0.0.1") < taken + 100


def test_it_says_that_all_ports_are_taken(
    taken: int, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tensorboard, "_FIRST_PORT", taken)
    monkeypatch.setattr(tensorboard, "_TRIED", 1)
    said = refusal([str(study)], capsys)
    assert f"{taken} to {taken} of 127.0.0.1 are all taken; give another --port" in said


def test_it_says_which_port_is_taken(
    taken: int, study: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal([str(study), "--port", str(taken)], capsys)
    assert f"port {taken} of 127.0.0.1 is taken; leave out --port to get a free one" in said
    assert not started


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--port", "65536"], "--port is 65536; expected a number from 1 to 65535"),
        (["--port", "0"], "--port is 0; expected a number from 1 to 65535"),
        (["--host", "203.0.113.1"], "leave out --port and --host"),  # an address of documentation, RFC 5737
        (["--host", "no such host"], "--host 'no such host' is unknown"),
    ],
)
def test_a_port_or_host_that_cannot_be_is_refused(
    options: list[str],
    expected: str,
    study: Path,
    started: list[list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert expected in refusal([str(study), *options], capsys)
    assert not started


def test_a_folder_without_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no TensorBoard files" in refusal([str(tmp_path)], capsys)
    assert "is not a folder; name the folder of a study" in refusal([str(tmp_path / "nowhere")], capsys)

"""The ``swimrl`` command itself: dispatch, help, exit codes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import tyro

import swimrl
from swimrl.bench.base import BENCHMARKS
from swimrl.cli.app import COMMANDS, command_names, load_command, main
from swimrl.cli.arguments import check
from swimrl.training.resolved import resolve


def answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_every_command_within_80_columns(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer(arguments, capsys)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert {line.split()[0] for line in lines if line.startswith("  ")} >= {*COMMANDS, "--version", "--debug"}
    assert max(map(len, lines)) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["--version"], capsys) == (0, f"swimrl {swimrl.__version__}\n", "")


@pytest.mark.parametrize("name", command_names())
def test_a_commands_help_says_what_it_does_and_gives_examples_within_80_columns(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = answer([*name.split(), "--help"], capsys)
    assert (code, err) == (0, "")
    description = load_command(name).description
    assert description.splitlines()[0] in out
    assert f"  swimrl {name}" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["bench"], ["bench", "-h"], ["bench", "--help"]])
def test_the_help_of_a_group_lists_its_commands_within_80_columns(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer(arguments, capsys)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    commands = {name.split()[1] for name in command_names() if name.startswith("bench ")}
    assert commands == {*BENCHMARKS, "compare", "show"}
    assert {line.split()[0] for line in lines if line.startswith("  ")} >= commands
    assert "  swimrl bench show FILE" in lines
    assert max(map(len, lines)) <= 80


def test_python_m_swimrl_is_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "swimrl", "--version"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"swimrl {swimrl.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"], ["envs"]], ids=" ".join)
def test_a_reader_that_leaves_early_gets_no_complaint(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "swimrl", *arguments]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=buffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # long before there is anything to read
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize("name", command_names())
def test_the_examples_in_a_commands_help_are_accepted(name: str) -> None:
    command = load_command(name)
    examples = re.findall(rf"^  swimrl {name}\b(.*)$", command.description, re.MULTILINE)
    assert examples
    for example in examples:
        arguments = shlex.split(example.split(">")[0])
        check(command.Args, arguments, name)
        args = tyro.cli(command.Args, args=arguments)
        if name == "train":
            resolve(args)

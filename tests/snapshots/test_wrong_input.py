"""Wrong input gets one line that says what was given, what is expected and what to do; and exit code 2."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from swimrl.cli.app import main

# A run of the small environment in tests/training/worlds.py, short enough to fail quickly.
LINE = "train --import worlds --env worlds/Line-v0 --act relu --net 16x16 --eval-episodes 1"
LEARN = "--steps 100 --td3.learning-starts 40 --td3.batch-size 8"

COMMAND_LINES = [
    # commands and options
    "trian",
    "--hlep",
    "train --sead 1",
    "train --lr 1e-3",
    "train --td3.gama 0.9",
    "train Hopper-v4",
    "train --env",
    "train --env --act swim",
    "train --seed 1 --seed 2",
    "train --normalize-obs --no-normalize-obs",
    "train --overwrite=yes",
    "eval",
    "eval runs/good extra",
    "eval runs/good --render robot",
    "completion powershell",
    "resume",
    "polynomial",
    "polynomial fit",
    "polynomial no-such-run",
    "polynomial runs/good --range far",
    "polynomial runs/good --save saved",
    "polynomial runs/good --degree 6",
    "polynomial fit swimm",
    "polynomial fit swim --degree 6 --precision 2^-9",
    "polynomial fit swim --precision much",
    "polynomial fit maxout",
    "train --act poly(swim)",
    "train --net-actor 16x",
    "bench speed",
    "bench activations swimm",
    "bench activations swim --quick --dtype float64",
    "bench activations swim --dtype half",
    "bench activations swim --shape 256",
    "bench activations swim --device cuda --json file",
    "bench paper --act",
    "bench policy runs/good --act swim",
    "bench policy no-such-run",
    "bench train --against sb4",
    "bench run --steps 100",
    "bench compare file",
    "bench show",
    "bench show no-such-file.json",
    "bench show file",
    "train --env Hopper-v4 --resume --overwrite",
    "report",
    "compare",
    "report runs/good --metric last1",
    "report runs/good --baseline gelu",
    "report runs/good --by act,td3.gama",
    "report runs/good --format pdf",
    "report runs/good --cost holiday-photos/beach.jpg --format json",
    "report runs/good --reference nowhere.csv --format json",
    "report runs/damaged-json",
    "report holiday-photos",
    "compare nowhere",
    # numbers
    "train --steps -5",
    "train --steps 1.5",
    "train --steps many",
    "train --seed one",
    "train --seed -1",
    "train --seed 99999999999",
    "train --threads 0",
    "train --threads many",
    "train --threads auto --engine sb3",
    "sweep --threads auto --act relu --seeds 0 --dry-run",
    "train --eval-every 0",
    "train --net 256xabc",
    "train --net 0x16",
    "train --td3.gamma 1.5",
    "train --td3.lr fast",
    "train --td3.lr nan",
    "train --td3.batch-size 0",
    # choices
    "train --engine jax",
    "train --td3.init magic",
    "train --precision bf16 --engine sb3",
    # environments
    "train --env HalfCheeta-v4",
    "train --env HalfCheetah",
    "train --env Pusher-v4",
    "train --env Hopper-v2",
    "train --env Hopper-v9",
    "train --env CartPole-v1",
    "train --env some.package:Thing-v0",
    "train --env nobody/Thing-v0",
    "train --env Hopper-v4 --env-kwargs ctrl_cost_weight",
    "train --env Hopper-v4 --env-kwargs gravity=1",
    "train --env Hopper-v4 --env-kwargs gravity=1 gravity=2",
    "train --env Hopper-v4 --env-kwargs healthy_reward=[1",
    "train --import no_such_module",
    # activations
    "train --act swimm",
    "train --act 'swim(q=1)'",
    "train --act 'swim(k=abc)'",
    "train --act 'swim(k=-1)'",
    "train --act 'swim(k=1'",
    "train --act ''",
    "train --act relu,swim,elu",
    "train --act-critic relu,swim,elu --net 16",
    '''train --act "expr: __import__('os').system('x')"''',
    "train --act 'expr: 9**9**9'",
    "train --act 'expr: 3'",
    "train --act 'expr: x*b'",
    "train --act 'expr: x +'",
    "train --act no_such_module:Thing",
    "train --act torch.nn:Reluu",
    "train --act math:pi",
    "train --act collections:OrderedDict",
    # YAML
    "train --config",
    "train --config no-such-file.yaml",
    "train --config unknown-key.yaml",
    "train --config wrong-type.yaml",
    "train --config bool-for-number.yaml",
    "train --config number-for-bool.yaml",
    "train --config out-of-range.yaml",
    "train --config no-mapping.yaml",
    "train --config broken.yaml",
    "train --config twice.yaml",
    "train --config flat.yaml",
    "train --config binary.yaml",
    # callbacks
    "train --callback no_such_module:Thing",
    "train --callback math:pi",
    "train --callback math",
    # places
    "train --env Hopper-v4 --out file",
    # runs to continue
    "resume no-such-run",
    "resume holiday-photos",
    "resume runs/damaged-json",
    "resume runs/newer",
    "resume runs/good --steps many",
    "train --env Hopper-v4 --resume",
    # trained policies
    "eval no-such-run",
    "eval file",
    "eval holiday-photos",
    "eval runs/damaged-json",
    "eval runs/newer",
    "eval runs/edited",
    "eval runs/damaged-weights",
    "eval runs/unfinished",
    "eval runs/foreign/policy.zip",
    "eval runs/foreign/policy.zip --trust",
    "eval runs/damaged-zip/policy.zip --trust --env InvertedPendulum-v5",
    "eval runs/good --episodes 0",
    "eval runs/good --threads 0",
    "eval runs/good --seed -1",
    "eval runs/good --episodes 1 --video film.avi",
    "eval runs/good --video film.mp4 --render human",
    "eval runs/good --record-states states.csv",
    "eval runs/good --episodes 1 --record-states no-such-folder/states.npz",
    # encryption
    "encrypt",
    "encrypt no-such-run",
    "encrypt runs/good",
    "encrypt runs/good --ring large",
    # repairs
    "repair",
    "repair no-such-run",
    "repair runs/good",
    "repair runs/good --failure stumble",
    "repair runs/good --places everywhere",
    "repair runs/good --lead 300",
    "repair runs/good --population 3",
    # runs that cannot go on
    f"{LINE} {LEARN} --env-kwargs nan_reward_from=30",
    f"{LINE} {LEARN} --env-kwargs nan_reward_from=10",
    f"{LINE} {LEARN} --env-kwargs nan_observation_from=30",
    f"{LINE} {LEARN} --td3.lr 1e30",
    f"{LINE} {LEARN} --td3.lr 1e30 --engine sb3",
    f"{LINE} {LEARN} --eval-every 20 --callback worlds:FullDisk",
]


def without_hash(text: str) -> str:
    return re.sub(r"-[0-9a-f]{8}(?=/)", "-<hash>", text)


def answer_in_process(command_line: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, object]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command_line))
    return without_hash(capsys.readouterr().err), end.value.code


def assert_is_as_recorded(command_line: str, error: str, code: object, messages: dict[str, str]) -> None:
    assert error.startswith("swimrl: error: ")
    assert error.count("\n") == 1
    assert error.endswith("\n")
    assert code == 2
    if os.environ.get("UPDATE_SNAPSHOTS"):
        messages[command_line] = error.strip()
    assert messages.get(command_line) == error.strip()


@pytest.mark.parametrize("command_line", COMMAND_LINES, ids=str)
def test_a_wrong_command_line_gets_one_line(
    command_line: str,
    workplace: Callable[[str], None],
    messages: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    workplace(command_line)
    assert_is_as_recorded(command_line, *answer_in_process(command_line, capsys), messages)


WITHOUT_CUDA = "train --device cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(
    workplace: Callable[[str], None], messages: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    workplace(WITHOUT_CUDA)
    assert_is_as_recorded(WITHOUT_CUDA, *answer_in_process(WITHOUT_CUDA, capsys), messages)


# What makes the second command line wrong is what the first one left behind.
FIRST = f"{LINE} --steps 2 --final-episodes 0"
AFTER_ANOTHER = {
    FIRST: None,
    f"{FIRST} --overwrite": "run.json",
}

RECORDED = [*COMMAND_LINES, WITHOUT_CUDA, *AFTER_ANOTHER]
"""All command lines whose messages are recorded, in the order of the file."""


@pytest.mark.parametrize("command_line", AFTER_ANOTHER, ids=["as it is", "no run"])
def test_a_run_is_never_overwritten_by_accident(
    command_line: str,
    workplace: Callable[[str], None],
    messages: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    workplace(command_line)
    with pytest.raises(SystemExit) as end:
        main(shlex.split(FIRST))
    assert end.value.code == 0
    if AFTER_ANOTHER[command_line]:
        (record,) = Path("runs").rglob("run.json")
        record.unlink()  # what is left is no run
    before = {file: file.read_bytes() for file in Path("runs").rglob("*") if file.is_file()}
    assert before
    assert_is_as_recorded(command_line, *answer_in_process(command_line, capsys), messages)
    assert {file: file.read_bytes() for file in Path("runs").rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("command_line", ["trian", "train --steps many", "train --seed -1"])
def test_the_same_in_a_process_of_its_own(command_line: str, messages: dict[str, str]) -> None:
    command = [sys.executable, "-m", "swimrl", *shlex.split(command_line)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert_is_as_recorded(command_line, result.stderr, result.returncode, messages)
    assert result.stdout == ""


def test_debug_shows_the_traceback() -> None:
    command = [sys.executable, "-m", "swimrl", "trian", "--debug"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert result.stderr.splitlines()[-1].startswith(
        "swimrl.errors.UnknownNameError: unknown command 'trian'"
    )

"""What only prints text starts at once: no torch, no Stable-Baselines3, no Gymnasium."""

import subprocess
import sys
from pathlib import Path

import pytest

from swimrl.cli.app import COMMANDS, command_names

HEAVY = ["torch", "stable_baselines3", "gymnasium", "mujoco"]

_RUN = """
import sys
from swimrl.cli.app import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, [name for name in {heavy!r} if name in sys.modules], file=sys.__stdout__)
"""


def exit_code_and_heavy_modules(script: str, arguments: list[str]) -> str:
    command = [sys.executable, "-c", script.format(heavy=HEAVY), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        *[([*command.split(), "--help"], 0) for command in sorted({*COMMANDS, *command_names()})],
        (["completion", "bash"], 0),
        (["trian"], 2),
        (["train", "--sead", "1"], 2),
        (["train", "--steps", "many"], 2),
        (["train", "--td3.gamma", "2"], 2),
        (["train", "--config", "no-such-file.yaml"], 2),
        (["eval", "no-such-run"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_command_line_that_only_prints_text_is_light(arguments: list[str], code: int) -> None:
    assert exit_code_and_heavy_modules(_RUN, arguments) == f"{code} []"


def test_a_run_does_not_import_the_compiler_of_pytorch(tmp_path: Path) -> None:
    run = "train --env InvertedPendulum-v4 --act swim --steps 4 --td3.learning-starts 2 --td3.batch-size 4 "
    options = "--td3.buffer-size 10 --net 8x8 --eval-episodes 1 --final-episodes 0 --out"
    script = _RUN.replace("{heavy!r}", "['torch', 'torch._dynamo']")
    assert exit_code_and_heavy_modules(script, [*(run + options).split(), str(tmp_path)]) == "0 ['torch']"


def test_importing_the_package_is_light() -> None:
    script = "import sys, swimrl; print(0, [name for name in {heavy!r} if name in sys.modules])"
    assert exit_code_and_heavy_modules(script, []) == "0 []"


def test_a_heavy_module_would_be_seen() -> None:
    script = "import sys, gymnasium; print(0, [name for name in {heavy!r} if name in sys.modules])"
    assert exit_code_and_heavy_modules(script, []) == "0 ['gymnasium']"

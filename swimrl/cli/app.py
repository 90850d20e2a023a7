"""Dispatches ``swimrl COMMAND ...``, and turns errors into one line and an exit code.

A command file holds: a docstring (description and examples, shown by ``--help``), a frozen dataclass ``Args``
whose field docstrings are the help of its options, and ``run(args)``. It may also hold ``defaults(argv)``,
which returns the ``Args`` to start from. Importing it must be light.

Exit codes: 0 done, 2 an error that the message explains, 1 an unexpected error, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import tyro

from swimrl.cli.arguments import check
from swimrl.errors import SwimrlError, UnknownNameError

COMMANDS = {
    "train": "Train a TD3 agent and write a run directory",
    "resume": "Continue a run exactly where it stopped",
    "sweep": "Train many runs: environments, activations, seeds",
    "status": "Show how far the runs of a study are",
    "clean": "Delete the checkpoints of finished runs",
    "tensorboard": "Watch runs in TensorBoard",
    "report": "Compare runs: intervals, tests, figures, one page",
    "compare": "Print the short verdict on runs",
    "eval": "Score a trained policy; record states or a video",
    "bench": "Measure the speed of training, side by side with others",
    "activations": "List the activations",
    "envs": "List the environments",
    "doctor": "Check the installation, with a fix for each problem",
    "completion": "Print the completion script of a shell",
}

_HELP = """\
usage: swimrl COMMAND [options]

The laboratory for activation functions in locomotion control: TD3 on MuJoCo
with any activation, and honest evidence of what it earns and what it costs.

commands:
{commands}

options:
  -h, --help     show this help; `swimrl COMMAND --help` shows a command's
  --version      show the version
  --debug        show the traceback of an error

examples:
  swimrl train --env HalfCheetah-v4 --act swim
  swimrl train --env Hopper-v4 --act "swim(k=trainable)" --steps 1e5 --seed 1
  swimrl eval runs/default/Hopper-v4/swim-*/seed-0 --video hopper.mp4
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; always ends by raising `SystemExit`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        try:
            _dispatch(arguments)
        finally:
            sys.stdout.flush()  # not at the end of the process, where a reader that has left is an error
    except KeyboardInterrupt:
        code = _fail("interrupted", 130)
    except SwimrlError as error:
        if debug:
            raise
        code = _fail(f"error: {error}", 2)
    except BrokenPipeError:
        # The reader of our output has left. What is still in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        if debug:
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        code = _fail(f"unexpected error: {said} (add --debug for the traceback)", 1)
    else:
        code = 0
    raise SystemExit(code)


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        lines = (f"  {name:<{width}}   {summary}" for name, summary in COMMANDS.items())
        print(_HELP.format(commands="\n".join(lines)), end="")
    elif arguments[0] == "--version":
        from swimrl import __version__

        print(f"swimrl {__version__}")
    elif arguments[0] not in COMMANDS:
        raise UnknownNameError("command", arguments[0], COMMANDS, "swimrl --help")
    else:
        _run(load_command(arguments[0]), arguments[0], arguments[1:])


def load_command(name: str) -> ModuleType:
    """Return the module of the command ``name``."""
    return importlib.import_module(f"swimrl.cli.{name}")


def _run(command: ModuleType, name: str, arguments: list[str]) -> None:
    default = None
    wants_help = "-h" in arguments or "--help" in arguments
    if wants_help:
        arguments = ["--help"]
    else:
        check(command.Args, arguments, f"swimrl {name}")
        if hasattr(command, "defaults"):
            default = command.defaults(arguments)
    args = tyro.cli(
        command.Args,
        prog=f"swimrl {name}",
        description=command.__doc__,
        args=arguments,
        # --no-NAME is always understood, but shown only where it changes something.
        config=(tyro.conf.FlagCreatePairsOff,) if wants_help else (),
        **({} if default is None else {"default": default}),
    )
    command.run(args)


def _fail(message: str, code: int) -> int:
    print(f"swimrl: {message}", file=sys.stderr)
    return code

"""Calls the file of ``swimrl COMMAND ...``, and turns errors into one line and an exit code.

A command file holds a docstring (description and examples, shown by ``--help``), a frozen dataclass ``Args``
whose field docstrings are the help of its options, and ``run(args)``. It may also hold ``defaults(argv)``,
which returns the ``Args`` to start from. Its import must be light. The file of a group of commands, such as
``bench``, holds a docstring and ``COMMANDS``, a `Command` for each name.

Exit codes: 0 done, 2 an error that the message explains, 1 an unexpected error or an output that could not be
written, 130 interrupted. What is printed never ends a run (`swimrl.cli.output`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import tyro

from swimrl.cli.arguments import check, with_home_expanded
from swimrl.cli.output import outlive_terminal, output_loss
from swimrl.errors import SwimrlError, UnknownNameError, one_line

COMMANDS = {
    "train": "Train a TD3 agent and write a run directory",
    "resume": "Continue a run exactly where it stopped",
    "sweep": "Train many runs: environments, activations, seeds",
    "tune": "Tune settings for each activation with the same budget",
    "status": "Show how far the runs of a study are",
    "clean": "Delete the checkpoints of finished runs",
    "tensorboard": "Watch runs in TensorBoard",
    "report": "Compare runs: intervals, tests, figures, one page",
    "compare": "Print the short verdict on runs",
    "eval": "Score a trained policy; record states or a video",
    "repair": "Find and change the few weights that make a controller fail",
    "export": "Write a policy as ONNX, C or NumPy files, and check them",
    "polynomial": "Measure how precise polynomial activations must be; fit one",
    "encrypt": "Let a policy act on encrypted observations",
    "bench": "Measure what activations, actions and training cost",
    "activations": "List the activations",
    "envs": "List the environments",
    "doctor": "Check the installation, with a fix for each problem",
    "completion": "Print the completion script of a shell",
}

_RESULT_IS_ON_DISK = (["train"], ["resume"], ["sweep"], ["tune"])
"""What these commands print is no part of their result, so its loss is no error."""

_HELP = """\
usage: swimrl COMMAND [options]

The laboratory for activation functions in locomotion control: TD3 on MuJoCo
with any activation, and evidence of what it earns and what it costs.

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


@dataclass(frozen=True)
class Command:
    """One command."""

    summary: str
    """One line for the list of commands."""

    description: str
    """Description and examples, shown by ``--help``."""

    Args: type[Any]
    """The dataclass whose fields are the options."""

    run: Callable[[Any], None]

    defaults: Callable[[list[str]], Any] | None = None
    """Returns the ``Args`` to start from, given the command line."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. It always ends by raising `SystemExit`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    outlive_terminal()
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        try:
            _dispatch(arguments)
        finally:
            sys.stdout.flush()  # now, so that `output_loss` knows of it
    except KeyboardInterrupt:
        code = _fail("interrupted", 130)
    except SwimrlError as error:
        if debug:
            raise
        code = _fail(f"error: {error}", 2)
    except Exception as error:
        if debug:
            raise
        code = _fail(f"unexpected error: {one_line(error)} (add --debug for the traceback)", 1)
    else:
        code = 0
    if (loss := output_loss()) and not code and arguments[:1] not in _RESULT_IS_ON_DISK:
        code = _fail(f"error: cannot write the output: {loss.strerror}; what was printed is cut off", 1)
    raise SystemExit(code)


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_HELP.format(commands=_listed(COMMANDS)), end="")
    elif arguments[0] == "--version":
        from swimrl import __version__

        print(f"swimrl {__version__}")
    elif arguments[0] not in COMMANDS:
        raise UnknownNameError("command", arguments[0], COMMANDS, "swimrl --help")
    elif group := _group(arguments[0]):
        _dispatch_in_group(arguments[0], group, arguments[1:])
    else:
        _run(load_command(arguments[0]), arguments[0], arguments[1:])


def _dispatch_in_group(name: str, commands: Mapping[str, Command], arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        about, _, examples = (_module(name).__doc__ or "").partition("\n\n")
        listed = _listed({name: command.summary for name, command in commands.items()})
        print(f"usage: swimrl {name} COMMAND [options]\n\n{about}\n\ncommands:\n{listed}\n")
        print(f"`swimrl {name} COMMAND --help` shows a command's options.\n\n{examples}", end="")
    elif arguments[0] not in commands:
        raise UnknownNameError(f"command of {name}", arguments[0], commands, f"swimrl {name} --help")
    else:
        whole = f"{name} {arguments[0]}"
        _run(load_command(whole), whole, arguments[1:])


def _listed(commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    return "\n".join(f"  {name:<{width}}   {summary}" for name, summary in commands.items())


def load_command(name: str) -> Command:
    """Return a command, such as ``train`` or ``bench train``."""
    first, _, in_group = name.partition(" ")
    if in_group:
        return _group(first)[in_group]
    module = _module(first)
    return Command(
        COMMANDS[first], module.__doc__ or "", module.Args, module.run, getattr(module, "defaults", None)
    )


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"swimrl.cli.{name}")


def _group(name: str) -> Mapping[str, Command]:
    """Return the commands of a group by name; nothing if the command is no group."""
    commands: Mapping[str, Command] = getattr(_module(name), "COMMANDS", {})
    return commands


def command_names() -> list[str]:
    """Return the names of all commands, such as ``train`` or ``bench train``."""
    names = []
    for name in COMMANDS:
        group = _group(name)
        names += [f"{name} {one}" for one in group] if group else [name]
    return names


def _run(command: Command, name: str, arguments: list[str]) -> None:
    default = None
    wants_help = "-h" in arguments or "--help" in arguments
    if wants_help:
        arguments = ["--help"]
    else:
        check(command.Args, arguments, f"swimrl {name}")
        if command.defaults is not None:
            default = command.defaults(arguments)
    args = tyro.cli(
        command.Args,
        prog=f"swimrl {name}",
        description=command.description,
        args=arguments,
        # --no-NAME is always accepted, and shown only where it changes something.
        config=(tyro.conf.FlagCreatePairsOff,) if wants_help else (),
        **({} if default is None else {"default": default}),
    )
    command.run(with_home_expanded(args))


def _fail(message: str, code: int) -> int:
    with suppress(OSError, ValueError):  # a closed terminal must not change the exit code
        print(f"swimrl: {message}", file=sys.stderr)
    return code

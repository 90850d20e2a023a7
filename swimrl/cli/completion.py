"""Print the completion script of a shell.

examples:
  swimrl completion bash > ~/.local/share/bash-completion/completions/swimrl
  swimrl completion zsh > ~/.zfunc/_swimrl
  swimrl completion fish > ~/.config/fish/completions/swimrl.fish
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import tyro


@dataclass(frozen=True)
class Args:
    """Which shell to print the script for."""

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish", "tcsh"]]
    """The shell that will read the script."""


def run(args: Args) -> None:
    """Print the script."""
    from swimrl.cli.app import command_names, load_command

    kinds: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for name in command_names():
        group, _, command = name.rpartition(" ")
        (groups.setdefault(group, {}) if group else kinds)[command] = load_command(name).Args
    try:
        tyro.extras.subcommand_cli_from_dict(
            kinds | {name: _any_of(commands) for name, commands in groups.items()},
            prog="swimrl",
            args=["--tyro-print-completion", args.shell],
        )
    except SystemExit as end:
        if end.code:
            raise


def _any_of(commands: Mapping[str, Any]) -> type:
    """Return a class that tyro reads as a group of commands."""
    choices = [Annotated[kind, tyro.conf.subcommand(name)] for name, kind in commands.items()]
    any_of: Any = Union[tuple(choices)]  # noqa: UP007 - made at run time
    choice = Annotated[any_of, tyro.conf.OmitSubcommandPrefixes]
    return dataclasses.make_dataclass("Group", [("command", choice)])

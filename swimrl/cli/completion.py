"""Print the completion script of a shell.

examples:
  swimrl completion bash > ~/.local/share/bash-completion/completions/swimrl
  swimrl completion zsh > ~/.zfunc/_swimrl
  swimrl completion fish > ~/.config/fish/completions/swimrl.fish
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tyro


@dataclass(frozen=True)
class Args:
    """Which shell."""

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish", "tcsh"]]
    """The shell that will read the script."""


def run(args: Args) -> None:
    """Print the script."""
    from swimrl.cli.app import COMMANDS, load_command

    kinds = {name: load_command(name).Args for name in COMMANDS}
    try:
        tyro.extras.subcommand_cli_from_dict(
            kinds, prog="swimrl", args=["--tyro-print-completion", args.shell]
        )
    except SystemExit as end:
        if end.code:
            raise

"""The file of recorded messages: a head, and one entry for each command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

_MARK = "\n$ swimrl "


def read(file: Path) -> dict[str, str]:
    """Return the recorded messages by command line."""
    entries = (entry.split("\n", 1) for entry in file.read_text(encoding="utf-8").split(_MARK)[1:])
    return {command_line: message.strip() for command_line, message in entries}


def renew(file: Path, answers: Mapping[str, str], command_lines: Iterable[str]) -> None:
    """Write the messages of ``command_lines``, in their order.

    A message that is not in ``answers`` stays as it was recorded: its test did not run. An entry of a command
    line that is not in ``command_lines`` is removed.
    """
    messages = read(file) | dict(answers)
    head = file.read_text(encoding="utf-8").split(_MARK)[0].rstrip("\n")
    entries = [f"$ swimrl {line}\n{messages[line]}\n" for line in command_lines if line in messages]
    file.write_text("\n".join([head + "\n", *entries]), encoding="utf-8")

"""The commands that the documents print: the command line accepts them, and every option exists."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from swimrl.cli.app import command_names, load_command
from swimrl.cli.arguments import check, named_options
from tests.test_docs import PAGES, ROOT, page_id

CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LOOP = re.compile(r"for (\w+) in ([^\s;]+)")
OPTION_IN_PROSE = re.compile(r"`(--[\w.-]+)[^`]*`")
OPTIONS = {option for name in command_names() for option in named_options(load_command(name).Args)}


def printed_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each swimrl command in a page's console blocks, with the first value of a loop."""
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        text = block.replace("\\\n", "")
        for variable, first in LOOP.findall(text):
            text = text.replace(f"${variable}", first)
        for line in text.splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            for is_separator, words in itertools.groupby(lexer, lambda word: set(word) <= set(";&|<>")):
                match list(words):
                    case ["swimrl", *arguments] if not is_separator:
                        yield [word for word in arguments if word != "..."]
                    case ["scripts/train", *arguments]:
                        yield ["train", *arguments]


def load(words: list[str]) -> tuple[str, list[str]]:
    """Return the name of a command, such as ``bench train``, and its arguments."""
    names = [name for name in command_names() if words[: len(name.split())] == name.split()]
    assert names, f"there is no command {words[:2]}"
    return names[0], words[len(names[0].split()) :]


COMMANDS_OF_PAGES = {page: commands for page in PAGES if (commands := list(printed_commands(page)))}


@pytest.mark.parametrize("page", COMMANDS_OF_PAGES, ids=page_id)
def test_the_command_line_accepts_every_printed_command(page: Path) -> None:
    for words in COMMANDS_OF_PAGES[page]:
        name, arguments = load(words)
        check(load_command(name).Args, arguments, f"swimrl {name}")


def test_the_commands_are_read_from_the_pages() -> None:
    assert ["resume", "RUN", "--steps", "2e6"] in COMMANDS_OF_PAGES[ROOT / "README.md"]
    assert len({load(words)[0] for commands in COMMANDS_OF_PAGES.values() for words in commands}) > 10


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    assert set(OPTION_IN_PROSE.findall(page.read_text(encoding="utf-8"))) - OPTIONS == set()

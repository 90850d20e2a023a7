"""What is checked before tyro reads a command's arguments."""

from __future__ import annotations

import dataclasses
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from swimrl.cli.app import command_names, load_command, main
from swimrl.cli.arguments import check, with_home_expanded
from swimrl.errors import InputError, UnknownNameError
from swimrl.fields import Count


@dataclass(frozen=True)
class Engine:
    """Nested settings."""

    power: float = 1.0
    is_loud: bool = False


@dataclass(frozen=True)
class Ship:
    """Every kind of option."""

    harbour: tyro.conf.Positional[str]
    dock: tyro.conf.Positional[Literal["north", "south"]] = "north"
    crew: Count = 3
    captain: str | None = None
    cargo: tuple[str, ...] = ()
    imports: Annotated[tuple[str, ...], tyro.conf.arg(name="import")] = ()
    log: Path = Path("log.txt")
    flag: Literal["red", "white"] = "red"
    is_fast: bool = False
    engine: Engine = field(default_factory=Engine)


@pytest.mark.parametrize(
    "line",
    [
        "Oslo",
        "Oslo south",
        "Oslo --crew 1e2",
        "--crew=4 Oslo",
        "Oslo --crew -4",
        "Oslo --captain Ahab --cargo oil=1 rope=2 --import a b.c",
        "Oslo --cargo",
        "Oslo --cargo=oil",
        "Oslo --is-fast --engine.power 3e-4",
        "Oslo --is_fast --engine.is_loud",
        "Oslo --no-is-fast --engine.no-is-loud",
        "Oslo --log here/there --flag white",
    ],
)
def test_what_it_lets_pass_tyro_understands(line: str) -> None:
    arguments = shlex.split(line)
    if line == "Oslo --cargo":
        with pytest.raises(InputError, match="--cargo needs a value"):
            check(Ship, arguments, "ship")
        return
    check(Ship, arguments, "ship")
    assert tyro.cli(Ship, args=arguments).harbour == "Oslo"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "ship needs HARBOUR; ship --help says what it is"),
        ("Oslo west", "DOCK is 'west'; expected one of north, south"),
        ("Oslo south extra", "unexpected argument 'extra'; ship --help lists the options"),
        ("Oslo --crew", "--crew needs a value; ship --help says which"),
        ("Oslo --crew --is-fast", "--crew needs a value; ship --help says which"),
        ("Oslo --crew=", "--crew is ''; expected a whole number, such as 1000 or 1e6"),
        ("Oslo --crew 2.5", "--crew is '2.5'; expected a whole number, such as 1000 or 1e6"),
        ("Oslo --crew 1 --crew=2", "--crew is given twice; give it once"),
        ("Oslo --is-fast --no-is-fast", "--is-fast is given twice; give it once"),
        ("Oslo --is_fast --is-fast", "--is-fast is given twice; give it once"),
        ("Oslo --is-fast=yes", "--is-fast takes no value, but 'yes' is given; leave it out"),
        ("Oslo --engine.power much", "--engine.power is 'much'; expected a number, such as 0.01 or 3e-4"),
        ("Oslo --flag blue", "--flag is 'blue'; expected one of red, white"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(line: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        check(Ship, shlex.split(line), "ship")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("option", "nearest"),
    [
        ("--crw", "--crew"),
        ("--engine.powr", "--engine.power"),
        ("--imports", "--import"),
        ("--is-fst", "--is-fast"),
    ],
)
def test_an_unknown_option_names_the_nearest(option: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        check(Ship, ["Oslo", option, "1"], "ship")
    assert error.value.matches[0] == nearest


def test_every_path_may_start_in_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Places:
        out: Path
        inputs: tuple[Path, ...]
        name: str = "~/not-a-path"

    monkeypatch.setenv("HOME", str(tmp_path))
    places = with_home_expanded(Places(Path("~/runs"), (Path("~/a"), Path("b/~"))))
    assert places == Places(tmp_path / "runs", (tmp_path / "a", Path("b/~")))
    with pytest.raises(
        InputError, match=r"~nobody-here/runs starts in the home directory of a user who has none"
    ):
        with_home_expanded(Places(Path("~nobody-here/runs"), ()))


def test_a_study_in_the_home_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        main(["train", "--out=~/runs", "--dry-run"])
    assert end.value.code == 0
    assert str(tmp_path / "runs") in capsys.readouterr().out


@pytest.mark.parametrize("name", command_names())
def test_every_option_that_help_shows_is_known(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    options = re.findall(r"^[│ ]*(--[a-z][a-z0-9.-]*[a-z0-9])", capsys.readouterr().out, re.MULTILINE)
    assert options or not dataclasses.fields(load_command(name).Args)[1:]
    for option in options:
        try:
            check(load_command(name).Args, [option], name)
        except UnknownNameError as error:
            pytest.fail(str(error))
        except InputError:
            pass  # a value or a position is missing


@dataclass(frozen=True)
class Fleet:
    """A position that takes many."""

    ships: tyro.conf.Positional[tuple[Path, ...]]
    crew: Count = 3


def test_a_position_that_takes_many_is_there_with_one() -> None:
    check(Fleet, ["a"], "swimrl sail")
    check(Fleet, ["a", "b", "--crew", "4", "c"], "swimrl sail")
    with pytest.raises(InputError, match="swimrl sail needs SHIPS"):
        check(Fleet, ["--crew", "4"], "swimrl sail")

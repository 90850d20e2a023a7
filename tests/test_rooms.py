"""A room imports only the rooms before it (docs/map.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "swimrl"
ROOMS = [
    "errors",
    "colours",
    "fields",
    "host",
    "polynomials",
    "activations",
    "stats",
    "timing",
    "runs",
    "envs",
    "rollouts",
    "td3",
    "training",
    "exporting",
    "bench",
    "reporting",
    "repairing",
    "approximating",
    "encrypting",
    "sweeps",
    "tuning",
    "cli",
]
FILES_BESIDE_THE_ROOMS = ("errors", "colours", "fields", "host")
FILES = sorted(
    file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE or file.stem in FILES_BESIDE_THE_ROOMS
)


def modules_imported(source: str, package: str) -> Iterator[str]:
    """Yield the full name of whatever ``source``, in ``package``, imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [above, node.module or ""]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports_of(file: Path) -> set[str]:
    package = ".".join(["swimrl", *file.relative_to(PACKAGE).parts[:-1]])
    return set(modules_imported(file.read_text(encoding="utf-8"), package))


def room_of(module: str) -> str | None:
    """Return the room of a module's full name; None outside swimrl and for names of ``swimrl`` itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "swimrl" and len(parts) > 1 and parts[1] in ROOMS else None


def file_id(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def room_of_file(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def test_the_walk_sees_every_form_of_import() -> None:
    source = """
import swimrl.td3.agent
from swimrl.envs import make
from swimrl import TD3
def lazily():
    from ..cli.app import main
    from . import sibling
"""
    assert set(modules_imported(source, "swimrl.training")) == {
        "swimrl.td3.agent",
        "swimrl.envs.make",
        "swimrl.TD3",
        "swimrl.cli.app.main",
        "swimrl.training.sibling",
    }


@pytest.mark.parametrize("file", FILES, ids=file_id)
def test_a_file_lies_in_a_known_room_and_imports_no_later_one(file: Path) -> None:
    room = room_of_file(file)
    assert room in ROOMS, f"{room} has no place in the order of the rooms"
    later = ROOMS[ROOMS.index(room) + 1 :]
    imported = imports_of(file)
    assert {module for module in imported if room_of(module) in later} == set()
    # `from swimrl import TD3` would hide which room is meant.
    assert {m for m in imported if m.startswith("swimrl.") and room_of(m) is None} <= {"swimrl.__version__"}


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=file_id)
def test_no_module_reaches_for_files_outside_the_package(file: Path) -> None:
    steps_up = [
        f".parents[{index}]"
        for index in range(10)
        if f".parents[{index}]" in file.read_text(encoding="utf-8")
    ]
    uses_own_path = "__file__" in file.read_text(encoding="utf-8")
    assert not (uses_own_path and steps_up), "what a module needs lies in its package; see peers of bench"


@pytest.mark.parametrize(
    ("room", "libraries", "rooms"),
    [
        ("stats", {"torch", "stable_baselines3", "gymnasium"}, set(ROOMS) - {"stats", "errors"}),
        ("reporting", {"torch", "stable_baselines3", "gymnasium"}, {"training", "td3"}),
    ],
    ids=["stats is numbers only", "report reads records"],
)
def test_a_light_room_imports_neither_these_libraries_nor_these_rooms(
    room: str, libraries: set[str], rooms: set[str]
) -> None:
    plays_policies = PACKAGE / "reporting" / "gait.py"  # for `report --videos` alone, inside a function
    files = [file for file in FILES if room_of_file(file) == room and file != plays_policies]
    imported = {module for file in files for module in imports_of(file)}
    assert {module for module in imported if module.split(".")[0] in libraries} == set()
    config = "swimrl.training.config"  # light: the defaults of a run
    assert {m for m in imported if room_of(m) in rooms and not m.startswith(config)} == set()

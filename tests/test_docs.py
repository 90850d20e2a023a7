"""The documentation: its site builds without a warning, and the files that it names exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_rooms import ROOMS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "swimrl/**/*.md", "results/*/README.md", "examples/*.md")
    for page in ROOT.glob(pattern)
    if "_build" not in page.parts and page.name != "CHANGELOG.md"
)
FOLDERS = "|".join(
    ("benchmarks", "configs", "docs", "examples", "results", "scripts", "swimrl", "tests", "tools")
)
PATH_IN_CODE_STYLE = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_file_that_a_page_names_in_code_style_exists(page: Path) -> None:
    named = set(PATH_IN_CODE_STYLE.findall(page.read_text(encoding="utf-8")))
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_leads_from_the_first_page_to_all_others(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site"
    strictly = ["--fail-on-warning", "--keep-going", "--quiet"]
    command = [sys.executable, "-m", "sphinx", *strictly, "--conf-dir", "docs", ".", str(site)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr
    assert "url=docs/index.html" in (site / "index.html").read_text(encoding="utf-8")
    first = (site / "docs" / "index.html").read_text(encoding="utf-8")
    for name in ("../README.html", "api.html", "../swimrl/td3/README.html"):
        assert f'href="{name}' in first
    assert "swimrl.TD3" in (site / "docs" / "api.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """The settings of docs/conf.py, on a page with a link to a heading that does not exist."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Page\n\n[broken](#no-such-heading)\n", encoding="utf-8")
    settings = ["--define", "html_additional_pages=", "--define", "extensions=myst_parser"]
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", *settings]
    folders = ["--conf-dir", str(ROOT / "docs"), str(tmp_path), str(tmp_path / "site")]
    built = subprocess.run([*command, *folders], capture_output=True, text=True, timeout=600)
    assert built.returncode != 0
    assert "no-such-heading" in built.stderr


ROW_OF_A_WALK = re.compile(r"\[[\w/.]+\]\(\.\./([\w/.]+\.py)\) \| (?:`([\w.]+)` )?\|$", re.MULTILINE)


def names_defined_in(file: Path) -> set[str]:
    """Return classes, functions and methods, these with their class: ``TD3.train``."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{method.name}" for method in node.body if isinstance(method, ast.FunctionDef)
            }
    return names


@pytest.mark.parametrize("page", ["life-of-a-transition.md", "life-of-a-formula.md"])
def test_what_a_walk_through_the_code_names_exists(page: str) -> None:
    rows = ROW_OF_A_WALK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(rows) > 15
    for file, name in rows:
        assert not name or name in names_defined_in(ROOT / file), f"{file} has no {name}"


def test_the_map_names_the_rooms_in_their_order() -> None:
    table = re.findall(
        r"^\| (`.*?`) \|", (ROOT / "docs" / "map.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = [
        name.removesuffix("/").removesuffix(".py") for row in table for name in re.findall("`(.*?)`", row)
    ]
    assert sorted(named) == sorted(ROOMS)
    folders = [room for room in ROOMS if (ROOT / "swimrl" / room).is_dir()]
    assert [name for name in named if name in folders] == folders

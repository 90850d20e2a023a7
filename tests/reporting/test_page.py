"""Every table and every figure stands on the page."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import swimrl.reporting.tables
from swimrl.reporting.contents import Contents, gather
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.figures.makers import figures
from swimrl.reporting.gait import Strip
from swimrl.reporting.page import parts
from swimrl.reporting.read import collect
from swimrl.reporting.section import Section
from swimrl.reporting.tables.makers import MAKERS, tables
from swimrl.reporting.tables.table import Table
from swimrl.reporting.write import write
from swimrl.timing import record as timing
from tests.reporting import test_cost
from tests.reporting.studies import analysis_of, write_run
from tests.reporting.test_sequential import LIKE_RELU, RELU, SEQUENTIAL, declared
from tests.reporting.test_tuning import TUNING


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """The contents of a report that has every table and every figure."""
    folder = tmp_path_factory.mktemp("everything")
    for env in ("Hopper-v4", "Ant-v4"):
        for act in ("relu", "swim"):
            for lr in (1e-4, 3e-4):
                for seed in range(2):
                    numbers = {"units/dead/actor.layer1": 0.25, "parameter/k/actor.layer1": 1.5}
                    study = {"name": "test", "tuning": TUNING}
                    write_run(folder, env=env, act=act, seed=seed, lr=lr, diagnostics=numbers, study=study)
    arms = {f"{act} fused": test_cost.arm(act, "fused") for act in ("relu", "swim")}
    times = {(name, "forward+backward"): 1.0 for name in arms}
    timing.write(test_cost.record(arms, times), folder / "cost.json")
    by = ("act", "td3.lr")
    analysis = analysis_of(list(collect([folder], by).runs), by=by)
    # Looks are declared for arms that differ in the activation alone; these differ in the learning rate too.
    levels = {"relu": RELU[:5], "swim": LIKE_RELU[:5], "tanh": LIKE_RELU[:5]}
    with_looks = declared(levels, SEQUENTIAL)
    first, *others = analysis.comparisons
    decided = dataclasses.replace(first, decision=with_looks.comparisons[0].decision)
    analysis = dataclasses.replace(analysis, primary=with_looks.primary, comparisons=(decided, *others))
    strip = Strip("Hopper-v4", "swim", 0, "best", 1.0, 100, np.zeros((3, 12, 16, 3), np.uint8))
    return dataclasses.replace(gather(analysis, cost=folder / "cost.json"), strips=(strip,))


@pytest.fixture(scope="module")
def report(everything: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("swimrl.reporting.write.FIGURE_FORMATS", ("svg",))
        write(everything, folder, ["html", "md"])
    return folder


def makers_written() -> Iterator[Callable[[Contents], Table]]:
    """Every function of the package that makes a table from the contents of a report."""
    package = swimrl.reporting.tables
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for name, member in inspect.getmembers(import_module(module.name), inspect.isfunction):
            if name.endswith("_table"):
                yield member


def test_every_table_that_can_be_made_has_its_maker_listed() -> None:
    assert {*makers_written()} == {*MAKERS}


def test_every_table_reaches_the_page(everything: Contents, report: Path) -> None:
    made = [make(everything) for make in MAKERS]
    assert all(table.rows for table in made)
    page, text = (report / "report.html").read_text(), (report / "report.md").read_text()
    assert re.findall(r'<table id="table-([\w-]+)"', page) == [
        table.key for section in Section for table in made if table.section == section
    ]
    for table in made:
        assert table.title in text
        assert f"| {' | '.join(column.title for column in table.columns)} |" in text


def test_every_figure_reaches_the_page(everything: Contents, report: Path) -> None:
    made = figures(everything)
    of_other_pages = {
        *(Section.STARTS, Section.PATCH, Section.SEARCH),
        *(Section.ENCRYPTION, Section.PRECISION, Section.INPUTS),
    }
    without = {Section.RUNS, Section.PUBLISHED}
    assert {figure.section for figure in made} == {*Section} - without - of_other_pages
    page, text = (report / "report.html").read_text(), (report / "report.md").read_text()
    in_order = [figure.key for section in Section for figure in made if figure.section == section]
    assert re.findall(r'<figure id="figure-([\w-]+)"', page) == in_order
    assert re.findall(r"!\[[^]]*\]\(figures/([\w-]+)\.svg\)", text) == in_order
    narrow = {f"{figure.key}-narrow" for figure in made if figure.narrow is not None}
    assert narrow == {"ranked-narrow"}
    assert {path.stem for path in (report / "figures").iterdir()} == {*in_order} | narrow
    assert page.count('class="on-wide"') == page.count('class="on-narrow"') == len(narrow)


def test_nothing_is_in_two_parts_or_in_none(everything: Contents) -> None:
    divided = parts(tables(everything), figures(everything))
    assert sum(len(part.tables) for part in divided) == len(tables(everything)) == len(MAKERS)
    assert sum(len(part.figures) for part in divided) == len(figures(everything))


def test_a_figure_of_no_section_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="'elsewhere' is not a valid Section"):
        Figure("elsewhere", "key", "caption", lambda: None)  # type: ignore[arg-type]  # as a typing error would


def test_formulas_are_written_in_latex(everything: Contents, tmp_path: Path) -> None:
    written = write(everything, tmp_path, ["tex"])
    assert [path.name for path in written] == ["table.tex", "formulas.tex"]
    assert r"swim, lr=0.0001 & $x \frac{1}{2}" in (tmp_path / "formulas.tex").read_text()


def test_the_page_holds_formulas_as_mathml(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert page.count("<math>") == 4
    assert "<mi>max</mi><mo>(</mo><mn>0</mn><mo>,</mo><mi>x</mi><mo>)</mo>" in page

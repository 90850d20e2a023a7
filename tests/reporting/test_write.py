"""The files of a report: complete, self-contained, the same each time."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from swimrl.colours import CATEGORIES
from swimrl.errors import InputError, StorageError
from swimrl.reporting import write as writing
from swimrl.reporting.contents import Contents, gather
from swimrl.reporting.figures.style import look
from swimrl.reporting.read import Excluded, collect
from swimrl.reporting.write import FORMATS, write
from tests.reporting.studies import analysis_of, two_arms


@pytest.fixture(scope="module")
def contents(study: Path) -> Contents:
    analysis = analysis_of(list(collect([study]).runs))
    left_out = Excluded("runs/<broken>", "a reason & more")
    return gather(dataclasses.replace(analysis, excluded=(left_out,)))


@pytest.fixture(scope="module")
def report(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    write(contents, folder)
    return folder


@pytest.fixture
def only_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw in one format, for speed."""
    monkeypatch.setattr(writing, "FIGURE_FORMATS", ("svg",))


def test_every_file_is_there(report: Path) -> None:
    assert sorted(path.name for path in report.iterdir()) == [
        *("figures", "formulas.tex", "report.html", "report.md", "summary.csv", "summary.json"),
        "table.tex",
    ]
    names = {path.stem for path in (report / "figures").iterdir()}
    assert names == {
        *("learning-curves", "intervals", "probability-of-improvement", "performance-profile"),
        "intervals-narrow",
        *("sample-efficiency", "diagnostics", "learned-parameters"),
    }
    assert {path.suffix for path in (report / "figures").iterdir()} == {".svg", ".png", ".pdf"}


class Page(HTMLParser):
    """Collects what a page would load, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"]] if values.get("id") else []
        if tag not in ("meta", "path", "use", "stop", "br"):
            self.open.append(tag)
        self.loads += [v for k in ("src", "href", "xlink:href", "data") if (v := values.get(k))]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(report: Path) -> None:
    text = (report / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert [one for one in page.loads if not one.startswith(("#", "data:"))] == []
    assert {one[1:] for one in page.loads if one.startswith("#")} <= {*page.ids}
    assert len(page.ids) == len({*page.ids})
    assert not re.search(r"url\((?!#)|@import", text)
    (script,) = re.findall(r"<script.*?</script>", text, re.DOTALL)
    assert not re.search(r"src=|fetch|import|http", script)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'http-equiv="refresh"' not in text


def test_the_page_says_what_was_declared_left_out_and_found(report: Path, contents: Contents) -> None:
    text = (report / "report.html").read_text()
    assert contents.analysis.primary is not None
    assert str(contents.analysis.primary_sha256) in text
    assert "runs/&lt;broken&gt;: a reason &amp; more" in text
    assert "swim scores higher than relu. This is established with 4 seeds per arm" in text
    assert re.search(r'<td class="left">swim</td><td class="left"[^>]*>\*</td>', text)
    assert "Published, for orientation" in text


def test_markdown_has_the_same_tables_and_links_to_figures_that_exist(report: Path) -> None:
    text = (report / "report.md").read_text()
    assert "| Hopper-v4 | swim | * | 4 |" in text
    links = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(links) == 7
    assert all((report / link).is_file() for link in links)
    assert "- runs/<broken>: a reason & more" in text


def test_latex_is_escaped_and_even(report: Path) -> None:
    text = (report / "table.tex").read_text()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    columns = re.search(r"tabular}{(\w+)}", text)
    assert columns is not None
    assert {line.count("&") + 1 for line in rows} == {len(columns[1])}
    assert re.search(r"(?<!\\)%", text.split("\n", 1)[1]) is None


def test_numbers_for_programs(report: Path, contents: Contents) -> None:
    summary = json.loads((report / "summary.json").read_text())
    swim = next(arm for arm in summary["arms"] if arm["arm"] == "swim")
    arm = contents.analysis.arm("Hopper-v4", "swim")
    assert arm is not None
    assert swim["scores"] == arm.scores.tolist()
    assert swim["sd"] == pytest.approx(np.std(swim["scores"], ddof=1))
    (comparison,) = summary["comparisons"]
    assert comparison["primary"]
    assert comparison["test"] == {"p_value": 2 / 70, "name": "exact Mann-Whitney, unpaired"}
    assert comparison["seeds_needed"].keys() == {"0.05", "0.1", "0.2"}
    assert summary["excluded"] == [{"source": "runs/<broken>", "why": "a reason & more"}]
    with (report / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows if row["arm"] == "swim"] == swim["scores"]


@pytest.mark.usefixtures("only_svg")
def test_the_same_data_give_the_same_files(contents: Contents, report: Path, tmp_path: Path) -> None:
    write(contents, tmp_path)
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (report / path.relative_to(tmp_path)).read_bytes(), path


def test_a_few_formats_make_a_few_files(contents: Contents, tmp_path: Path) -> None:
    write(contents, tmp_path, ["json", "csv"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summary.csv", "summary.json"]
    with pytest.raises(InputError, match=f"'pdf' is unknown; expected some of {', '.join(FORMATS)}"):
        write(contents, tmp_path, ["pdf"])


def test_a_page_that_is_watched_reloads_itself(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "figures", lambda _: [])
    write(contents, tmp_path, ["html"], refresh_s=30)
    assert '<meta http-equiv="refresh" content="30">' in (tmp_path / "report.html").read_text()


def test_a_folder_that_cannot_be_written_is_told(contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        write(contents, tmp_path / "file", ["json"])


def test_an_activation_has_the_same_colour_whatever_its_arguments_and_neighbours() -> None:
    assert look("swim", 0).color == look("swim(k=trainable)", 4).color == look("swim,relu", 2).color
    assert (
        len({look(name, 0).color for name in ("relu", "swim", "swish", "ulu", "mish", "gelu", "tanh")}) == 7
    )
    assert len({(look("swim", place).line, look("swim", place).marker) for place in range(6)}) == 6


def test_colours_differ_in_grey() -> None:
    def luminance(color: str) -> float:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    # relu, swim and swish; the others also differ in line and marker.
    first = sorted(luminance(color) for color in CATEGORIES[:3])
    assert np.diff(first).min() > 0.05


@pytest.mark.usefixtures("only_svg")
def test_several_tasks_get_a_pooled_profile_and_panels_each(tmp_path: Path) -> None:
    files = write(gather(analysis_of(two_arms())), tmp_path, ["md"])
    assert files == [tmp_path / "report.md"]
    assert "Sample efficiency" in files[0].read_text()

"""A report of more arms than a panel can show, on a made-up study in small."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.made_up_study import arm_names, write_study
from swimrl.reporting.api import Report, report
from swimrl.reporting.figures.multiples import Block, Cell, multiples
from swimrl.reporting.figures.scores import _improvements
from swimrl.reporting.figures.style import Look, looks
from swimrl.stats.aggregate import probability_of_improvement
from swimrl.sweeps import open_study

ARMS, TASKS, SEEDS = 7, 2, 3


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on a made-up study with more arms than share a panel."""
    folder = tmp_path_factory.mktemp("many")
    write_study(folder, arms=ARMS, tasks=TASKS, seeds=SEEDS, evaluations=5, episodes=2, with_diagnostics=True)
    return report(folder)


def test_the_same_arguments_make_the_same_study(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_study(tmp_path / name, arms=2, tasks=1, seeds=2, evaluations=3, episodes=2)
    files = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "other")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 2 * 2 * 2 + 1  # run.json, evaluations.csv, and study.json
    assert len({*arm_names(125)}) == 125


def test_some_runs_may_not_have_begun_or_ended(tmp_path: Path) -> None:
    write_study(tmp_path, arms=5, tasks=1, seeds=10, evaluations=3, episodes=1, unfinished=True)
    assert open_study(tmp_path).status().counts == {"done": 47, "failed": 1, "stopped": 1, "left": 1}


def test_all_made_up_runs_are_compared(many: Report) -> None:
    assert sum(len(arm.runs) for arm in many.analysis.arms) == ARMS * TASKS * SEEDS
    assert len(many.analysis.comparisons) == (ARMS - 1) * (TASKS + 1)
    assert not many.analysis.excluded


@pytest.mark.parametrize(
    "key", ["learning-curves", "performance-profile", "sample-efficiency", "diagnostics-Hopper-v4"]
)
def test_many_arms_have_a_panel_each_with_their_name(many: Report, key: str) -> None:
    figure = many.figures[key]()
    (axis,) = figure.axes
    names = [text.get_text() for text in axis.texts]
    blocks = names.count("relu")
    assert blocks >= 1
    assert all(names.count(name) == blocks for name in many.analysis.names)


def test_the_baseline_is_behind_every_other_arm() -> None:
    x = np.arange(3.0)
    cells = [Cell(name, x, x + place) for place, name in enumerate(["relu", "swim", "mish"])]
    of_two = multiples([Block("task", cells)], _looks(), "relu")
    greys = of_two.axes[0].collections[3].get_segments()
    lines = of_two.axes[0].collections[4].get_segments()
    assert (len(greys), len(lines)) == (2, 3)
    shape = lines[0] - lines[0][0]
    assert all(np.allclose(grey - grey[0], shape) for grey in greys)


def _looks() -> dict[str, Look]:
    from tests.reporting.studies import analysis_of, runs

    levels = {("Hopper-v4", name): [1.0, 2.0] for name in ("relu", "swim", "mish")}
    return looks(analysis_of(runs(levels)))


def test_the_matrix_holds_the_probability_of_each_pair(many: Report) -> None:
    analysis = many.analysis
    matrix = _improvements(analysis)
    for i, one in enumerate(analysis.names):
        for j, other in enumerate(analysis.names):
            if i == j:
                assert np.isnan(matrix[i, j])
            else:
                expected = probability_of_improvement(analysis.scores(one), analysis.scores(other))
                assert matrix[i, j] == pytest.approx(expected)


def test_the_page_of_many_arms_opens_with_a_ranked_picture_and_folds_the_rest(
    many: Report, tmp_path: Path
) -> None:
    many.write(tmp_path, ["html"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"<details( open)?><summary><h2>([^<]+)", page)[:2] == [
        (" open", "At a glance"),
        ("", "Scores"),
    ]
    assert page.index('class="headline"') < page.index('id="figure-ranked"') < page.index("<h2>Scores")
    estimates = [interval.estimate for _, interval in many.contents.ranked]
    assert estimates == sorted(estimates, reverse=True)
    labels = [label.get_text() for label in many.figures["ranked"]().axes[0].get_yticklabels()]
    assert labels == [name for name, _ in many.contents.ranked]

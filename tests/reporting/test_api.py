"""``swimrl.report`` in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import swimrl
from swimrl.errors import InputError


def test_a_study_as_tables_figures_and_a_verdict(study: Path) -> None:
    report = swimrl.report(study)
    assert report.is_final
    assert repr(report) == "<swimrl report of 8 runs: relu, swim on Hopper-v4>"
    assert "swim" in report.verdict
    swim, relu = report.tables["scores"].records()
    assert (relu["arm"], relu["winner"], swim["arm"], swim["winner"]) == ("relu", False, "swim", True)
    assert relu["mean_interval_low"] < relu["mean"] < relu["mean_interval_high"]
    assert report.tables["comparisons"].records()[0]["difference"] == pytest.approx(
        swim["mean"] - relu["mean"]
    )


def test_a_figure_is_matplotlibs_and_shows_itself(study: Path) -> None:
    from matplotlib.figure import Figure

    figure = swimrl.report(str(study)).figures["intervals"]
    assert isinstance(figure(), Figure)
    assert figure._repr_svg_().lstrip().startswith("<?xml")


def test_a_notebook_shows_the_verdict_the_scores_and_where_the_rest_is(study: Path) -> None:
    report = swimrl.report([study])
    for shown in (report._repr_html_(), report._repr_markdown_()):
        assert "On Hopper-v4, swim scores " in shown
        assert "mean return of the last 10 evaluations" in shown
        assert "Against relu" in shown
        assert "report.figures: intervals, learning-curves, " in shown


def test_only_what_is_asked_for_is_written(study: Path, tmp_path: Path) -> None:
    swimrl.report(study, out=tmp_path / "a", formats=["csv"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["summary.csv"]
    (file,) = swimrl.report(study).write(tmp_path / "b", ["json"])
    assert file == tmp_path / "b" / "summary.json"


def test_keys_as_text_or_as_a_list(study: Path) -> None:
    names = swimrl.report(study, by="act, td3.lr").analysis.names
    assert names == swimrl.report(study, by=["act", "td3.lr"]).analysis.names
    assert "relu, lr=0.0003" in names


def test_no_paths_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to report; name a study's folder"):
        swimrl.report([])

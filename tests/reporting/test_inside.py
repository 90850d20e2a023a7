"""Diagnostics of runs, gathered into panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from swimrl.reporting.inside import _SHOWN, inside
from swimrl.reporting.read import collect
from tests.reporting.studies import STEPS, analysis_of, write_run


def test_layers_are_averaged_and_seeds_kept(study: Path) -> None:
    analysis = analysis_of(list(collect([study]).runs))
    learned, diagnostics = inside(analysis)
    assert (learned.key, diagnostics.key) == ("learned-parameters", "diagnostics")
    (dead,) = diagnostics.panels
    assert dead.title == "dead units, actor"
    steps, values = dead.lines["relu"]
    np.testing.assert_array_equal(steps, STEPS)
    np.testing.assert_array_equal(values, np.full((4, len(STEPS)), 0.5))


def test_learned_parameters_of_the_arms_that_have_them(study: Path) -> None:
    analysis = analysis_of(list(collect([study]).runs))
    (k,) = inside(analysis)[0].panels
    assert k.title == "k/actor.layer1"
    assert list(k.lines) == ["swim"]


def test_runs_without_or_with_damaged_diagnostics_are_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path, seed=0)
    (write_run(tmp_path, seed=1, diagnostics={"value/bias": 1.0}) / "diagnostics.csv").write_text(
        "a,b\n1,2\n"
    )
    assert inside(analysis_of(list(collect([tmp_path]).runs))) == []
    write_run(tmp_path, seed=2, diagnostics={"value/bias": 2.0})
    (group,) = inside(analysis_of(list(collect([tmp_path]).runs)))
    (bias,) = group.panels
    assert bias.lines["relu"][1].shape == (1, len(STEPS))


def test_a_panel_shows_the_series_that_its_title_names(tmp_path: Path) -> None:
    """Each series gets a number of its own, so that a panel of another series would show another number."""
    tags = {
        tag: float(number)
        for number, (shown, network) in enumerate(_SHOWN)
        for tag in [shown.tag.replace("NET", network or "").replace("LAYER", f"{network}.layer1")]
    }
    write_run(tmp_path, diagnostics={**tags, "rank/srank/actor": -1.0, "units/idle_0.1/actor.layer1": -1.0})
    (group,) = inside(analysis_of(list(collect([tmp_path]).runs)))
    assert [panel.lines["relu"][1][0, 0] for panel in group.panels] == list(tags.values())
    shown = {panel.title: panel.lines["relu"][1][0, 0] for panel in group.panels}
    assert shown["effective rank, actor"] == tags["rank/effective/actor"]
    assert shown["saturated pre-activations, actor"] == tags["units/saturated/actor.layer1"]

"""Studies in YAML: those that come with the package, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from swimrl.errors import ConfigError
from swimrl.reporting.declaration import canonical
from swimrl.runs.declaration import read_primary
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.study_file import read_study, text_of

STUDIES = Path(__file__).parents[2] / "configs" / "studies"


def runs_of(name: str) -> tuple[PlannedRun, ...]:
    return read_study(STUDIES / f"{name}.yaml").runs(Path(name))


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_study_of_the_package_can_be_expanded_and_what_it_compares_is_in_it(file: Path) -> None:
    runs = runs_of(file.stem)
    content = read_study(file).primary
    if content is not None:
        primary = read_primary(content, source=str(file))
        acts = {canonical(run.config.act) for run in runs}
        assert {canonical(act) for act in (primary.baseline, *primary.comparisons)} <= acts
        assert set(primary.environments) <= {run.config.env for run in runs}
        assert primary.planned_seeds == len({run.config.seed for run in runs})


def test_the_protocol_of_the_paper() -> None:
    runs = runs_of("swim-paper")
    assert {run.config.act for run in runs} == {"swim", "swish", "relu"}  # k = 0.5 is the default
    for config in (run.config for run in runs):
        assert (config.steps, config.eval_every, config.eval_episodes) == (1_000_000, 5_000, 10)
        assert (config.td3.learning_starts, config.td3.lr, config.td3.batch_size) == (25_000, 3e-4, 256)
    text = (STUDIES / "swim-paper.yaml").read_text()
    assert "the list of environments is ours" in text.replace("\n# ", " ")


def test_learning_rates_are_tuned_on_seeds_on_which_nothing_is_reported() -> None:
    runs = runs_of("learning-rate")
    rates: dict[str, set[float]] = {}
    for run in runs:
        rates.setdefault(run.config.act, set()).add(run.config.td3.lr)
    assert set(rates) == {run.config.act for run in runs_of("seed-activations")}
    assert all(found == {1e-4, 3e-4, 1e-3} for found in rates.values())
    tuned = {run.config.seed for run in runs}
    assert min(tuned) >= 1000
    for name in ("swim-paper", "seed-activations", "hopper"):
        assert not tuned & {run.config.seed for run in runs_of(name)}


def test_a_study_and_its_text_are_the_same(tmp_path: Path) -> None:
    for file in STUDIES.glob("*.yaml"):
        study = read_study(file)
        (tmp_path / "copy.yaml").write_text(text_of(study))
        assert read_study(tmp_path / "copy.yaml") == study


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 10", "unknown key steps; .* settings of runs go below base"),
        ("base: {stepps: 10}", "unknown key stepps; did you mean steps"),
        ("base: fast", "base is 'fast'"),
        ("axes: {td3.lr: 1e-4}", r"axes: td3\.lr is '1e-4'; expected a list"),
        ("points: {act: swim}", r"points is .*; expected a list such as \[{act: swim"),
        ("points: [swim]", r"points is \['swim'\]; expected a list"),
        ("primary: {baseline: relu, comparisons: [swim]}", "primary has no planned_seeds"),
        ("primary: {baseline: relu, comparisons: [swim], planned_seeds: 0}", "at least 1"),
        ("primary: {baseline: relu, comparisons: [swim], planned_seeds: 5, metric: best}", "expected one of"),
        ("tuning: {study: mine}", "tuning is not what `swimrl tune` writes"),
        ("tuning: hopper", "copy it from tuned.yaml, or leave it out"),
    ],
)
def test_what_is_no_study_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_study(tmp_path / "study.yaml")

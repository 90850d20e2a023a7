"""What version 0.1.0 wrote is read, continued, evaluated and reported (tests/golden/v1/README.md)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import swimrl
from swimrl.runs.directory import read_diagnostics, read_evaluations
from swimrl.runs.record import SCHEMA_VERSION
from swimrl.sweeps.plan import expand
from swimrl.sweeps.status import StatusReader
from swimrl.sweeps.study_file import read_study
from swimrl.sweeps.study_record import read_study_record

OLD = Path(__file__).parent / "golden" / "v1"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the old files."""
    return Path(shutil.copytree(OLD, tmp_path / "v1"))


def test_a_finished_run_is_read(old: Path) -> None:
    run = swimrl.open_run(old / "finished")
    assert (run.status, run.record.failure, run.record.schema_version) == ("done", None, SCHEMA_VERSION)
    assert (run.config.act, run.config.net, run.config.seed) == ("swim(k=trainable)", "8x8", 3)
    assert run.scores["final100"] == -13.901980927446813
    assert run.evaluations.returns.shape == (4, 2)
    assert run.evaluations.steps.tolist() == [0, 40, 80, 120]
    assert run.diagnostics["parameter/k/actor.layer1"].values[0] == pytest.approx(0.5)
    assert run.policy(np.array([0.5, -0.5])).shape == (1,)


def test_a_finished_run_gives_the_same_episodes(old: Path) -> None:
    returns = swimrl.open_run(old / "finished").evaluate(episodes=3).returns
    _, stored, _ = read_evaluations(old / "finished" / "final.csv")
    np.testing.assert_allclose(np.ravel(returns), stored.ravel(), rtol=1e-4)


def test_a_finished_run_goes_on_from_its_checkpoint(old: Path) -> None:
    run = swimrl.open_run(old / "finished").resume(steps=160, progress=False)
    assert (run.status, run.record.steps_done, run.record.resumes[0]["step"]) == ("done", 160, 120)
    assert run.evaluations.steps.tolist() == [0, 40, 80, 120, 160]


def test_an_interrupted_run_ends_as_version_0_1_would_have_ended_it(old: Path) -> None:
    run = swimrl.open_run(old / "interrupted")
    assert (run.status, run.record.steps_done) == ("interrupted", 90)
    assert run.resume(progress=False).status == "done"
    expected = read_evaluations(old / "continued-evaluations.csv")
    for ours, theirs in zip(run.evaluations, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    weights = safetensors.numpy.load_file(old / "interrupted" / "policy.safetensors")
    for name, tensor in safetensors.numpy.load_file(old / "continued-policy.safetensors").items():
        np.testing.assert_allclose(weights[name], tensor, rtol=1e-3, atol=1e-5)


def test_a_run_that_failed_by_nan_has_diverged(old: Path) -> None:
    run = swimrl.open_run(old / "diverged")
    assert (run.status, run.record.failure) == ("failed", "diverged")
    assert "the critics' loss is inf" in str(run.record.reason)
    assert read_diagnostics(old / "diverged" / "diagnostics.csv")


def test_a_study_is_reported_as_declared(old: Path) -> None:
    report = swimrl.report(old / "study")
    primary = report.analysis.primary
    assert primary is not None
    assert (primary.baseline, primary.comparisons, primary.planned_seeds) == ("relu", ("swim",), 2)
    assert report.is_final
    (comparison,) = report.analysis.comparisons
    assert comparison.primary


def test_a_study_has_the_same_directories_and_all_its_runs_done(old: Path) -> None:
    folder = old / "study"
    record = read_study_record(folder)
    assert record is not None
    assert [status.state for status in StatusReader(record.paths(folder)).read()] == ["done"] * 4
    study = read_study(old / "study.yaml")
    runs = expand(study.base, study.axes, (0, 1), folder)
    assert {run.directory.path for run in runs} == set(record.paths(folder))

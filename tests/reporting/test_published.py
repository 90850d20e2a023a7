"""Other people's numbers, for orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swimrl.errors import InputError
from swimrl.reporting.published import published, read_references
from tests.reporting.studies import analysis_of, run


def test_published_scores_of_the_same_task_in_any_version() -> None:
    rows = published(analysis_of([run()]))
    assert {row.env.rpartition("-")[0] for row in rows} == {"Hopper"}
    paper = next(row for row in rows if row.source.startswith("Fujimoto"))
    assert (paper.env, paper.mean, paper.sd, paper.metric, paper.seeds) == (
        "Hopper-v1",
        3564.07,
        114.74,
        "max_of_mean",
        10,
    )
    assert published(analysis_of([run("Mine-v0")])) == []


def test_a_reference_is_the_mean_of_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    path.write_text(
        "env,activation,seed,step,mean_return_10_episodes\n"
        "Hopper-v1,relu,0,0,1\nHopper-v1,relu,0,10,3\nHopper-v1,relu,1,0,2\nHopper-v1,relu,1,10,5\n"
    )
    (one,) = read_references(path)
    np.testing.assert_array_equal(one.returns, [1.5, 4])
    assert one.label == "relu, Hopper-v1, paper (n = 2)"
    assert one.is_for("Hopper-v5")
    assert not one.is_for("Ant-v5")
    with pytest.raises(InputError, match=r"--reference .* is not a file"):
        read_references(tmp_path / "nowhere.csv")

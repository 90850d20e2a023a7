"""Runs that are watched: the same runs as unwatched ones, also when interrupted, and what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from swimrl.cli.app import main
from swimrl.runs.directory import read_diagnostics
from tests.training.small_runs import LINE, train_line
from tests.training.test_resume import SMALL, StopsAt, begin, go_on, place
from tools import torture

Train = Callable[[str], Path]

SPARSE = {"eval_episodes": 1, "final_episodes": 2}


def series(run: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return read_diagnostics(run / "diagnostics.csv")


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"act": "aulu"},
        {"act": "swim(k=trainable)", "engine": "sb3"},
        {"act": "rrelu", "engine": "sb3"},  # draws random numbers of its own
        {"act": "taaf(tanh)", "normalize_obs": True, "n_envs": 2},
    ],
)
def test_a_watched_run_is_the_same_run_as_an_unwatched_one(settings: dict[str, Any], tmp_path: Path) -> None:
    common = {
        **SPARSE,
        **settings,
        "steps": 120,
        "eval_every": 40,
        "checkpoint_every": 120,
        "td3": {"learning_starts": 30, "buffer_size": 60},
    }
    watched = train_line(tmp_path / "a", common, {"diagnose_every": 10, "video_every": 40})
    plain = train_line(tmp_path / "b", common, {"diagnose_every": 0})
    assert not (plain / "diagnostics.csv").exists()
    assert set(series(watched)["norm/weights/actor"][0]) == set(range(0, 121, 10))
    for name in ("evaluations.csv", "final.csv", "policy.safetensors", "policy-best.safetensors"):
        assert (watched / name).read_bytes() == (plain / name).read_bytes(), name
    left, right = (torture._last_checkpoint(run) for run in (watched, plain))
    # Only the stream "diagnostics", the bookkeeping of watching and what was asked for may differ.
    own = ("/agent/streams/numpy/diagnostics", "/agent/streams/torch/diagnostics", "/watch", "/config/")
    differing = {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)}
    unexpected = {
        name
        for name in differing
        if not name.removeprefix("array ").lstrip("/").startswith(tuple(one.lstrip("/") for one in own))
    }
    assert unexpected == set()
    assert any(name.startswith("array") for name in left)


@pytest.mark.slow
def test_an_interrupted_run_has_the_same_diagnostics_and_no_point_twice(tmp_path: Path) -> None:
    config = replace(SMALL, act="aulu", env="worlds/Line-v0", video_every=120, diagnose_every=25)
    begin(config, tmp_path / "alone")
    for stop in (70, 170):
        run = begin if stop == 70 else go_on
        assert run(config, tmp_path / "stopped", StopsAt(stop)).status == "interrupted"
    assert go_on(config, tmp_path / "stopped").status == "done"
    assert (
        go_on(config, tmp_path / "stopped").status == "done"
    )  # and once more when there is nothing left to do
    alone, stopped = (place(config, tmp_path / study).path for study in ("alone", "stopped"))
    assert (alone / "diagnostics.csv").read_bytes() == (stopped / "diagnostics.csv").read_bytes()
    for kind, points in (("scalars", "Scalars"), ("images", "Images"), ("histograms", "Histograms")):
        found = []
        for run in (alone, stopped):
            events = EventAccumulator(str(run), size_guidance={kind: 0})
            events.Reload()
            found.append(
                {
                    tag: sorted(point.step for point in getattr(events, points)(tag))
                    for tag in events.Tags()[kind]
                }
            )
        assert found[0] == found[1]
        # Stable-Baselines3 itself can write its train/... twice at a step: with an episode and an evaluation.
        ours = {
            tag: steps
            for tag, steps in found[0].items()
            if not tag.startswith(("train/", "rollout/", "time/"))
        }
        assert ours
        assert {tag for tag, steps in ours.items() if len(set(steps)) < len(steps)} == set()
        if kind == "images":
            assert found[0] == {"parameter/curves": [0, 250, 260], "policy/film": [0, 120, 240]}


def test_units_die_under_a_learning_rate_that_is_far_too_large(train: Train) -> None:
    run = train(
        SPARSE, {"act": "relu", "steps": 400, "eval_every": 100, "td3": {"learning_starts": 50, "lr": 0.1}}
    )
    found = series(run)
    dead = {name: values for name, (_, values) in found.items() if name.startswith("units/dead/critic")}
    assert len(dead) == 4
    assert all(values[0] < 0.3 for values in dead.values())
    assert max(values[-1] - values[0] for values in dead.values()) > 0.3
    rank = found["rank/srank/critic1"][1]
    assert rank[-1] < rank[0]


def test_a_run_that_diverges_ends_with_its_own_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(
            [
                *("train", *LINE.split(), "--eval-episodes", "1", "--act", "relu2", "--steps", "400"),
                *("--td3.learning-starts", "30", "--eval-every", "100", "--diagnose-every", "1"),
                *("--td3.lr", "1e9", "--out", str(tmp_path)),
            ]
        )
    assert end.value.code == 2
    assert "the critics' loss is" in capsys.readouterr().err
    (file,) = tmp_path.rglob("diagnostics.csv")
    values = read_diagnostics(file)["preactivation/largest/critic1.layer1"][1]
    assert len(values) > 30  # one at each step to the last
    assert np.nanmax(values) > 1e6


def test_step_0_is_a_sample_of_random_transitions(finished: Path) -> None:
    for name, (steps, values) in series(finished).items():
        assert steps.tolist() == [0, 100, 200], name
        if name.startswith(("td_error/", "norm/gradient/critic", "step_size/")):
            assert np.isnan(values[0]), name
        if name.startswith(("td_error/", "norm/gradient/critic")):
            assert np.isnan(values).all()  # 250 steps do not fill the sample
        if name.startswith("step_size/"):
            assert (values[1:] > 0).all()


def test_looks_can_be_rarer_and_oftener_than_evaluations(train: Train) -> None:
    rare = series(train(SPARSE, {"act": "relu", "steps": 40, "eval_every": 10, "diagnose_every": 25}))
    assert rare["rank/srank/actor"][0].tolist() == [0, 25]
    assert rare["gait/action_magnitude"][0].tolist() == [0, 10, 20, 30, 40]

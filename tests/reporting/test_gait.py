"""Frames of the best, the median and the worst policy of each arm."""

from __future__ import annotations

from pathlib import Path

import pytest

import swimrl
from swimrl.errors import InputError
from swimrl.reporting.gait import chosen
from tests.reporting.studies import analysis_of, run, write_study
from tests.training.small_runs import FINISHED, train_line


def test_best_median_and_worst_go_by_the_score() -> None:
    levels = [120.0, 100.0, 140.0, 110.0, 130.0]
    (arm,) = analysis_of([run(seed=seed, level=level) for seed, level in enumerate(levels)]).arms
    assert [(place, one.seed) for place, one, _ in chosen(arm)] == [("best", 2), ("median", 0), ("worst", 1)]
    (two,) = analysis_of([run(seed=seed, level=level) for seed, level in enumerate(levels[:2])]).arms
    assert [(place, one.seed) for place, one, _ in chosen(two)] == [("best", 0), ("worst", 1)]
    (one,) = analysis_of([run()]).arms
    assert [place for place, _, _ in chosen(one)] == ["best"]


def test_a_strip_shows_the_middle_of_an_episode(tmp_path: Path) -> None:
    train_line(tmp_path, FINISHED)
    told: list[tuple[int, int]] = []
    report = swimrl.report(tmp_path, videos=True, progress=lambda drawn, of_all: told.append((drawn, of_all)))
    assert told == [(0, 1), (1, 1)]
    (strip,) = report.contents.strips
    assert (strip.env, strip.place, strip.length) == ("worlds/Line-v0", "best", 20)
    assert strip.frames.shape[0] == 8
    assert len({frame.tobytes() for frame in strip.frames}) > 1  # it moves
    assert "gait-worlds/Line-v0" not in report.figures  # a key is a file name
    assert report.figures["gait-worlds-Line-v0"]().axes


def test_without_a_policy_there_is_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--videos: no run has a policy"):
        swimrl.report(write_study(tmp_path, seeds=2), videos=True)

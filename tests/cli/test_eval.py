"""``swimrl eval``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import stable_baselines3

from swimrl.cli.app import main
from swimrl.envs.make import make
from swimrl.training import open_run
from tests.training.small_runs import train_line


def answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["eval", *arguments])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    return said.out


def score(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(answer([*arguments, "--json"], capsys))


def returns_by_hand(policy: Any, seeds: list[int]) -> list[float]:
    env = make("worlds/Line-v0")
    returns = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(policy(observation))
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    return returns


def test_json_holds_the_score_of_the_last_policy(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = score([str(finished), "--episodes", "3", "--seed", "7"], capsys)
    returns = returns_by_hand(open_run(finished).policy, [7, 8, 9])
    assert content == {
        "path": str(finished),
        "environment": "worlds/Line-v0",
        "policy": "last",
        "episodes": 3,
        "mean_return": pytest.approx(np.mean(returns)),
        "standard_deviation": pytest.approx(np.std(returns, ddof=1)),
        "min_return": min(returns),
        "max_return": max(returns),
        "mean_length": 20.0,
        "failed_at": [None] * 3,
        "returns": returns,
    }


def test_without_a_seed_the_episodes_are_those_of_the_final_metric(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = score([str(finished), "--episodes", "3"], capsys)
    metrics = json.loads((finished / "run.json").read_text())["metrics"]
    assert content["mean_return"] == pytest.approx(metrics["final100"], rel=1e-6)


def test_one_episode_has_no_spread(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = score([str(finished), "--episodes", "1"], capsys)
    assert content["standard_deviation"] is None
    assert "±" not in answer([str(finished), "--episodes", "1"], capsys)


def test_text_for_people(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = score([str(finished), "--episodes", "4"], capsys)
    lines = answer([str(finished), "--episodes", "4"], capsys).splitlines()
    mean, spread = f"{content['mean_return']:,.1f}", f"{content['standard_deviation']:,.1f}"
    least, most = f"{content['min_return']:,.1f}", f"{content['max_return']:,.1f}"
    assert lines == [
        "worlds/Line-v0, 4 episodes",
        f"return {mean} ± {spread} (standard deviation over episodes), from {least} to {most}",
        "length 20.0",
    ]


def test_best_takes_the_best_policy_seen(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = train_line(
        tmp_path, {"steps": 1, "eval_episodes": 1, "final_episodes": 0, "seed": 9, "act": "swim(k=1)"}
    )
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "policy-best.safetensors").write_bytes((other / "policy.safetensors").read_bytes())
    best = score([str(run), "--best", "--episodes", "2"], capsys)
    assert best["policy"] == "best"
    assert best["returns"] == score([str(other), "--episodes", "2"], capsys)["returns"]
    assert best["returns"] != score([str(run), "--episodes", "2"], capsys)["returns"]


def test_recorded_states_can_be_played_again(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "states.npz"
    out = answer([str(finished), "--episodes", "2", "--seed", "5", "--record-states", str(file)], capsys)
    assert out.splitlines()[-1] == f"wrote {file}"
    with np.load(file) as arrays:
        states = dict(arrays)
    assert set(states) == {
        "observations",
        "actions",
        "rewards",
        "terminations",
        "truncations",
        "returns_to_go",
        "episodes",
    }
    assert states["episodes"].tolist() == [0] * 20 + [1] * 20
    assert states["truncations"].nonzero()[0].tolist() == [19, 39]
    assert not states["terminations"].any()
    env = make("worlds/Line-v0")
    for episode, seed in enumerate([5, 6]):
        steps = np.flatnonzero(states["episodes"] == episode)
        observation, _ = env.reset(seed=seed)
        for step in steps:
            np.testing.assert_array_equal(states["observations"][step], observation)
            observation, reward, *_ = env.step(states["actions"][step])
            assert states["rewards"][step] == reward
        for step in steps:
            to_go = states["rewards"][step : steps[-1] + 1].sum()
            assert states["returns_to_go"][step] == pytest.approx(to_go)


def test_a_video_shows_the_first_episode(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "films" / "line.mp4"
    out = answer([str(finished), "--episodes", "2", "--video", str(file)], capsys)
    assert out.splitlines()[-1] == f"wrote {file}"
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(file))
    assert frames == 21  # the reset and 20 steps, at 20 frames a second
    assert seconds == pytest.approx(21 / 20, abs=0.02)


def test_size_and_frame_rate_of_a_video(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "line.mp4"
    answer([str(finished), "--episodes", "1", "--video", str(file), "--video-fps", "5"], capsys)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(file))
    assert frames == 6  # of the reset and 20 steps, each fourth
    assert seconds == pytest.approx(6 / 5, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--video-fps 30", "--video-fps is for a film; add --video FILE.mp4"),
        ("--video-effects", "--video-effects is for a film; add --video FILE.mp4"),
        ("--video x.mp4 --video-fps nan", "--video-fps is nan; expected frames per second, such as 30"),
        ("--video x.mp4 --video-size 480", "--video-size '480' is no size; expected width x height, such as"),
    ],
)
def test_options_of_a_video_that_cannot_be_used(
    options: str, message: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["eval", str(finished), *options.split()])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_zip_beside_its_run_is_that_run(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_zip = score([str(finished / "policy.zip"), "--episodes", "2"], capsys)
    assert of_zip["returns"] == score([str(finished), "--episodes", "2"], capsys)["returns"]


def test_a_trusted_zip_of_plain_sb3_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = stable_baselines3.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs={"net_arch": [8]}, seed=0)
    agent.save(tmp_path / "theirs.zip")
    arguments = [str(tmp_path / "theirs.zip"), "--env", "Pendulum-v1", "--trust", "--episodes", "1"]
    content = score([*arguments, "--seed", "3"], capsys)
    env = make("Pendulum-v1")
    observation, _ = env.reset(seed=3)
    total = 0.0
    for _ in range(200):
        action, _ = agent.predict(observation, deterministic=True)
        observation, reward, *_ = env.step(action)
        total += float(reward)
    assert content["returns"] == [pytest.approx(total, rel=1e-6)]

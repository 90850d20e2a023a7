"""Training and reading runs from Python."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

import swimrl
from swimrl.errors import ConfigError, DamagedFileError, InputError, RunExistsError
from swimrl.td3.config import TD3Config
from swimrl.training import Run, TrainConfig
from swimrl.training.config import with_settings

SETTINGS: dict[str, Any] = {
    "env": "worlds/Line-v0",
    "imports": ["worlds"],
    "act": "relu",
    "net": "16x16",
    "steps": 60,
    "eval_every": 30,
    "eval_episodes": 2,
    "final_episodes": 2,
    "td3": {"learning_starts": 40, "batch_size": 16},
}
SMALL = {**SETTINGS, "progress": False}
OBSERVATIONS = np.random.default_rng(0).uniform(-3, 3, (10, 2))


class Counts(BaseCallback):
    """Counts the steps, beginning from a number that it is made with."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.count = first

    def _on_step(self) -> bool:
        self.count += 1
        return True


@pytest.fixture(scope="module")
def run(worlds: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run, for reading only."""
    return swimrl.train(**SMALL, out=tmp_path_factory.mktemp("study"))


def actions(policy: Any) -> np.ndarray:
    return np.array([policy(observation) for observation in OBSERVATIONS])


class TestRun:
    def test_what_it_says(self, run: Run) -> None:
        assert run.status == run.record.status == "done"
        assert run.config == with_settings(run.config, {}, source="test")
        assert (run.config.steps, run.config.td3.batch_size, run.env_id) == (60, 16, "worlds/Line-v0")
        assert run.evaluations.steps.tolist() == [0, 30, 60]
        assert run.evaluations.returns.shape == run.evaluations.lengths.shape == (3, 2)
        assert run.scores["last10"] == pytest.approx(run.evaluations.returns.mean())
        steps, values = (
            run.diagnostics["gait/success"]
            if "gait/success" in run.diagnostics
            else next(iter(run.diagnostics.values()))
        )
        assert steps.shape == values.shape

    def test_opened_from_its_path_it_is_the_same(self, run: Run) -> None:
        again = swimrl.open_run(str(run.path))
        assert again.config == run.config
        np.testing.assert_array_equal(actions(again.policy), actions(run.policy))

    def test_the_episodes_of_an_evaluation_are_those_of_final100(self, run: Run) -> None:
        episodes = run.evaluate(episodes=2)
        assert episodes.mean_return == pytest.approx(run.scores["final100"])
        assert episodes.lengths.tolist() == [20, 20]
        assert run.evaluate(episodes=1).standard_deviation is None
        seeded = run.evaluate(episodes=2, seed=7).returns
        assert run.evaluate(episodes=1, seed=8).returns[0] == seeded[1]

    def test_it_shows_itself(self, run: Run) -> None:
        assert repr(run) == f"Run({str(run.path)!r}): done after 60 steps"
        assert "<th>environment</th><td>worlds/Line-v0</td>" in run._repr_html_()

    def test_the_best_policy_is_another_file(self, run: Run, finished: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(run.path, tmp_path / "run")
        other = swimrl.train(**SMALL | {"steps": 1, "seed": 9}, out=tmp_path)
        shutil.copy(other.path / "policy.safetensors", copy / "policy-best.safetensors")
        np.testing.assert_array_equal(actions(Run(copy).policy), actions(run.policy))
        np.testing.assert_array_equal(actions(Run(copy).best_policy), actions(other.policy))
        assert not np.allclose(actions(other.policy), actions(run.policy))

    def test_without_a_policy_it_says_how_far_it_is(self, run: Run, tmp_path: Path) -> None:
        copy = shutil.copytree(run.path, tmp_path / "run")
        (copy / "policy.safetensors").unlink()
        with pytest.raises(InputError, match=r"has no policy\.safetensors: the run is 'done' after 60 steps"):
            _ = Run(copy).policy
        assert actions(Run(copy).best_policy).shape == (10, 1)

    def test_a_folder_that_is_no_run_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="path is 5; expected a path"):
            swimrl.open_run(5)  # type: ignore[arg-type]
        with pytest.raises(DamagedFileError, match=r"cannot read .*run\.json"):
            swimrl.open_run(tmp_path)


class TestTrain:
    def test_settings_win_over_a_configuration(self, tmp_path: Path) -> None:
        base = with_settings(TrainConfig(), SETTINGS, source="test")
        run = swimrl.train(config=base, steps=1, td3=TD3Config(gamma=0.5), out=tmp_path, progress=False)
        assert (run.config.steps, run.config.td3.gamma, run.config.net) == (1, 0.5, "16x16")
        assert run.config.td3.batch_size == TD3Config().batch_size  # a whole TD3Config was given
        partly = with_settings(base, {"td3": {"gamma": 0.5}}, source="test")
        assert (partly.td3.gamma, partly.td3.batch_size) == (0.5, 16)

    def test_numbers_of_numpy_and_arguments_of_the_environment(self) -> None:
        given = {"seed": np.int64(3), "diagnose_bound": np.float32(2), "env_kwargs": {"push": 0.1, "x": None}}
        config = with_settings(TrainConfig(), given, source="test")
        assert (config.seed, config.diagnose_bound) == (3, 2.0)
        assert type(config.seed) is int
        assert config.environment_arguments() == {"push": 0.1, "x": None}

    def test_the_same_place_is_refused_resumed_or_overwritten(self, run: Run) -> None:
        study = run.path.parents[2]
        with pytest.raises(RunExistsError, match="holds a run that is 'done' after 60 steps"):
            swimrl.train(**SMALL, out=study)
        with pytest.raises(InputError, match="give one of the two"):
            swimrl.train(**SMALL, out=study, overwrite=True, resume=True)
        before = (run.path / "run.json").read_bytes()
        assert swimrl.train(**SMALL, out=study, resume=True).path == run.path
        assert (run.path / "run.json").read_bytes() == before

    def test_it_goes_on_further(self, run: Run, tmp_path: Path) -> None:
        copy = Run(shutil.copytree(run.path, tmp_path / "run"))
        assert copy.resume(steps=90, progress=False).evaluations.steps.tolist() == [0, 30, 60, 90]
        whole = swimrl.train(**SMALL | {"steps": 90}, out=tmp_path)
        np.testing.assert_array_equal(actions(whole.policy), actions(Run(copy.path).policy))

    def test_the_process_is_left_as_it_was(self, tmp_path: Path) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            swimrl.train(**SMALL | {"steps": 1}, out=tmp_path)
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"out": 5}, "out is 5; expected a path"),
            ({"config": 5}, "config is 5; expected a path"),
            ({"config": "no-such.yaml"}, "cannot read --config no-such.yaml"),
            ({"stepz": 5}, "swimrl.train: unknown key stepz; did you mean steps?"),
            ({"td3": {"gama": 5}}, "swimrl.train: unknown key td3.gama; did you mean td3.gamma?"),
            ({"td3": 5}, "td3 is 5; expected settings of its own"),
            ({"steps": "many"}, "steps is 'many'; expected a whole number"),
            ({"env": Counts}, "env is .*; expected text"),
            ({"act": torch.nn.ReLU}, "act is .*; expected text"),
            ({"callback": 3}, "callback is 3; expected an object or a class"),
            ({"callback": Counts}, "cannot be made without arguments .*'first'"),
            ({"callback": "worlds:Line"}, "names no callback"),
            ({"steps": 0}, "steps is 0; expected a whole number of at least 1"),
        ],
    )
    def test_wrong_arguments(self, given: dict[str, Any], message: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=message):
            swimrl.train(**SMALL | {"out": tmp_path} | given)
        assert list(tmp_path.iterdir()) == []


def test_a_run_with_a_file_of_the_working_directory_opens_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    shutil.copy(
        Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml", here / "my.xml"
    )
    monkeypatch.chdir(here)
    settings = {"env": "Hopper-v5", "act": "relu", "steps": 1, "net": "8x8", "progress": False}
    few = {"eval_episodes": 1, "final_episodes": 0, "env_kwargs": {"xml_file": "./my.xml"}}
    run = swimrl.train(**settings, **few, out=tmp_path / "study")
    assert run.config.env_kwargs == (f"xml_file={here / 'my.xml'}",)
    monkeypatch.chdir(elsewhere)
    assert run.evaluate(episodes=1).lengths[0] > 0
    assert run.resume(steps=2, progress=False).record.steps_done == 2


class TestCallbackObjects:
    def test_one_runs_along_and_is_wanted_again(self, tmp_path: Path) -> None:
        counts = Counts(1000)
        run = swimrl.train(**SMALL, callback=[counts, "worlds:Recorder"], out=tmp_path)
        assert counts.count == 1060
        (name, recorder) = run.config.callback
        assert (name.rpartition(":")[2], recorder) == ("Counts(...)", "worlds:Recorder")
        with pytest.raises(ConfigError, match="which only Python can give; resume it with"):
            run.resume(steps=90, progress=False)
        with pytest.raises(ConfigError, match="worlds:FullDisk is not one of"):
            run.resume(steps=90, callback=[counts, "worlds:FullDisk"], progress=False)
        run.resume(steps=90, callback=counts, progress=False)
        assert counts.count == 1090
        assert len((run.path / "recorded.txt").read_text().split()) == 90

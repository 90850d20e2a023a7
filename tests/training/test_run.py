"""One run, from its settings to its directory."""

from __future__ import annotations

import csv
import json
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faulty
import numpy as np
import pytest
import safetensors.numpy
import stable_baselines3
import torch
from stable_baselines3.common.callbacks import BaseCallback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import swimrl
from swimrl.cli.app import main
from swimrl.errors import (
    ConfigError,
    EnvironmentFaultError,
    EnvironmentIdError,
    NonFiniteError,
    StorageError,
    SwimrlError,
    TrainingError,
)
from swimrl.runs.record import read_record
from swimrl.td3.agent import TD3
from swimrl.training import build, open_run
from swimrl.training.config import TrainConfig
from swimrl.training.interruption import SIGNALS
from tests.training.small_runs import FINISHED, LINE, SMALL, Settings, merged, train_line

Train = Callable[..., Path]

SPARSE = {"act": "relu", "eval_episodes": 1, "final_episodes": 0}
SHORT = {**SPARSE, "steps": 120, "eval_every": 60, "td3": {"learning_starts": 60}}


def record_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "run.json").read_text())


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def weights_of(run: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(run / "policy.safetensors")


class TestFinishedRun:
    def test_its_files(self, finished: Path) -> None:
        names = {file.name for file in finished.iterdir() if file.is_file()}
        events = {name for name in names if name.startswith("events.out.tfevents.")}
        assert len(events) == 1
        assert names - events == {
            "run.json",
            "evaluations.csv",
            "evaluations.npz",
            "final.csv",
            "diagnostics.csv",
            "policy.safetensors",
            "policy-best.safetensors",
            "policy.zip",
        }

    def test_its_place_names_environment_activation_and_seed(self, finished: Path) -> None:
        env, variant, seed = finished.parts[-3:]
        assert env == "worlds-Line-v0"
        assert variant.startswith("swim-k1-")
        assert len(variant) == len("swim-k1-") + 8
        assert seed == "seed-3"

    def test_evaluations_come_before_training_and_then_regularly(self, finished: Path) -> None:
        rows = rows_of(finished / "evaluations.csv")
        assert list(rows[0]) == ["step", "episode", "return", "length"]
        places = [(int(row["step"]), int(row["episode"])) for row in rows]
        assert places == [(0, 0), (0, 1), (100, 0), (100, 1), (200, 0), (200, 1)]
        assert {row["length"] for row in rows} == {"20"}
        assert len({row["return"] for row in rows}) == 6

    def test_evaluations_are_those_of_the_stored_policy(self, train: Train) -> None:
        settings = {"steps": 100, "eval_every": 100, "eval_episodes": 2, "seed": 5}
        run = train(SPARSE, settings, {"td3": {"learning_starts": 40}})
        policy = open_run(run).policy
        env = build.build_environment(TrainConfig(env="worlds/Line-v0"))
        returns = []
        for seed in (105, None):
            observation, _ = env.reset(seed=seed)
            returns.append(0.0)
            for _ in range(20):
                observation, reward, *_ = env.step(policy(observation))
                returns[-1] += float(reward)
        last = [float(row["return"]) for row in rows_of(run / "evaluations.csv") if row["step"] == "100"]
        assert last == pytest.approx(returns, rel=1e-5)

    def test_the_npz_has_the_layout_of_sb3s_eval_callback(self, finished: Path) -> None:
        rows = rows_of(finished / "evaluations.csv")
        with np.load(finished / "evaluations.npz") as arrays:
            assert set(arrays) == {"timesteps", "results", "ep_lengths"}
            assert arrays["timesteps"].tolist() == [0, 100, 200]
            assert arrays["results"].ravel().tolist() == [float(row["return"]) for row in rows]
            assert arrays["results"].shape == arrays["ep_lengths"].shape == (3, 2)
            assert arrays["ep_lengths"].ravel().tolist() == [20] * 6

    def test_its_record(self, finished: Path) -> None:
        record = record_of(finished)
        assert record["schema_version"] == 2
        assert (record["status"], record["reason"]) == ("done", None)
        assert (record["steps_done"], record["updates_done"]) == (250, 190)
        assert record["started"] <= record["ended"]
        assert record["config"]["env"] == "worlds/Line-v0"
        assert record["config"]["seed"] == 3
        assert record["config"]["td3"]["batch_size"] == 16
        assert record["config"]["td3"]["lr"] == 3e-4
        assert record["environment"] == {
            "id": "worlds/Line-v0",
            "observation_size": 2,
            "action_size": 1,
            "max_episode_steps": 20,
        }
        assert {"python", "torch", "numpy", "gymnasium", "mujoco", "stable_baselines3", "swimrl"} <= set(
            {name.replace("-", "_") for name in record["versions"]}
        )
        assert record["host"]["device"] == "cpu"
        assert record["engine"]["name"] == "fused"
        # 2 * 16 + 16, 16 * 16 + 16, 16 + 1; the critics see the action too, and there are two.
        assert record["network"]["actor_parameters"] == 48 + 272 + 17
        assert record["network"]["critic_parameters"] == 2 * (64 + 272 + 17)
        for network in ("actor", "critic"):
            assert len(record["activations"][network]) in (1, 2)
            assert "swim(k=1)" in json.dumps(record["activations"][network])
        seconds = record["wall_clock_s"]
        assert {"total", "updates", "evaluation", "interaction"} <= set(seconds)
        parts = sum(value for name, value in seconds.items() if name != "total")
        assert parts == pytest.approx(seconds["total"], abs=0.01)

    def test_its_metrics_are_those_of_its_files(self, finished: Path) -> None:
        metrics = record_of(finished)["metrics"]
        returns = np.array([float(row["return"]) for row in rows_of(finished / "evaluations.csv")])
        final = rows_of(finished / "final.csv")
        assert metrics["last10"] == pytest.approx(returns.mean())
        assert metrics["per_seed_max"] == pytest.approx(returns.reshape(3, 2).mean(axis=1).max())
        assert len(final) == 3
        assert {row["step"] for row in final} == {"250"}
        assert metrics["final100"] == pytest.approx(np.mean([float(row["return"]) for row in final]))

    def test_tensorboard_has_sb3s_usual_tags(self, finished: Path) -> None:
        events = EventAccumulator(str(finished))
        events.Reload()
        tags = set(events.Tags()["scalars"])
        assert {
            "rollout/ep_rew_mean",
            "rollout/ep_len_mean",
            "time/fps",
            "train/actor_loss",
            "train/critic_loss",
            "train/learning_rate",
            "eval/mean_reward",
            "eval/mean_ep_length",
        } <= tags
        scores = {event.step: event.value for event in events.Scalars("eval/mean_reward")}
        with np.load(finished / "evaluations.npz") as arrays:
            expected = dict(zip(arrays["timesteps"].tolist(), arrays["results"].mean(axis=1), strict=True))
        assert scores == pytest.approx(expected)

    def test_plain_sb3_loads_the_zip_and_acts_the_same(self, finished: Path) -> None:
        theirs = stable_baselines3.TD3.load(finished / "policy.zip", device="cpu")
        ours = open_run(finished).policy
        for observation in np.random.default_rng(0).uniform(-3, 3, (20, 2)):
            action, _ = theirs.predict(observation, deterministic=True)
            np.testing.assert_allclose(ours(observation), action, rtol=1e-5, atol=1e-6)

    def test_the_best_policy_is_the_one_of_the_best_evaluation(self, train: Train) -> None:
        # Learning so fast that it gets worse: the best evaluation is not the last.
        run = train(SPARSE, {"steps": 60, "eval_every": 20, "td3": {"learning_starts": 20, "lr": 0.03}})
        returns = [float(row["return"]) for row in rows_of(run / "evaluations.csv")]
        best = int(np.argmax(returns))
        assert best < 3
        policy = open_run(run).best_policy
        env = build.build_environment(TrainConfig(env="worlds/Line-v0"))
        observation, _ = env.reset(seed=100)
        total = 0.0
        for _ in range(20):
            observation, reward, *_ = env.step(policy(observation))
            total += float(reward)
        assert total == pytest.approx(returns[best], rel=1e-5)


class TestReproducibility:
    def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
        self, finished: Path, worlds: None, tmp_path: Path
    ) -> None:
        again = train_line(tmp_path / "again", FINISHED)
        other = train_line(tmp_path / "other", FINISHED, {"seed": 4})
        for name in ("evaluations.csv", "final.csv", "policy.safetensors", "policy-best.safetensors"):
            assert (again / name).read_bytes() == (finished / name).read_bytes(), name
            assert (other / name).read_bytes() != (finished / name).read_bytes(), name

    @pytest.mark.parametrize("env", ["Hopper-v4", "worlds/Line-v0"])
    def test_the_same_seed_starts_every_activation_from_the_same(self, env: str) -> None:
        def start(activation: str, seed: int = 0) -> tuple[dict[str, torch.Tensor], list[np.ndarray]]:
            config = TrainConfig(env=env, act=activation, net="16x16", seed=seed)
            agent = build.build_agent(config, device="cpu")
            weights = {name: tensor.clone() for name, tensor in agent.policy.state_dict().items()}
            agent.learn(60)  # all of them random
            buffer = agent.replay_buffer
            assert buffer is not None
            stored = (buffer.observations, buffer.actions, buffer.rewards, buffer.next_observations)
            return weights, [array[:60].copy() for array in stored]

        weights, stored = start("swim(k=1)")
        for activation in ("relu", "tanh"):
            other_weights, other_stored = start(activation)
            assert weights.keys() == other_weights.keys()
            for name, tensor in weights.items():
                assert torch.equal(tensor, other_weights[name]), name
            for array, other in zip(stored, other_stored, strict=True):
                np.testing.assert_array_equal(array, other)
        other_weights, other_stored = start("swim(k=1)", seed=1)
        assert not torch.equal(weights["actor.mu.0.weight"], other_weights["actor.mu.0.weight"])
        assert not np.array_equal(stored[1], other_stored[1])


class TestOptions:
    @pytest.mark.parametrize(
        "settings",
        [
            {"engine": "sb3"},
            {"normalize_obs": True},
            {"n_envs": 2},
            {"td3": {"layer_norm": True}},
            {"td3": {"init": "variance"}},
            {"td3": {"init": "orthogonal"}},
            {"td3": {"updates_per_step": 2}},
            {"td3": {"weight_decay": 0.01}},
            {"act_actor": "tanh,swim", "act_critic": "elu"},
            {"net_actor": "8", "act_actor": "poly(swim, degree=4, bound=8)"},
            {"act": "swim(k=trainable)", "td3": {"activation_lr": 0.01}},
            {"act": "worlds:Doubled"},
            {"env_kwargs": {"push": 0.1}},
            {"threads": 2},
        ],
        ids=str,
    )
    def test_a_run_with_it_ends_well_and_differs_from_one_without(
        self, settings: dict[str, Any], train: Train, plain: Path
    ) -> None:
        run = train(SHORT, settings)
        assert record_of(run)["status"] == "done"
        assert run.parent.name != plain.parent.name
        if not settings.keys() & {"engine", "threads"}:  # these change no more than rounding
            rows, without = rows_of(run / "evaluations.csv"), rows_of(plain / "evaluations.csv")
            assert rows != without
        # What was stored acts as the environment wants it.
        action = open_run(run).policy(np.zeros(2))
        assert action.shape == (1,)
        assert np.abs(action).max() <= 1

    def test_engines_agree_after_a_few_updates(self, train: Train) -> None:
        few = {**SPARSE, "steps": 44, "eval_every": 44, "td3": {"learning_starts": 40}}
        ours, theirs = train(few, {"engine": "fused"}), train(few, {"engine": "sb3"})
        assert record_of(theirs)["engine"]["name"] == "sb3"
        before = weights_of(train(SPARSE, {"steps": 1}))
        for name, tensor in weights_of(ours).items():
            np.testing.assert_allclose(tensor, weights_of(theirs)[name], atol=2e-5, err_msg=name)
        moved = max(np.abs(tensor - before[name]).max() for name, tensor in weights_of(ours).items())
        assert moved > 2e-4

    def test_normalised_observations_are_normalised_in_the_stored_policy_too(self, train: Train) -> None:
        run = train(SHORT, {"normalize_obs": True})
        tensors = weights_of(run)
        assert tensors["normalisation.mean"].shape == tensors["normalisation.var"].shape == (2,)
        theirs = stable_baselines3.TD3.load(run / "policy.zip", device="cpu")
        observation = np.array([1.5, -0.5])
        mean, var = tensors["normalisation.mean"], tensors["normalisation.var"]
        seen = np.clip((observation - mean) / np.sqrt(var + 1e-8), -10, 10).astype(np.float32)
        expected, _ = theirs.predict(seen, deterministic=True)
        np.testing.assert_allclose(open_run(run).policy(observation), expected, rtol=1e-5, atol=1e-6)

    def test_activations_by_layer_are_in_the_record_and_the_network(self, train: Train) -> None:
        run = train(SHORT, {"act_actor": "relu,swim", "act_critic": "elu"})
        record = record_of(run)
        assert record["config"]["act"] == "relu,swim"
        assert record["config"]["act_critic"] == "elu"
        assert run.parent.name.startswith("relu-swim+critic-elu-")
        agent = stable_baselines3.TD3.load(run / "policy.zip", device="cpu")
        assert [str(module) for module in agent.actor.mu][1::2] == [
            "Activation(relu)",
            "Activation(swim)",
            "Tanh()",
        ]

    def test_the_initial_gains_are_in_the_record(self, train: Train) -> None:
        # E[relu(z)^2] is 1/2 for standard normal z.
        gains = record_of(train(SHORT, {"td3": {"init": "variance"}}))["network"]["actor_gains"]
        assert gains == pytest.approx([1, 2, 2])

    def test_a_callback_runs_along(self, train: Train) -> None:
        run = train(SHORT, {"callback": "worlds:Recorder"})
        assert (run / "recorded.txt").read_text().split() == [str(step) for step in range(1, 121)]


@pytest.fixture(scope="module")
def plain(worlds: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of `SHORT` without further options."""
    return train_line(tmp_path_factory.mktemp("plain"), SHORT)


class TestFailure:
    def fail(self, study: Path, kind: type[Exception], *parts: Settings) -> dict[str, Any]:
        """Return the record of a run that ends with an exception of this kind, and the exception's text."""
        with pytest.raises(kind) as error:
            train_line(study, SHORT, *parts)
        (record,) = study.rglob("run.json")
        return {"run": record.parent, "text": str(error.value), **json.loads(record.read_text())}

    def test_a_reward_that_is_no_number_stops_the_run_and_keeps_what_it_has(self, tmp_path: Path) -> None:
        record = self.fail(tmp_path, SwimrlError, {"env_kwargs": {"nan_reward_from": 90}})
        assert (record["status"], record["failure"]) == ("failed", "environment")
        assert "the environment worlds/Line-v0 returned the reward nan in step" in record["reason"]
        assert record["reason"] == record["text"]
        assert record["steps_done"] == 88
        assert record["ended"]
        steps = [row["step"] for row in rows_of(record["run"] / "evaluations.csv")]
        assert steps == ["0", "60"]
        assert record["metrics"]["last10"] < 0
        assert (record["run"] / "policy-best.safetensors").exists()

    @pytest.mark.parametrize("engine", ["fused", "sb3"])
    def test_a_network_that_diverges_stops_the_run(self, engine: str, tmp_path: Path) -> None:
        record = self.fail(tmp_path, NonFiniteError, {"td3": {"lr": 1e30}, "engine": engine})
        assert (record["status"], record["failure"]) == ("failed", "diverged")
        assert "first tensor that is not finite is actor.mu.0.weight" in record["reason"]
        assert [row["step"] for row in rows_of(record["run"] / "evaluations.csv")] == ["0", "60"]

    def test_a_full_disk_leaves_whole_files(self, tmp_path: Path) -> None:
        # A folder's name is no sign of divergence.
        record = self.fail(tmp_path / "inf", StorageError, {"callback": "worlds:FullDisk", "eval_every": 20})
        assert (record["status"], record["failure"]) == ("failed", "storage")
        assert "evaluations.csv: No space left on device" in record["reason"]
        assert [row["step"] for row in rows_of(record["run"] / "evaluations.csv")] == ["0"]
        with np.load(record["run"] / "evaluations.npz") as arrays:
            assert arrays["timesteps"].tolist() == [0]
        assert list(record["run"].glob("*.new")) == []

    @pytest.mark.parametrize(
        ("raised", "text"),
        [
            (ValueError("it broke"), "ValueError: it broke"),
            (StopIteration(), "StopIteration"),
            (SystemExit(0), "SystemExit: 0"),
            (GeneratorExit(), "GeneratorExit"),
        ],
        ids=repr,
    )
    def test_whatever_a_callback_raises_fails_the_run(
        self, raised: BaseException, text: str, tmp_path: Path
    ) -> None:
        # What is no Exception, such as SystemExit(0), could otherwise end the process as if all were well.
        kind = type(raised) if isinstance(raised, Exception) else TrainingError
        record = self.fail(tmp_path, kind, {"callback": Raises(raised)})
        assert (record["status"], record["failure"]) == ("failed", "error")
        assert record["reason"] == f"{text}, raised by the callback Raises in step 31"

    def test_a_callback_that_replaces_the_environment_is_named(self, tmp_path: Path) -> None:
        record = self.fail(tmp_path, ConfigError, {"callback": "worlds:OtherEnvironment"})
        assert "the callback OtherEnvironment replaced the environment in step 31; a run" in record["reason"]

    def test_rewards_whose_squares_overflow_are_named(self, tmp_path: Path) -> None:
        record = self.fail(tmp_path, NonFiniteError, {"env_kwargs": {"reward_scale": 1e30}})
        assert re.search(r"the rewards of the environment reach [\d.]+e\+30, whose", record["reason"])
        assert record["steps_done"] == 61


class TestUsersEnvironments:
    """Environments of ``faulty.py``."""

    def settings(self, name: str) -> Settings:
        return {"env": f"faulty/{name}-v0", "imports": ("faulty",), "final_episodes": 2}

    def test_a_fault_is_found_before_there_is_a_run(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentIdError, match="faulty/NoReward-v0 returned the reward None"):
            train_line(tmp_path, SHORT, self.settings("NoReward"))
        assert list(tmp_path.rglob("run.json")) == []

    def test_an_exit_in_mid_run_is_the_environments_failure(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentFaultError, match="faulty/Exits-v0 raised SystemExit: 0 in step 8"):
            train_line(tmp_path, SHORT, self.settings("Exits"))
        (file,) = tmp_path.rglob("run.json")
        record = read_record(file)
        assert (record.status, record.failure) == ("failed", "environment")

    @pytest.mark.parametrize("engine", ["fused", "sb3"])
    def test_an_environment_that_checks_its_actions_trains_to_the_end(
        self, engine: str, tmp_path: Path
    ) -> None:
        faulty.Sound.open_instances.clear()
        # With so large steps the actions saturate.
        run = train_line(tmp_path, SHORT, self.settings("Strict"), {"engine": engine, "td3": {"lr": 0.1}})
        assert record_of(run)["status"] == "done"
        assert faulty.Sound.open_instances == set()  # all are closed

    def test_final_episodes_of_an_environment_with_small_seeds(self, tmp_path: Path) -> None:
        faulty.CInteger.seeds.clear()
        train_line(tmp_path, SHORT, self.settings("CInteger"))
        assert faulty.CInteger.seeds[-2:] == [2**31 - 1, 2**31 - 2]


class Raises(BaseCallback):
    """Raises at step 31."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def _on_step(self) -> bool:
        if self.num_timesteps == 31:
            raise self.error
        return True


class Returns(BaseCallback):
    """Returns something at a certain step, and True at all others."""

    def __init__(self, step: int, answer: Any) -> None:
        super().__init__()
        self.step, self.answer, self.is_ended = step, answer, False

    def _on_step(self) -> bool:
        return self.answer if self.num_timesteps == self.step else True

    def _on_training_end(self) -> None:
        self.is_ended = True


class TestStop:
    @pytest.mark.parametrize("answer", [False, None, 0])
    def test_what_is_not_true_stops_the_run_as_in_sb3(self, answer: Any, tmp_path: Path) -> None:
        callback = Returns(1, answer)
        run = swimrl.train(**merged(SMALL, SHORT), callback=callback, out=tmp_path, progress=False)
        assert (run.status, run.record.steps_done) == ("stopped", 1)
        assert run.record.reason == (
            f"stopped by the callback Returns, which returned {answer} at step 1; "
            "a callback that goes on returns True"
        )
        assert callback.is_ended
        assert run.scores["final100"] is None
        assert run.policy(np.zeros(2)).shape == (1,)

    def test_at_the_last_step_the_run_is_done(self, train: Train) -> None:
        run = train(SHORT, {"callback": Returns(120, False)})
        assert record_of(run)["status"] == "done"


class Signals(BaseCallback):
    """Sends this process a signal in step 160."""

    number: signal.Signals

    def _on_step(self) -> bool:
        if self.num_timesteps == 160:
            signal.raise_signal(self.number)
        return True


CALLBACK = "tests.training.test_run:Signals"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_cleanly(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the process of the test; test_resume.py sends one to a process of its own."""
    monkeypatch.setattr(Signals, "number", number, raising=False)
    options = "--act relu --steps 1e7 --td3.learning-starts 100 --eval-every 50 --eval-episodes 1"
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(f"{LINE} {options}"), "--callback", CALLBACK, "--out", str(tmp_path)])
    assert end.value.code == 130
    assert capsys.readouterr().err == "swimrl: interrupted\n"
    (file,) = tmp_path.rglob("run.json")
    record = read_record(file)
    assert record.status == "interrupted"
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert record.reason == f"stopped from outside ({name})"
    assert record.steps_done == 160
    assert record.ended
    assert record.metrics["last10"] < 0
    rows = rows_of(file.parent / "evaluations.csv")
    assert [int(row["step"]) for row in rows] == [0, 50, 100, 150]
    agent = TD3.load(file.parent / "policy.zip", device="cpu")
    action, _ = agent.predict(np.zeros(2), deterministic=True)
    np.testing.assert_allclose(open_run(file.parent).policy(np.zeros(2)), action, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_first_example_leaves_a_complete_run(tmp_path: Path) -> None:
    settings = {"steps": 3000, "eval_every": 1000, "net": "64x64", "td3": {"learning_starts": 1000}}
    run = swimrl.train(env="Hopper-v4", act="swim(k=1)", out=tmp_path, progress=False, **settings)
    assert run.status == "done"
    assert run.record.updates_done == 2000
    assert run.evaluations.steps.tolist() == [0, 1000, 2000, 3000]
    assert run.evaluations.returns.shape == (4, 10)
    assert len(rows_of(run.path / "final.csv")) == 100

    agent = stable_baselines3.TD3.load(run.path / "policy.zip", device="cpu")
    observation = np.zeros(11)
    action, _ = agent.predict(observation, deterministic=True)
    np.testing.assert_allclose(run.policy(observation), action, rtol=1e-5, atol=1e-6)
    # The same episodes as those of the score.
    assert run.evaluate().mean_return == pytest.approx(run.scores["final100"], rel=1e-6)

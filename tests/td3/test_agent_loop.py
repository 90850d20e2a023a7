"""Callbacks, logs and environments: the loop around the updates is Stable-Baselines3's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
from gymnasium.spaces import Box
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CheckpointCallback,
    EvalCallback,
    StopTrainingOnMaxEpisodes,
)
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.vec_env import VecNormalize

import swimrl
from tests.td3.agents import SHORT, AgentFactory, equal, pendulum, pendulums, weights


class Diary(BaseCallback):
    """Notes each call with the step and the updates done."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[str, int, int]] = []

    def note(self, event: str) -> None:
        self.entries.append((event, self.model.num_timesteps, self.model._n_updates))

    def _on_training_start(self) -> None:
        self.note("training start")

    def _on_rollout_start(self) -> None:
        self.note("rollout start")

    def _on_step(self) -> bool:
        assert {"new_obs", "rewards", "dones", "infos", "actions"} <= self.locals.keys()
        self.note("step")
        return self.num_timesteps < 28

    def _on_rollout_end(self) -> None:
        self.note("rollout end")

    def _on_training_end(self) -> None:
        self.note("training end")


def test_callbacks_are_called_as_stable_baselines3_calls_them(new_agent: AgentFactory) -> None:
    ours = new_agent(pendulum(), train_freq=3)
    theirs = stable_baselines3.TD3(
        "MlpPolicy",
        pendulum(),
        learning_starts=10,
        train_freq=3,
        batch_size=8,
        policy_kwargs={"net_arch": [8]},
    )
    diaries = []
    for agent in (ours, theirs):
        diaries.append(Diary())
        agent.learn(100, callback=[diaries[-1]])
    assert diaries[0].entries == diaries[1].entries
    assert ours.num_timesteps == 28  # stopped by the diary
    assert diaries[0].entries[-2:] == [("step", 28, 6), ("training end", 28, 6)]


def test_evaluation_and_checkpoint_callbacks(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(pendulum())
    evaluation = EvalCallback(
        pendulum(),
        n_eval_episodes=2,
        eval_freq=20,
        best_model_save_path=str(tmp_path / "best"),
        log_path=str(tmp_path),
        verbose=0,
    )
    checkpoint = CheckpointCallback(15, str(tmp_path / "checkpoints"), save_replay_buffer=True)
    agent.learn(40, callback=[evaluation, checkpoint])
    record = np.load(tmp_path / "evaluations.npz")
    assert record["timesteps"].tolist() == [20, 40]
    assert record["results"].shape == (2, 2)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        *("rl_model_15_steps.zip", "rl_model_30_steps.zip"),
        *("rl_model_replay_buffer_15_steps.pkl", "rl_model_replay_buffer_30_steps.pkl"),
    ]
    best = swimrl.TD3.load(tmp_path / "best" / "best_model", device="cpu")
    assert best.num_timesteps == record["timesteps"][record["results"].mean(1).argmax()]
    half = swimrl.TD3.load(tmp_path / "checkpoints" / "rl_model_15_steps", env=pendulum(), device="cpu")
    half.load_replay_buffer(tmp_path / "checkpoints" / "rl_model_replay_buffer_15_steps.pkl")
    assert half.replay_buffer.size() == 14  # callbacks come before the transition is stored
    half.learn(10, reset_num_timesteps=False)
    assert (half.num_timesteps, half._n_updates) == (25, 14)


def test_saving_and_evaluating_in_between_change_nothing(new_agent: AgentFactory, tmp_path: Path) -> None:
    kwargs = {"policy_kwargs": {"activation_fn": "swim(k=trainable)"}}
    plain = new_agent(pendulum(), **kwargs).learn(50)
    callbacks = [EvalCallback(pendulum(), eval_freq=7, verbose=0), CheckpointCallback(9, str(tmp_path))]
    watched = new_agent(pendulum(), **kwargs).learn(50, callback=callbacks)
    assert equal(weights(plain), weights(watched))


def test_stops_after_episodes(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulum()).learn(100, callback=StopTrainingOnMaxEpisodes(3))
    assert agent.num_timesteps == 3 * SHORT


@pytest.mark.filterwarnings("ignore::tqdm.TqdmExperimentalWarning")  # Stable-Baselines3 ignores it itself
def test_progress_bar(new_agent: AgentFactory, capsys: pytest.CaptureFixture[str]) -> None:
    agent = new_agent(pendulum())
    agent.learn(40, progress_bar=True)
    assert agent.num_timesteps == 40
    output = capsys.readouterr()
    assert "40/40" in output.out + output.err


def test_logs_stable_baselines3s_keys(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulum())
    written: list[dict[str, Any]] = []

    class Writer(KVWriter):
        def write(self, key_values: dict[str, Any], key_excluded: Any, step: int = 0) -> None:
            written.append({**key_values, "step": step})

    agent.set_logger(Logger(folder=None, output_formats=[Writer()]))
    agent.learn(40, log_interval=1)
    assert [entry["step"] for entry in written] == [10, 20, 30, 40]
    assert written[-1].keys() - {"step"} == {
        *("rollout/ep_len_mean", "rollout/ep_rew_mean", "time/episodes", "time/fps", "time/time_elapsed"),
        *(
            "time/total_timesteps",
            "train/actor_loss",
            "train/critic_loss",
            "train/learning_rate",
            "train/n_updates",
        ),
    }
    assert agent.ep_info_buffer[-1]["l"] == SHORT


def test_other_environment_of_the_same_kind(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulum()).learn(15)
    other = pendulum()
    agent.set_env(other)
    assert agent.get_env().envs[0] is other
    agent.learn(20, reset_num_timesteps=False)
    assert agent.num_timesteps == 35
    assert other.get_total_steps() == 20


def test_environment_that_does_not_fit(new_agent: AgentFactory, reach: Any) -> None:
    agent = new_agent(pendulum())
    with pytest.raises(ValueError, match="Observation spaces do not match"):
        agent.set_env(reach)
    with pytest.raises(AssertionError, match="number of environments"):
        agent.set_env(pendulums(2))


def test_normalised_environment(new_agent: AgentFactory, tmp_path: Path) -> None:
    env = VecNormalize(pendulums(2), norm_obs=True, norm_reward=True)
    agent = new_agent(env).learn(60)
    assert agent.get_vec_normalize_env() is env
    buffer = agent.replay_buffer
    # What is stored is the environment's own: cosine and sine, cost up to 16.3 each step.
    np.testing.assert_allclose(np.square(buffer.observations[:30, :, :2]).sum(2), 1, atol=1e-5)
    np.testing.assert_allclose(np.square(buffer.next_observations[:30, :, :2]).sum(2), 1, atol=1e-5)
    assert buffer.rewards[:30].min() < -1
    agent.save(tmp_path / "agent")
    env.save(str(tmp_path / "statistics"))
    again = VecNormalize.load(str(tmp_path / "statistics"), pendulums(2))
    loaded = swimrl.TD3.load(tmp_path / "agent", env=again, device="cpu")
    loaded.learn(40, reset_num_timesteps=False)
    assert again.obs_rms.count == pytest.approx(env.obs_rms.count + 42, abs=1)
    assert loaded.num_timesteps == 100


def test_large_observations_are_legal_and_no_reason_to_warn() -> None:
    class Far(gym.ObservationWrapper[np.ndarray, Any, Any]):
        observation_space = Box(-np.inf, np.inf, (3,), np.float32)

        def observation(self, observation: np.ndarray) -> np.ndarray:
            return np.full(3, 1e20, np.float32)

    agent = swimrl.TD3("MlpPolicy", Far(pendulum()), learning_starts=SHORT, gradient_steps=0, buffer_size=50)
    agent.learn(2 * SHORT)  # a warning is an error here
    assert agent.replay_buffer is not None
    assert (agent.replay_buffer.observations[: agent.replay_buffer.pos] == np.float32(1e20)).all()

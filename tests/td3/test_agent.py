"""The agent learns as Stable-Baselines3's TD3 does, and says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium.spaces import Box, Dict
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
from torch import nn

import swimrl
from swimrl.errors import ConfigError, NonFiniteError
from tests.td3.agents import SHORT, AgentFactory, actions, equal, observations, pendulum, pendulums, weights


def test_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match="engine 'turbo' is unknown; expected one of fused, sb3"):
        swimrl.TD3("MlpPolicy", "Pendulum-v1", engine="turbo")  # type: ignore[arg-type]


def test_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="Policy MlpPolice unknown"):
        swimrl.TD3("MlpPolice", "Pendulum-v1")


def test_seed_out_of_range_is_refused(new_agent: AgentFactory) -> None:
    with pytest.raises(ConfigError, match="seed -1 is out of range"):
        new_agent(seed=-1)


def test_without_a_seed_each_agent_draws_its_own(new_agent: AgentFactory) -> None:
    one, two = new_agent(seed=None), new_agent(seed=None)
    assert one.streams.seed != two.streams.seed
    assert not equal(weights(one), weights(two))
    assert equal(weights(new_agent(seed=one.streams.seed)), weights(one))


def test_learns_to_do_better_than_chance(new_agent: AgentFactory) -> None:
    class Target(gym.Env[np.ndarray, np.ndarray]):
        """Reward is highest where the action is half the observation."""

        observation_space = action_space = Box(-1, 1, (1,), np.float32)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
            super().reset(seed=seed)
            self.state = self.np_random.uniform(-1, 1, 1).astype(np.float32)
            return self.state, {}

        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            return self.state, -float(abs(action - self.state / 2)[0]), True, False, {}

    agent = new_agent(
        Target(),
        learning_starts=60,
        batch_size=32,
        learning_rate=3e-3,
        policy_kwargs={"net_arch": [16, 16], "activation_fn": "swim"},
    )
    before, _ = evaluate_policy(agent, Monitor(Target()), n_eval_episodes=50)
    agent.learn(300)
    after, _ = evaluate_policy(agent, Monitor(Target()), n_eval_episodes=50)
    assert after > max(-0.1, before)


@pytest.mark.parametrize(
    "policy_kwargs",
    [
        {"activation_fn": "swim"},
        {"activation_fn": {"pi": ["tanh", "swim(k=trainable)"], "qf": "expr: x*sigmoid(b*x); b=1"}},
        {"activation_fn": {"pi": nn.GELU, "qf": "relu"}},
        {"activation_fn": "aulu", "layer_norm": True, "weight_decay": 0.01},
        {"net_arch": []},
        {"net_arch": {"pi": [6], "qf": [5, 4, 3]}},
        {"n_critics": 1},
        {"n_critics": 3},
        {"optimizer_class": torch.optim.RMSprop},
        {"optimizer_kwargs": {"weight_decay": 0.1}},
        {"share_features_extractor": True},
    ],
    ids=str,
)
def test_learns_saves_and_loads_with_any_network(
    new_agent: AgentFactory, policy_kwargs: dict[str, Any], tmp_path: Path
) -> None:
    agent = new_agent(policy_kwargs=policy_kwargs)
    before = weights(agent)
    agent.learn(20)
    assert agent._n_updates == 10
    after = weights(agent)
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    agent.save(tmp_path / "agent")
    loaded = swimrl.TD3.load(tmp_path / "agent", device="cpu")
    assert equal(weights(loaded), after)
    np.testing.assert_array_equal(actions(loaded, observations(agent)), actions(agent, observations(agent)))


def test_learns_with_torchs_tanh(new_agent: AgentFactory) -> None:
    agent = new_agent(policy_kwargs={"activation_fn": nn.Tanh})
    before = weights(agent)
    agent.learn(20)
    assert not equal(before, weights(agent))


def test_what_the_fused_engine_cannot_do_is_said_once(
    new_agent: AgentFactory, engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    agent = new_agent(policy_kwargs={"activation_fn": nn.Dropout}).learn(30)
    assert agent._n_updates == 20
    reason = "Dropout(p=0.5, inplace=False) draws from PyTorch's global generator"
    assert caplog.messages == [
        f"engine 'fused' cannot compute this update ({reason}); engine 'sb3' takes over"
    ] * (engine == "fused")


@pytest.mark.parametrize(
    "settings",
    [
        {"n_steps": 3},
        {"optimize_memory_usage": True, "replay_buffer_kwargs": {"handle_timeout_termination": False}},
        {"replay_buffer_kwargs": {"handle_timeout_termination": False}},
    ],
    ids=str,
)
def test_learns_with_stable_baselines3s_buffers(new_agent: AgentFactory, settings: dict[str, Any]) -> None:
    agent = new_agent(pendulum(), **settings)
    before = weights(agent)
    agent.learn(30)
    assert agent._n_updates == 20
    assert not equal(before, weights(agent))


def test_learns_from_a_dictionary_of_observations(engine: str) -> None:
    class Two(gym.ObservationWrapper[Any, Any, Any]):
        def __init__(self) -> None:
            super().__init__(pendulum())
            self.observation_space = Dict({"angle": Box(-1, 1, (2,)), "speed": Box(-8, 8, (1,))})

        def observation(self, observation: np.ndarray) -> dict[str, np.ndarray]:
            return {"angle": observation[:2], "speed": observation[2:]}

    agent = swimrl.TD3(
        "MultiInputPolicy",
        Two(),
        learning_starts=10,
        batch_size=8,
        buffer_size=100,
        seed=0,
        engine=engine,
        policy_kwargs={"net_arch": [8]},
        device="cpu",
    )
    before = weights(agent)
    agent.learn(20)
    assert not equal(before, weights(agent))


@pytest.mark.parametrize("n_envs", [1, 3])
def test_as_many_updates_as_steps(new_agent: AgentFactory, n_envs: int) -> None:
    agent = new_agent(pendulums(n_envs), gradient_steps=-1, train_freq=4, learning_starts=0)
    agent.learn(8 * n_envs)
    assert agent._n_updates == 8 * n_envs
    assert agent.logger.name_to_value["train/n_updates"] == 8 * n_envs


def test_trains_after_whole_episodes(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulum(), train_freq=(2, "episode"), gradient_steps=-1, learning_starts=0)
    updates: list[int] = []

    class Watch(BaseCallback):
        def _on_rollout_start(self) -> None:
            updates.append(agent._n_updates)

        def _on_step(self) -> bool:
            return True

    agent.learn(4 * SHORT, callback=Watch())
    assert updates == [0, 2 * SHORT]
    assert agent._n_updates == 4 * SHORT


@pytest.mark.parametrize("policy_delay", [1, 2, 3])
def test_actor_and_targets_move_with_the_delay(new_agent: AgentFactory, policy_delay: int) -> None:
    agent = new_agent(
        policy_delay=policy_delay,
        tau=0.1,
        policy_kwargs={"activation_fn": "swim(k=trainable)"},
        learning_starts=20,
    )
    agent.learn(20)
    for update in range(1, 7):
        before = weights(agent)
        agent.train(gradient_steps=1, batch_size=8)
        after = weights(agent)
        for name, tensor in after.items():
            if name.startswith("critic."):
                assert not torch.equal(tensor, before[name]), name
            elif update % policy_delay:
                assert torch.equal(tensor, before[name]), name
            elif name.startswith("actor."):
                assert not torch.equal(tensor, before[name]), name
            else:  # Polyak average of weights and activation parameters alike
                source = after[name.replace("_target", "")]
                torch.testing.assert_close(tensor, 0.9 * before[name] + 0.1 * source, rtol=0, atol=1e-7)


def test_groups_keep_their_scale_through_the_schedule(new_agent: AgentFactory) -> None:
    agent = new_agent(
        pendulum(),
        learning_rate=lambda left: 1e-3 * left,
        train_freq=5,
        policy_kwargs={
            "activation_fn": "swim(k=trainable)",
            "weight_decay": 0.1,
            "activation_lr_scale": 0.25,
        },
    )
    agent.learn(40)
    # At the end of training nothing is left of the rate; look at it in the middle.
    agent._current_progress_remaining = 0.6
    agent.train(gradient_steps=1, batch_size=8)
    for network in (agent.actor, agent.critic):
        rates = [group["lr"] for group in network.optimizer.param_groups]
        assert rates == pytest.approx([6e-4, 6e-4, 1.5e-4])
    assert agent.logger.name_to_value["train/learning_rate"] == pytest.approx(6e-4)


def test_schedule_is_stable_baselines3s(new_agent: AgentFactory) -> None:
    def last_rate(agent: stable_baselines3.TD3) -> list[float]:
        rates: list[float] = []

        class Watch(BaseCallback):
            def _on_step(self) -> bool:
                rates.append(agent.critic.optimizer.param_groups[0]["lr"])
                return True

        agent.learn(30, callback=Watch())
        return rates

    kwargs: dict[str, Any] = {"learning_rate": lambda left: 1e-3 * left, "learning_starts": 10}
    theirs = stable_baselines3.TD3(
        "MlpPolicy", pendulum(), batch_size=8, policy_kwargs={"net_arch": [4]}, **kwargs
    )
    ours = last_rate(new_agent(pendulum(), **kwargs))
    assert ours == last_rate(theirs)
    assert len(set(ours)) == 20


def test_activation_parameters_have_a_rate_of_their_own(new_agent: AgentFactory) -> None:
    def update(scale: float) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        agent = new_agent(
            learning_starts=20,
            policy_kwargs={"activation_fn": "swim(k=trainable)", "activation_lr_scale": scale},
        )
        agent.learn(20)
        before = weights(agent)
        agent.train(gradient_steps=1, batch_size=8)
        return before, weights(agent)

    (before, frozen), (_, full), (_, tenth) = update(0), update(1), update(0.1)
    for name in (name for name in before if name.startswith("critic.")):
        if name.endswith(".k"):
            assert torch.equal(frozen[name], before[name])
            # Adam's first step is as long as the learning rate.
            assert abs(full[name] - before[name]).item() == pytest.approx(1e-3, rel=1e-2)
            assert abs(tenth[name] - before[name]).item() == pytest.approx(1e-4, rel=1e-2)
        else:
            assert torch.equal(frozen[name], full[name])


def test_weight_decay_shrinks_matrices_alone(new_agent: AgentFactory) -> None:
    def update(decay: float) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        agent = new_agent(
            learning_starts=20, policy_kwargs={"activation_fn": "swim(k=trainable)", "weight_decay": decay}
        )
        agent.learn(20)
        before = weights(agent)
        agent.train(gradient_steps=1, batch_size=8)
        return before, weights(agent)

    (before, plain), (_, decayed) = update(0), update(0.5)
    for name in (name for name in before if name.startswith("critic.")):
        shrunk = plain[name] - 1e-3 * 0.5 * before[name] if before[name].ndim == 2 else plain[name]
        torch.testing.assert_close(decayed[name], shrunk, rtol=0, atol=1e-7)


class Spoilt(gym.Wrapper[Any, Any, Any, Any]):
    """Pendulum whose reward or observation is spoilt at step 17."""

    def __init__(self, what: str, value: float) -> None:
        super().__init__(gym.make("Pendulum-v1"))
        self.what, self.value, self.steps = what, value, 0

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        self.steps += 1
        if self.steps == 17:
            reward = self.value if self.what == "reward" else reward
            if "observation" in self.what:
                observation = np.array([0, self.value, 0], np.float32)
            terminated = self.what == "last observation"
        return observation, reward, terminated, truncated, info


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["reward", "observation"])
def test_environment_that_is_not_finite(new_agent: AgentFactory, what: str, value: float) -> None:
    agent = new_agent(Spoilt(what, value))
    with pytest.raises(
        NonFiniteError, match=rf"the {what} of Pendulum-v1 is {value} at step 17, on action \[.*; check"
    ):
        agent.learn(30)
    assert agent.num_timesteps == 17
    # What it has is kept, and is finite.
    assert all(torch.isfinite(tensor).all() for tensor in weights(agent).values())
    assert agent.replay_buffer.size() == 16


def test_infinities_that_cancel_in_a_sum(new_agent: AgentFactory) -> None:
    class Opposite(Spoilt):
        def step(self, action: Any) -> Any:
            observation, *others = super().step(action)
            return np.array([np.inf, -np.inf, 0], np.float32) if self.steps == 17 else observation, *others

    with pytest.raises(NonFiniteError, match="the observation of Pendulum-v1 is inf at step 17, on action"):
        new_agent(Opposite("nothing", 0)).learn(30)


def test_last_observation_that_is_not_finite(new_agent: AgentFactory) -> None:
    agent = new_agent(Spoilt("last observation", np.nan))
    with pytest.raises(NonFiniteError, match="observation"):
        agent.learn(100)


def test_spoilt_reward_among_several_environments(new_agent: AgentFactory) -> None:
    agent = new_agent(DummyVecEnv([pendulum, lambda: Monitor(Spoilt("reward", np.inf))]))
    with pytest.raises(NonFiniteError, match="the reward of Pendulum-v1 is inf at step 34"):
        agent.learn(60)


def test_spoilt_reward_in_a_process_of_its_own(new_agent: AgentFactory) -> None:
    agent = new_agent(SubprocVecEnv([lambda: Monitor(Spoilt("reward", np.inf))], start_method="fork"))
    with pytest.raises(NonFiniteError, match="the reward of Pendulum-v1 is inf at step 17"):
        agent.learn(60)
    agent.env.close()


@pytest.mark.parametrize("env", ["Pendulum-v1", Spoilt("nothing", 0)], ids=["by its id", "an object"])
def test_an_action_that_is_not_finite_names_the_first_tensor(new_agent: AgentFactory, env: Any) -> None:
    """It is the policy's fault, also where the environment's answer is not finite either."""
    agent = new_agent(env, learning_starts=5)
    agent.learn(5)
    with torch.no_grad():
        agent.actor.mu[2].bias[1] = torch.nan
    message = r"the action for step 1?6.* is \[nan\]; .*the first tensor .* is actor\.mu\.2\.bias; choose"
    with pytest.raises(NonFiniteError, match=message):
        agent.learn(20, reset_num_timesteps=False)


def test_a_buffer_larger_than_the_memory_is_named(engine: str) -> None:
    with pytest.raises(
        ConfigError, match=r"10,000,000,000,000 transitions does not fit .*; choose a smaller"
    ):
        swimrl.TD3("MlpPolicy", "Pendulum-v1", buffer_size=10**13, engine=engine)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_critic_that_diverges(new_agent: AgentFactory, backend: str) -> None:
    shapes = new_agent().learn(12).products or {}  # the sb3 engine has none
    agent = new_agent(learning_rate=1e30, products=dict.fromkeys(shapes, backend))
    message = r"critics' loss is (nan|inf) after [1-9] updates; .* smaller learning rate"
    with pytest.raises(NonFiniteError, match=message):
        agent.learn(40)


@pytest.mark.parametrize("name", ["critic.qf0.2.bias", "critic.qf1.0.weight", "critic_target.qf0.4.weight"])
def test_names_the_first_tensor_that_is_not_finite(new_agent: AgentFactory, name: str) -> None:
    agent = new_agent(learning_starts=20)
    agent.learn(20)
    with torch.no_grad():
        dict(agent.policy.named_parameters())[name].view(-1)[0] = torch.nan
    with pytest.raises(NonFiniteError) as caught:
        agent.train(gradient_steps=1, batch_size=8)
    assert "critics' loss is nan after 1 updates" in str(caught.value)
    named = str(caught.value).split("finite is ")[1].split(";")[0]
    # The update itself has carried the NaN through its whole network by the time it is noticed.
    assert named.split(".")[:2] == (["critic", "qf0"] if "target" in name else name.split(".")[:2])

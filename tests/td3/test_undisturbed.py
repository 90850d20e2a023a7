"""What is not checked again in a call of `learn`, and that everything is where a user's code can run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EvalCallback
from torch import nn

import swimrl
from swimrl.envs.make import make
from swimrl.td3.engine.update import FusedUpdate
from swimrl.td3.undisturbed import can_change_agent

Change = Callable[[swimrl.TD3], object]

CHANGES: dict[str, Change] = {
    "frozen layer": lambda a: a.critic.qf0[0].requires_grad_(False),
    "another parameter": lambda a: setattr(a.actor.mu[0], "weight", nn.Parameter(torch.full((8, 3), 0.1))),
    "numbers in other memory": lambda a: setattr(a.actor.mu[0].weight, "data", torch.full((8, 3), 0.1)),
    "forward hook": lambda a: a.critic.qf0[1].register_forward_hook(lambda m, x, y: 2 * y),
    "moments": lambda a: a.critic.optimizer.state.clear(),
    "betas": lambda a: a.critic.optimizer.param_groups[0].update(betas=(0.5, 0.9)),
    "gamma": lambda a: setattr(a, "gamma", 0.5),
}


class At(BaseCallback):
    """Makes a change at a step."""

    def __init__(self, step: int, change: Change) -> None:
        super().__init__()
        self.step, self.change = step, change

    def _on_step(self) -> bool:
        if self.num_timesteps == self.step:
            self.change(self.model)
        return True


class UsersEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment of a user, which holds the agent."""

    agent: swimrl.TD3 | None = None
    change: Change | None = None

    def step(self, action: Any) -> Any:
        if self.agent is not None and self.agent.num_timesteps == 24:
            self.change(self.agent)
        return super().step(action)


def new_agent(engine: str = "fused", env: Any = "Pendulum-v1", **settings: Any) -> swimrl.TD3:
    return swimrl.TD3(
        "MlpPolicy",
        env,
        buffer_size=60,
        learning_starts=20,
        batch_size=16,
        policy_kwargs={"net_arch": [8, 7], "activation_fn": "swim"},
        engine=engine,
        seed=0,
        device="cpu",
        exploration_noise=0,
        **settings,
    )


def numbers(agent: swimrl.TD3) -> torch.Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in agent.policy.state_dict().values()])


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_callback_changes_has_its_effect(name: str) -> None:
    agents = [new_agent(engine) for engine in ("fused", "sb3")]
    for agent in agents:
        agent.learn(27, callback=At(24, CHANGES[name]))
    torch.testing.assert_close(*map(numbers, agents), rtol=0, atol=2e-5)


def test_what_an_environment_changes_has_its_effect() -> None:
    agents = []
    for engine in ("fused", "sb3"):
        env = UsersEnvironment(make("Pendulum-v1"))
        agents.append(new_agent(engine, env))
        env.agent, env.change = agents[-1], CHANGES["another parameter"]
        agents[-1].learn(27)
    torch.testing.assert_close(*map(numbers, agents), rtol=0, atol=2e-5)


@pytest.mark.parametrize("callback", [None, At(0, lambda agent: None)], ids=["none", "a user's"])
def test_the_numbers_do_not_depend_on_it(callback: BaseCallback | None) -> None:
    plain = new_agent()
    plain.learn(20)
    for _ in range(10):
        plain.learn(1, reset_num_timesteps=False)
    other = new_agent()
    other.learn(30, callback=callback)
    assert numbers(plain).equal(numbers(other))


def test_the_engine_is_checked_once_where_nothing_can_change(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    serves = FusedUpdate.serves
    monkeypatch.setattr(FusedUpdate, "serves", lambda *given: checks.append(1) or serves(*given))
    agent = new_agent()
    agent.learn(25)
    assert len(checks) == 0  # it was built by the first update
    agent.learn(10, reset_num_timesteps=False)
    assert len(checks) == 1
    agent.train(2, 16)
    assert len(checks) == 2
    agent.learn(10, callback=At(0, lambda agent: None), reset_num_timesteps=False)
    assert len(checks) == 12


def test_a_callback_that_says_so_can_ask_for_a_check() -> None:
    def change(agent: swimrl.TD3) -> None:
        CHANGES["another parameter"](agent)
        if isinstance(agent, swimrl.TD3):
            agent.check_again()

    agents = [new_agent(engine) for engine in ("fused", "sb3")]
    for agent in agents:
        callback = At(24, change)
        callback.leaves_agent_alone = True
        agent.learn(27, callback=callback)
    torch.testing.assert_close(*map(numbers, agents), rtol=0, atol=2e-5)


def test_threads_of_a_product_are_put_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        new_agent().learn(25)
        assert torch.get_num_threads() == 2
        agent = new_agent()
        agent.policy.actor.mu[1].register_forward_hook(lambda *_: None)
        agent.learn(25)
        assert agent.engine == "sb3"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_whose_code_runs() -> None:
    agent = new_agent()
    user = At(0, lambda agent: None)
    assert not can_change_agent(None, agent.env)
    assert not can_change_agent(CallbackList([]), agent.env)
    assert can_change_agent(user, agent.env)
    assert can_change_agent([user], agent.env)
    assert can_change_agent(CallbackList([user]), agent.env)
    assert can_change_agent(lambda *_: True, agent.env)
    assert can_change_agent(EvalCallback(make("Pendulum-v1")), agent.env)  # it saves the agent
    assert can_change_agent(None, new_agent(env=UsersEnvironment(make("Pendulum-v1"))).env)
    wrapped = gymnasium.wrappers.TransformReward(make("Pendulum-v1"), lambda r: r)
    assert can_change_agent(None, new_agent(env=wrapped).env)  # it calls a function of a user
    assert not can_change_agent(None, new_agent(env=gymnasium.make("HalfCheetah-v5")).env)


def test_a_schedule_of_a_user_is_code_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    serves = FusedUpdate.serves
    monkeypatch.setattr(FusedUpdate, "serves", lambda *given: checks.append(1) or serves(*given))
    new_agent(learning_rate=lambda left: 1e-3 * left).learn(25)
    assert len(checks) == 4

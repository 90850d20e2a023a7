"""Timers around the parts of a step: what they cover, and that nothing of them stays."""

from __future__ import annotations

from functools import partial

import gymnasium
import numpy as np
import pytest

import swimrl
from swimrl.bench.training.profile import PARTS, StepProfile, part_of, programs
from swimrl.errors import SwimrlError


def new_agent(**settings: object) -> swimrl.TD3:
    agent = swimrl.TD3(
        "MlpPolicy",
        gymnasium.make("Pendulum-v1"),
        policy_kwargs={"net_arch": [8, 8], "activation_fn": "swim"},
        learning_starts=5,
        batch_size=12,
        buffer_size=100,
        seed=0,
        **settings,
    )
    agent.learn(10)
    return agent


def test_every_product_and_activation_of_the_engine_is_found() -> None:
    agent = new_agent()
    assert agent._update is not None
    found = [part_of(call) for program in programs(agent._update) for call in program]
    # Two hidden layers. Forward passes: two actors, two target critics, two critics, a critic for the actor:
    # 3 products and 2 activations each, and each actor's tanh. Backward: two critics with 2 x 3 - 1 products,
    # the critic for the actor with 3, the actor with 5; 2 activations each.
    assert found.count("products") == 7 * 3 + 2 * 5 + 3 + 5
    assert found.count("activations") == 7 * 2 + 2 + 4 * 2


def test_other_calls_are_no_part() -> None:
    zeros = np.zeros(2)
    assert part_of(partial(np.add, zeros, zeros, zeros)) is None
    assert part_of(partial(np.matmul, zeros, zeros)) == "products"


def test_each_part_takes_time_and_all_together_less_than_the_whole() -> None:
    agent = new_agent()
    seconds = StepProfile(agent).learn(20)
    assert tuple(seconds) == PARTS
    assert all(wall_s > 0 and cpu_s is None for wall_s, cpu_s in seconds.values())
    assert agent.num_timesteps == 30


def test_a_profiled_agent_learns_the_same_and_is_left_as_it_was() -> None:
    plain, profiled = new_agent(), new_agent()
    assert profiled._update is not None
    before = [list(program) for program in programs(profiled._update)]
    plain.learn(20, reset_num_timesteps=False)
    StepProfile(profiled).learn(20)
    for one, other in zip(plain.policy.parameters(), profiled.policy.parameters(), strict=True):
        assert one.equal(other)
    after = programs(profiled._update)
    assert all(
        a is b for one, other in zip(before, after, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert vars(plain).keys() == vars(profiled).keys()
    assert vars(plain.env).keys() == vars(profiled.env).keys()
    assert vars(plain._update).keys() == vars(profiled._update).keys()


@pytest.mark.parametrize("settings", [{"engine": "sb3"}, {"threads": 2}], ids=["sb3", "two threads"])
def test_only_the_fused_engine_on_one_thread_can_be_profiled(settings: dict[str, object]) -> None:
    with pytest.raises(SwimrlError, match=r"only a step of the fused engine on one thread"):
        StepProfile(new_agent(**settings))

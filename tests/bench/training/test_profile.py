"""Timers around the parts of a step: what they cover, and that nothing of them stays."""

from __future__ import annotations

from collections import Counter

import gymnasium
import pytest

import swimrl
from swimrl.bench.training.profile import PARTS, StepProfile
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


def test_every_step_of_the_engine_says_which_part_it_is() -> None:
    update = new_agent().prepare_engine()
    assert update is not None
    parts = Counter(step.part for program in update.shares[0].programs.values() for step in program)
    # Two hidden layers. Forward passes: two actors, two target critics, two critics, a critic for the actor:
    # 3 products and 2 activations each, and each actor's tanh. Backward: two critics with 2 x 3 - 1 products,
    # the critic for the actor with 3, the actor with 5; 2 activations each.
    assert parts["products"] == 7 * 3 + 2 * 5 + 3 + 5
    assert parts["activations"] == 7 * 2 + 2 + 4 * 2
    assert parts["sampling"] == 1
    assert parts["optimiser"] == 2 * 3  # a step counted, Adam and an average, for critics and actor
    # A bias of each output layer, forwards in each pass and backwards in three; noise, target, losses, tanh',
    # and the actor's action that is copied.
    assert parts["other"] == 7 + 3 + 1 + 1 + 3 + 1 + 1


def test_each_part_takes_time_and_all_together_less_than_the_whole() -> None:
    agent = new_agent()
    seconds = StepProfile(agent).learn(20)
    assert tuple(seconds) == PARTS
    assert all(wall_s > 0 and cpu_s is None for wall_s, cpu_s in seconds.values())
    assert agent.num_timesteps == 30


def test_a_profiled_agent_learns_the_same_and_is_left_as_it_was() -> None:
    plain, profiled = new_agent(), new_agent()
    update = profiled.prepare_engine()
    assert update is not None
    before = dict(update.sequences)
    plain.learn(20, reset_num_timesteps=False)
    StepProfile(profiled).learn(20)
    for one, other in zip(plain.policy.parameters(), profiled.policy.parameters(), strict=True):
        assert one.equal(other)
    assert profiled.prepare_engine() is update
    assert all(calls is before[kind] for kind, calls in update.sequences.items())
    assert vars(plain).keys() == vars(profiled).keys()
    assert vars(plain.env).keys() == vars(profiled.env).keys()


@pytest.mark.parametrize("settings", [{"engine": "sb3"}, {"threads": 2}], ids=["sb3", "two threads"])
def test_only_the_fused_engine_on_one_thread_can_be_profiled(settings: dict[str, object]) -> None:
    with pytest.raises(SwimrlError, match=r"only a step of the fused engine on one thread"):
        StepProfile(new_agent(**settings))

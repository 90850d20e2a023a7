"""Every activation of the catalogue learns: an agent acts, updates, saves and answers with it."""

from __future__ import annotations

import pytest
import torch

import swimrl
from swimrl.activations import REGISTRY

# funnel_relu is for images; the policies here see vectors.
NAMES = [definition.name for definition in REGISTRY.definitions() if definition.name != "funnel_relu"] + [
    "taaf(swim)",
    "prelu(granularity=neuron)",
    "pau(granularity=network)",
    "swim(k=trainable(0.5, low=0))",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name):
    """With Stable-Baselines3's update, which compiles nothing; the fused engine has tests of its own."""
    agent = swimrl.TD3(
        "MlpPolicy",
        "Pendulum-v1",
        policy_kwargs={"activation_fn": name, "net_arch": [16, 16], "layer_norm": True},
        engine="sb3",
        learning_starts=16,
        batch_size=16,
        buffer_size=100,
        seed=0,
    )
    before = [parameter.clone() for parameter in agent.critic.parameters()]
    agent.learn(22)  # the actor's turn comes three times
    after = list(agent.critic.parameters())
    assert all(parameter.isfinite().all() for parameter in after)
    # All but what cannot be reached from the start, such as a hinge that no input has met.
    moved = [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]
    assert moved[0]
    assert sum(moved) >= 0.5 * len(moved)

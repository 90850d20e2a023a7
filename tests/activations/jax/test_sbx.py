"""SBX's TD3 trains with an activation of ours; runs where SBX is installed (benchmarks/setup-peers)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import swimrl

sbx = pytest.importorskip("sbx")


def test_td3_trains_and_its_actor_acts_as_the_same_weights_do_in_pytorch() -> None:
    kwargs = {"activation_fn": swimrl.jax_activation("swim"), "net_arch": [32, 32]}
    agent = sbx.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs=kwargs, learning_starts=100, seed=0)
    before = weights_of(agent)
    agent.learn(300)
    after = weights_of(agent)
    assert all(np.isfinite(kernel).all() for kernel, _ in after)
    assert not np.allclose(before[0][0], after[0][0], atol=1e-4)

    swim = swimrl.activation("swim")
    observations = np.random.default_rng(0).uniform(-1, 1, (64, 3)).astype(np.float32)
    x = torch.from_numpy(observations)
    for number, (kernel, bias) in enumerate(after):
        x = x @ torch.from_numpy(kernel) + torch.from_numpy(bias)
        x = swim(x) if number < 2 else x.tanh()
    actions, _ = agent.predict(observations, deterministic=True)
    np.testing.assert_allclose(actions, 2 * x.detach().numpy(), atol=1e-5)


def weights_of(agent: sbx.TD3) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return kernel [I, O] and bias [O] of each layer of the actor."""
    layers = agent.policy.actor_state.params["params"]
    return [(np.array(layers[name]["kernel"]), np.array(layers[name]["bias"])) for name in sorted(layers)]

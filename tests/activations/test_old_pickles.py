"""Activations pickled by version 0.1, whose modules had other names, load as if they were made today.

The files in ``tests/golden/v1`` were written by that version: agents of one hidden layer of three units on
Pendulum-v1 with ``policy_kwargs=dict(activation_fn=activation_fn(NAME))``, and a dictionary of factories.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

import swimrl
from swimrl.activations import ActivationFactory, activation_fn

FILES = Path(__file__).parents[1] / "golden/v1"
FACTORIES: dict[str, ActivationFactory] = pickle.loads((FILES / "activation_factories.pickle").read_bytes())


@pytest.mark.parametrize(
    ("algorithm", "file", "name", "action"),
    [
        (swimrl.TD3, "activation_td3.zip", "swim(k=trainable)", -0.02616179),
        (PPO, "activation_ppo.zip", "taaf(ulu(alpha1=1), beta=2)", -0.00032027),
    ],
)
def test_an_agent_saved_from_python_acts_as_it_did(
    algorithm: type[BaseAlgorithm], file: str, name: str, action: float
) -> None:
    agent = algorithm.load(FILES / file, device="cpu")
    assert agent.policy_kwargs["activation_fn"].spec.canonical == name
    observation = np.array([0.5, -0.5, 1.0], np.float32)
    assert agent.predict(observation, deterministic=True)[0] == pytest.approx(action, abs=1e-6)


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_is_that_of_today(name: str) -> None:
    old, new = FACTORIES[name], activation_fn(name)
    assert (old.spec.canonical, old.spec.slug) == (new.spec.canonical, new.spec.slug)
    assert (old.spec.values, old.spec.granularity) == (new.spec.values, new.spec.granularity)
    assert pickle.loads(pickle.dumps(old)) == old
    x = torch.linspace(-2, 2, 24).reshape(3, 8)
    torch.manual_seed(0)
    expected = new(8)(x)
    torch.manual_seed(0)
    torch.testing.assert_close(old(8)(x), expected)

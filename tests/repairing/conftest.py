"""Small runs whose policies fail on some starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import swimrl
from swimrl.repairing import Place, write
from swimrl.td3.policy import perceptrons
from swimrl.training import Run
from swimrl.training.policy_function import save_policy

FAULT = (Place(1, 0, 0),)
"""The weight of `balance_run` whose sign is wrong."""

RIGHT = -1.0
"""What it should be."""


def small_run(out: Path, env: str, act: str) -> Run:
    return swimrl.train(
        env=env,
        imports=["balances"],
        act=act,
        net="32",
        steps=20,
        td3={"learning_starts": 20},
        final_episodes=0,
        eval_episodes=1,
        out=out,
        progress=False,
    )


@pytest.fixture(scope="session")
def balance_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A controller a = tanh(-relu(x) + relu(-x) - relu(x) / 2) with one wrong sign: it falls where x > 0."""
    run = small_run(tmp_path_factory.mktemp("balance"), "balances/Balance-v0", "relu")
    policy, _ = run.td3_policy()
    (actor,) = perceptrons(policy.actor)
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.zero_()
        actor[0].bias[3:] = -1.0  # the other units are off
        actor[0].weight[:3] = torch.tensor([[1.0], [-1.0], [1.0]])
        actor[2].weight[0, :3] = torch.tensor([RIGHT, 1.0, -0.5])
    write(actor, FAULT, np.array([-RIGHT]))
    save_policy(run.weights_file(), policy)
    return swimrl.open_run(run.path)


@pytest.fixture(scope="session")
def chaos_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A policy in an environment that nothing controls."""
    return small_run(tmp_path_factory.mktemp("chaos"), "balances/Chaos-v0", "tanh")

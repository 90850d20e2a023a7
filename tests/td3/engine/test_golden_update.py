"""Two TD3 updates worked by hand in NumPy, float64, against the agent's.

The update is the code in the engine's README, written from the paper (Fujimoto et al. 2018, algorithm 1). The
perceptron below has derivatives by hand and Adam from its paper (Kingma & Ba 2015, algorithm 1). Neither
shares code with the package.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

import swimrl
from swimrl.envs.make import make

LR, GAMMA, TAU, NOISE, CLIP, POLICY_DELAY = 3e-4, 0.99, 0.005, 0.2, 0.5, 2
BATCH, HIDDEN = 16, (8, 7)

ACTIVATIONS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    # Swim and its derivative as the authors of Swim write it, k = 0.5.
    "swim": (
        lambda z: z / 2 * (1 + 0.5 * z / np.sqrt(1 + 0.25 * z * z)),
        lambda z: 0.5 + 0.5 * z * (2 + 0.25 * z * z) / 2 / (1 + 0.25 * z * z) ** 1.5,
    ),
}


class Perceptron:
    """Weights [O, I] and biases [O] of three layers, with forward and backward by hand."""

    def __init__(self, state: dict[str, torch.Tensor], prefix: str, name: str) -> None:
        layers = [(f"{prefix}.{i}.weight", f"{prefix}.{i}.bias") for i in (0, 2, 4)]
        self.parameters = [state[key].double().numpy().copy() for pair in layers for key in pair]
        self.f, self.df = ACTIVATIONS[name]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.updates = 0

    def forward(self, x: np.ndarray) -> np.ndarray:
        w1, b1, w2, b2, w3, b3 = self.parameters
        self.x, self.z1 = x, x @ w1.T + b1
        self.z2 = self.f(self.z1) @ w2.T + b2
        return self.f(self.z2) @ w3.T + b3

    def backward(self, g: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        w1, _, w2, _, w3, _ = self.parameters
        g2 = g @ w3 * self.df(self.z2)
        g1 = g2 @ w2 * self.df(self.z1)
        gradients = [
            *(g1.T @ self.x, g1.sum(0)),
            *(g2.T @ self.f(self.z1), g2.sum(0)),
            *(g.T @ self.f(self.z2), g.sum(0)),
        ]
        return g1 @ w1, gradients

    def adam(self, gradients: list[np.ndarray]) -> None:
        self.updates += 1
        t = self.updates
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            m[:] = 0.9 * m + 0.1 * g
            v[:] = 0.999 * v + 0.001 * g * g
            p -= LR * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    def track(self, other: Perceptron) -> None:
        for mine, theirs in zip(self.parameters, other.parameters, strict=True):
            mine += TAU * (theirs - mine)


def update_of_the_readme() -> Any:
    """Return the function that the engine's README shows."""
    readme = Path(swimrl.__file__).parent / "td3" / "engine" / "README.md"
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    names = dict(globals())
    exec(code, names)
    return names["update"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_two_updates_by_hand(activation: str) -> None:
    agent = swimrl.TD3(
        "MlpPolicy",
        DummyVecEnv([lambda: make("Pendulum-v1")]),
        learning_rate=LR,
        buffer_size=200,
        learning_starts=64,
        batch_size=BATCH,
        policy_kwargs={"net_arch": list(HIDDEN), "activation_fn": activation},
        seed=1,
    )
    agent.learn(64)  # random actions only: fills the buffer, updates nothing
    state = {name: tensor.clone() for name, tensor in agent.policy.state_dict().items()}
    actor = Perceptron(state, "actor.mu", activation)
    critics = [Perceptron(state, f"critic.qf{i}", activation) for i in range(2)]
    actor_target = Perceptron(state, "actor_target.mu", activation)
    critic_targets = [Perceptron(state, f"critic_target.qf{i}", activation) for i in range(2)]

    # What the streams will give: minibatch indices (then the environment's number), target noise.
    twin = type(agent.streams)(agent.streams.seed)
    indices, noises = [], []
    for _ in range(2):
        indices.append(twin.numpy("minibatches").randint(0, 64, size=BATCH))
        twin.numpy("minibatches").randint(0, 1, size=BATCH)
        noise = torch.empty(BATCH, 1).normal_(0, NOISE, generator=twin.torch("target noise"))
        noises.append(noise.double().numpy())
    buffer = agent.replay_buffer

    agent.train(gradient_steps=2, batch_size=BATCH)

    update = update_of_the_readme()

    for number, (index, noise) in enumerate(zip(indices, noises, strict=True), start=1):
        observation = buffer.observations[index, 0].astype(float)
        following = buffer.next_observations[index, 0].astype(float)
        action = buffer.actions[index, 0].astype(float)
        reward = buffer.rewards[index].astype(float)
        done = (buffer.dones[index] * (1 - buffer.timeouts[index])).astype(float)
        minibatch = observation, action, reward, following, done
        update(number, minibatch, noise, actor, critics, actor_target, critic_targets)

    after = agent.policy.state_dict()
    expected = {
        "actor.mu": actor,
        "actor_target.mu": actor_target,
        **{f"critic.qf{i}": critics[i] for i in range(2)},
        **{f"critic_target.qf{i}": critic_targets[i] for i in range(2)},
    }
    for prefix, oracle in expected.items():
        parameters = Perceptron(after, prefix, activation).parameters
        before = Perceptron(state, prefix, activation).parameters
        for ours, theirs, old in zip(parameters, oracle.parameters, before, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-7)
            assert not np.array_equal(ours, old)

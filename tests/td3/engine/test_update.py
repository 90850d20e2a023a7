"""The fused engine computes what Stable-Baselines3's update computes."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import swimrl
from swimrl.activations import REGISTRY
from swimrl.activations.cpu.modules import KERNELS
from swimrl.envs.make import make
from swimrl.td3.engine.products.backends import BF16_BACKENDS
from swimrl.td3.engine.requirements import why_not_fused
from swimrl.td3.policy import TD3Policy
from swimrl.td3.replay import RowReplayBuffer

LR = 3e-4
STEPS = 80  # in the replay buffer; the last one ends an episode
FORMULAS = [d.name for d in REGISTRY.definitions() if d.module is None]
NETWORK = ["swim(k=trainable, granularity=network)", "pau(granularity=network)"]
NEURON = ["prelu(granularity=neuron)", "aulu(granularity=neuron)", "swim(k=trainable, granularity=neuron)"]
AUTOGRAD = ["kwta", "poly_norm", "meta_acon", "dynamic_relu", "rrelu", "noisy_hardtanh"]
MODULES = [d.name for d in REGISTRY.definitions() if str(d.module).rpartition(":")[2] in KERNELS]
NAMES = [
    *FORMULAS,
    "swim(k=trainable)",
    "swish(beta=trainable(1.5))",
    "ulu(alpha2=trainable)",
    *NEURON,
    *NETWORK,
]
# sin(30 z) makes 30 times as much of float32's rounding of z, and Adam makes a full step of a gradient that
# is nothing but rounding. In float64, below, it is as close as the others.
NAMES_FOR_FLOAT32 = [name for name in NAMES if name != "siren"]


def agent_with(
    engine: str,
    activation: Any,
    net: Any,
    env: Any = None,
    *,
    layer_norm: bool = False,
    **kwargs: Any,
) -> swimrl.TD3:
    agent = swimrl.TD3(
        "MlpPolicy",
        env or gym.make("Pendulum-v1", max_episode_steps=STEPS),
        learning_rate=LR,
        buffer_size=200,
        learning_starts=STEPS,
        batch_size=64,
        policy_kwargs={"net_arch": net, "activation_fn": activation, "layer_norm": layer_norm},
        engine=engine,
        seed=3,
        device="cpu",
        **kwargs,
    )
    agent.learn(STEPS)  # random actions only
    return agent


def state_of(agent: swimrl.TD3) -> dict[str, torch.Tensor]:
    """Parameters, targets and Adam's state, by name; second moments as their roots, in a gradient's units."""
    state = {name: tensor.detach().clone() for name, tensor in agent.policy.state_dict().items()}
    for network in ("actor", "critic"):
        optimizer = getattr(agent, network).optimizer
        for number, moments in optimizer.state_dict()["state"].items():
            for key, value in moments.items():
                root = value.sqrt() if key == "exp_avg_sq" else value
                state[f"{network}.optimizer.{number}.{key}"] = root.detach().clone()
    return state


def differences(one: swimrl.TD3, other: swimrl.TD3) -> torch.Tensor:
    """Absolute differences of all numbers up to 1, relative ones beyond."""
    a, b = state_of(one), state_of(other)
    zero = torch.zeros(())  # PyTorch makes Adam's state in the first step, the fused engine before it
    pairs = [(a.get(name, zero), b.get(name, zero)) for name in a.keys() | b.keys()]
    return torch.cat([((x - y).abs() / y.abs().clamp(min=1)).flatten() for x, y in pairs])


def load_state(agent: swimrl.TD3, source: swimrl.TD3) -> None:
    """Give ``agent`` the weights and the optimisers' state of ``source``, whose engine stays as it is."""
    agent.policy.load_state_dict(source.policy.state_dict())
    for network in ("actor", "critic"):
        state = copy.deepcopy(getattr(source, network).optimizer.state_dict())
        getattr(agent, network).optimizer.load_state_dict(state)


@pytest.mark.parametrize("activation", [*NAMES_FOR_FLOAT32, *MODULES, *AUTOGRAD, torch.nn.Tanh])
def test_each_update_equals_stable_baselines3s(activation: str) -> None:
    fused, reference = (agent_with(engine, activation, [32, 24]) for engine in ("fused", "sb3"))
    assert why_not_fused(fused.policy, fused.replay_buffer) is None
    for _ in range(4):
        fused.train(gradient_steps=1, batch_size=64)
        reference.train(gradient_steps=1, batch_size=64)
        assert differences(fused, reference).max() < 1e-6
        load_state(reference, fused)
    assert fused.engine == "fused"


@pytest.mark.parametrize("layer_norm", [False, True], ids=["plain", "layer norm"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_any_depth(depth: int, layer_norm: bool) -> None:
    net = [20, 17, 13, 11, 8, 5][:depth]
    layers = ["swim", "relu", "swim(k=trainable)", "tanh", "elu", "mish"][:depth]
    fused, reference = (agent_with(engine, layers, net, layer_norm=layer_norm) for engine in ("fused", "sb3"))
    for _ in range(2):
        fused.train(gradient_steps=1, batch_size=64)
        reference.train(gradient_steps=1, batch_size=64)
    assert differences(fused, reference).max() < 1e-6


@pytest.mark.parametrize("kind", ["simba", "residual"])
@pytest.mark.parametrize("depth", [1, 2, 6])
def test_residual_blocks(kind: str, depth: int) -> None:
    layers = ["swim", "relu", "swim(k=trainable)", "tanh", "aulu(granularity=neuron)", "mish"][:depth]
    fused, reference = (agent_with(engine, layers, f"{kind}:12x{depth}") for engine in ("fused", "sb3"))
    for _ in range(2):
        fused.train(gradient_steps=1, batch_size=64)
        reference.train(gradient_steps=1, batch_size=64)
    assert fused.engine == "fused"
    assert differences(fused, reference).max() < 1e-6


@pytest.mark.parametrize(
    ("activation", "net", "layer_norm"),
    [
        ("relu", [64, 64], False),
        ("swim", [64, 64], False),
        ("aulu", [64, 64], False),
        ("relu", [64, 64], True),
        ("swim(k=trainable)", [64, 64], True),
        ("relu", "simba:32x2", False),
        ("swim", "residual:32x2", True),
    ],
)
def test_a_hundred_updates_stay_together(activation: str, net: Any, layer_norm: bool) -> None:
    fused, reference = (
        agent_with(engine, activation, net, layer_norm=layer_norm) for engine in ("fused", "sb3")
    )
    for agent in (fused, reference):
        agent.train(gradient_steps=100, batch_size=64)
    weights = [torch.cat([p.flatten() for p in agent.policy.parameters()]) for agent in (fused, reference)]
    difference = (weights[0] - weights[1]).abs()
    assert difference.max() < 0.5 * LR
    assert difference.square().mean().sqrt() < 1e-2 * LR


def double_update(
    policy: TD3Policy, buffer: RowReplayBuffer, steps: np.ndarray, noise: torch.Tensor, delayed: bool
) -> None:
    """One TD3 update by autograd in float64, from the paper's algorithm 1."""
    batch = buffer.rows[steps].astype(np.float64)
    part = {
        name: torch.from_numpy(batch[:, getattr(buffer.columns, name)])
        for name in vars(buffer.columns)
        if name != "width"
    }
    actor, critic = policy.actor, policy.critic
    with torch.no_grad():
        smooth = noise.double().clamp(-0.5, 0.5) + policy.actor_target.mu(part["next_observation"])
        ahead = torch.cat([part["next_observation"], smooth.clamp(-1, 1)], 1)
        least = torch.minimum(*(q(ahead) for q in policy.critic_target.q_networks))[:, 0]
        alive = 1 - part["done"] * (1 - part["timeout"])
        target = part["reward"] + 0.99 * alive * least
    both = torch.cat([part["observation"], part["action"]], 1)
    loss = sum(((q(both)[:, 0] - target) ** 2).mean() for q in critic.q_networks)
    critic.optimizer.zero_grad()
    loss.backward()
    critic.optimizer.step()
    if delayed:
        chosen = torch.cat([part["observation"], actor.mu(part["observation"])], 1)
        actor.optimizer.zero_grad()
        (-critic.q_networks[0](chosen).mean()).backward()
        actor.optimizer.step()
        with torch.no_grad():
            for network, average in ((critic, policy.critic_target), (actor, policy.actor_target)):
                for p, t in zip(network.parameters(), average.parameters(), strict=True):
                    t.mul_(0.995).add_(p, alpha=0.005)


@pytest.mark.parametrize(
    ("activation", "net", "layer_norm"),
    [
        *((name, [16, 12], False) for name in NAMES),
        *((name, [16, 12], True) for name in ("relu", "swim(k=trainable)", "aulu(granularity=neuron)")),
        *((name, "simba:8x2", False) for name in ("relu", "pau(granularity=network)", "kaf", "crelu")),
        ("swim(k=trainable)", "residual:8x3", True),
    ],
)
def test_equal_in_float64(activation: str, net: Any, layer_norm: bool) -> None:
    fused = agent_with("fused", activation, net, layer_norm=layer_norm)
    fused.policy.double()
    reference = copy.deepcopy(fused.policy)
    twin = type(fused.streams)(fused.streams.seed)
    fused.train(gradient_steps=4, batch_size=64)
    for update in range(1, 5):
        steps = twin.numpy("minibatches").randint(0, STEPS, size=64)
        noise = torch.empty(64, 1).normal_(0, 0.2, generator=twin.torch("target noise"))
        double_update(reference, fused.replay_buffer, steps, noise, update % 2 == 0)
    for (name, ours), theirs in zip(
        fused.policy.state_dict().items(), reference.state_dict().values(), strict=True
    ):
        assert (ours - theirs).abs().max() < 1e-9, name


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    ("activation", "net", "layer_norm"),
    [
        ("relu", [32, 24], False),
        ("aulu", [32, 24], False),
        ("swim", [32, 24], True),
        ("kaf", "simba:16x2", False),
        ("swim(k=trainable, granularity=network)", "residual:16x2", True),
    ],
)
def test_threads_that_share_the_minibatch_give_the_same_numbers_to_rounding(
    activation: str, net: Any, layer_norm: bool, threads: int
) -> None:
    one, *several = (
        agent_with("fused", activation, net, layer_norm=layer_norm, threads=n) for n in (1, threads, threads)
    )
    for _ in range(4):
        for agent in (one, *several):
            agent.train(gradient_steps=1, batch_size=64)
        assert differences(one, several[0]).max() < 1e-2 * LR
        assert differences(*several).max() == 0  # the same bits each time
        one.set_parameters(copy.deepcopy(several[0].get_parameters()))
    assert set(several[0].products.values()) == {"tiles"}
    losses = [agent.logger.name_to_value["train/critic_loss"] for agent in (one, several[0])]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_threads_in_float64_and_with_normalised_observations() -> None:
    def environments() -> VecNormalize:
        return VecNormalize(DummyVecEnv([lambda: make("Pendulum-v1")] * 2))

    one, two = (
        agent_with("fused", "swim(k=trainable)", [32, 24], environments(), threads=threads)
        for threads in (1, 2)
    )
    for agent in (one, two):
        agent.policy.double()
        agent.train(gradient_steps=4, batch_size=64)
    assert differences(one, two).max() < 1e-9


def test_threads_with_bf16_go_through_python() -> None:
    first, second = (agent_with("fused", "swim", [256, 256], threads=2, precision="bf16") for _ in range(2))
    for agent in (first, second):
        agent.train(gradient_steps=2, batch_size=256)
    assert set(first.products.values()) & set(BF16_BACKENDS)
    assert differences(first, second).max() == 0


@pytest.mark.parametrize("activation", ["swim", "aulu", "prelu(granularity=neuron)"])
def test_one_call_for_a_whole_update_gives_the_bits_of_the_list_of_calls(activation: str) -> None:
    one_call, listed = (agent_with("fused", activation, [32, 24]) for _ in range(2))
    for agent in (one_call, listed):
        agent.train(gradient_steps=1, batch_size=64)  # chooses the backends
    products = dict.fromkeys(one_call.products, "tiles")
    for agent, merge in ((one_call, True), (listed, False)):
        agent.products, agent._update = products, None
        update = agent.prepare_engine(64)
        assert update is not None
        update.bind(merge=merge)
        counts = {kind: len(calls) for kind, calls in update.sequences.items()}
        assert counts == {"critics": 1, "all": 1} if merge else min(counts.values()) > 30
        agent.train(gradient_steps=4, batch_size=64)
        assert agent._update is update
    assert differences(one_call, listed).max() == 0


def test_normalised_observations() -> None:
    def normalising() -> VecNormalize:
        return VecNormalize(DummyVecEnv([lambda: make("Pendulum-v1")] * 2))

    fused, reference = (agent_with(engine, "swim", [32, 32], normalising()) for engine in ("fused", "sb3"))
    for agent in (fused, reference):
        agent.train(gradient_steps=2, batch_size=64)
    # The fused engine normalises the float32 observation, Stable-Baselines3 the float64 one.
    assert differences(fused, reference).max() < 1e-5


def test_saving_in_between_changes_nothing(tmp_path: Any) -> None:
    plain, saved = (agent_with("fused", "swim(k=trainable)", [32, 32]) for _ in range(2))
    for _ in range(3):
        plain.train(gradient_steps=2, batch_size=64)
        saved.train(gradient_steps=2, batch_size=64)
        saved.save(tmp_path / "agent.zip")
        copy.deepcopy(saved.policy)
        saved.set_parameters(saved.get_parameters())
    assert differences(plain, saved).max() == 0


def test_bf16_is_close_and_only_when_asked_for() -> None:
    exact, rounded = (
        agent_with("fused", "swim", [256, 256], precision=precision) for precision in ("float32", "bf16")
    )
    for agent in (exact, rounded):
        agent.train(gradient_steps=1, batch_size=64)
    backends = [set(agent.engine_facts()["products"].values()) for agent in (exact, rounded)]
    assert not backends[0] & set(BF16_BACKENDS)
    assert backends[1] & set(BF16_BACKENDS)
    losses = [agent.logger.name_to_value["train/critic_loss"] for agent in (exact, rounded)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=2e-2)


def test_what_has_no_kernel_falls_back(caplog: pytest.LogCaptureFixture) -> None:
    agent = agent_with("fused", torch.nn.Dropout, [16, 16])
    agent.train(gradient_steps=2, batch_size=16)
    assert agent.engine == "sb3"
    (record,) = caplog.records
    assert "engine 'sb3' takes over" in record.getMessage()
    assert "Dropout(p=0.5, inplace=False) draws from PyTorch's global generator" in record.getMessage()


WITHOUT_NUMBA = """\
import sys
sys.modules["numba"] = None
import swimrl
kwargs = {"activation_fn": "swim", "net_arch": [8, 8]}
agent = swimrl.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs=kwargs, seed=0, learning_starts=10)
agent.learn(20)
print(agent.engine_facts()["name"], agent._n_updates)
"""


def test_without_a_compiler_stable_baselines3s_update_takes_over() -> None:
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_NUMBA]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "sb3 10\n"
    assert "cannot compute this update (numba cannot be imported (" in done.stderr


def test_moments_that_others_set_are_the_ones_it_goes_on_with() -> None:
    agents = [agent_with(engine, "swim", [8]) for engine in ("fused", "sb3")]
    for agent in agents:
        agent.train(3, 64)
        for state in agent.critic.optimizer.state.values():
            state["exp_avg"] = torch.zeros_like(state["exp_avg"])
            state["exp_avg_sq"] = torch.zeros_like(state["exp_avg_sq"])
        agent.train(1, 64)
    assert differences(*agents).max() < 1e-4

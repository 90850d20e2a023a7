"""Range penalty and activation noise in the actor's update."""

from __future__ import annotations

import copy
import logging

import pytest
import torch
from torch import nn

import swimrl
from swimrl.errors import ConfigError
from swimrl.td3.policy import perceptrons
from swimrl.td3.robustness import Robustness


def actor_of(*, act: str = "swim") -> nn.Sequential:
    torch.manual_seed(0)
    layers = [
        nn.Linear(3, 8),
        swimrl.activation(act),
        nn.Linear(8, 8),
        swimrl.activation(act),
        nn.Linear(8, 2),
    ]
    return nn.Sequential(*layers, nn.Tanh()).double()


def gradients(network: nn.Sequential, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters())))


def test_the_penalty_is_the_gradient_of_its_formula() -> None:
    actor, x = actor_of(), 3 * torch.randn(16, 3, dtype=torch.float64)
    with Robustness(range_penalty=0.7, range_bound=0.5).applied(actor, torch.Generator()):
        with_penalty = gradients(actor, actor(x).sum())
    z1 = actor[0](x)
    z2 = actor[2](actor[1](z1))
    penalty = sum(((z.abs() - 0.5).clamp(min=0) ** 2).mean() for z in (z1, z2))
    expected = gradients(actor, actor(x).sum() + 0.7 * penalty)
    for one, other in zip(with_penalty, expected, strict=True):
        torch.testing.assert_close(one, other)
    plain = gradients(actor, actor(x).sum())
    assert not torch.allclose(plain[0], with_penalty[0])


@pytest.mark.parametrize("side", ["both", "negative"])
def test_noise_has_its_size_and_its_side(side) -> None:
    actor, x = (
        nn.Sequential(nn.Linear(1, 1), swimrl.activation("swim"), nn.Linear(1, 1)),
        torch.randn(4000, 1),
    )
    with torch.no_grad():
        for linear in (actor[0], actor[2]):
            linear.weight.fill_(1.0)
            linear.bias.fill_(0.0)
        plain = actor(x)
        with Robustness(activation_noise=0.25, noise_side=side).applied(
            actor, torch.Generator().manual_seed(1)
        ):
            noise = actor(x) - plain
        assert torch.equal(actor(x), plain)  # nothing is left behind
    assert 0.24 < noise.abs().max() <= 0.25 + 1e-6
    assert abs(noise.mean()) < 0.02
    assert noise[x < 0].abs().max() > 0.24
    assert (noise[x > 0].abs().max() < 1e-6) == (side == "negative")


def agent_with(robustness: Robustness | None, *, engine: str, act: str = "swim", **settings) -> swimrl.TD3:
    arguments = {"learning_starts": 20, "batch_size": 16, "buffer_size": 200, "seed": 0, **settings}
    networks = {"net_arch": [8, 7], "activation_fn": act, **arguments.pop("policy_kwargs", {})}
    return swimrl.TD3(
        "MlpPolicy",
        "Pendulum-v1",
        policy_kwargs=networks,
        robustness=robustness,
        engine=engine,
        **arguments,
    )


@pytest.mark.parametrize(
    ("robustness", "settings"),
    [
        (Robustness(range_penalty=3.0, range_bound=0.2), {}),
        (Robustness(activation_noise=0.3), {}),
        (Robustness(range_penalty=3.0, range_bound=0.2, activation_noise=0.3, noise_side="negative"), {}),
        (Robustness(range_penalty=3.0, range_bound=0.2, activation_noise=0.3), {"threads": 2}),
        (
            Robustness(range_penalty=3.0, range_bound=0.2, activation_noise=0.3),
            {
                "act": "swim(k=trainable, granularity=network)",
                "policy_kwargs": {"layer_norm": True},
            },
        ),
    ],
    ids=["penalty", "noise", "both", "two threads", "shared, behind layer norms"],
)
def test_both_engines_compute_the_same_update(robustness, settings) -> None:
    """From equal draws, so that the weights differ by rounding alone; without additions they are others."""
    agents = [agent_with(robustness, engine=engine, **settings) for engine in ("fused", "sb3")]
    agents.append(agent_with(None, engine="fused", **settings))
    for agent in agents:
        agent.learn(40)
    assert [agent.engine for agent in agents] == ["fused", "sb3", "fused"]
    ours, theirs, plain = ([parameter.detach() for parameter in agent.actor.parameters()] for agent in agents)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert max((one - other).abs().max() for one, other in zip(ours, plain, strict=True)) > 1e-3


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"act": "maxout", "policy_kwargs": {"net_arch": [8, 8]}},
            "of a module are parts of PyTorch's graph",
        ),
        ({"policy_kwargs": {"net_arch": "simba:8x1"}}, "in residual blocks are parts of PyTorch's graph"),
    ],
)
def test_the_update_says_why_another_engine_takes_over_and_leaves_no_hooks(settings, reason, caplog) -> None:
    agent = agent_with(Robustness(range_penalty=1.0, activation_noise=0.1), engine="fused", **settings)
    with caplog.at_level(logging.WARNING, "swimrl.td3"):
        agent.learn(25)
    assert reason in caplog.text
    (actor,) = perceptrons(agent.actor)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in actor.modules())
    copy.deepcopy(agent.policy)


def test_another_policy_is_refused() -> None:
    with pytest.raises(ConfigError, match="robustness needs the policy MlpPolicy"):
        swimrl.TD3("CnnPolicy", "Pendulum-v1", robustness=Robustness(activation_noise=0.1))

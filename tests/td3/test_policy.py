"""The policy: activations by network and layer, parameter groups, saving on its own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium.spaces import Box
from torch import nn

from swimrl.activations import activation_fn
from swimrl.errors import ConfigError, UnknownNameError
from swimrl.td3.policy import Actor, TD3Policy

OBSERVATION = Box(-5, 5, (3,), np.float32)
ACTION = Box(np.array([0, -2], np.float32), np.array([3, 1], np.float32))
LR = 1e-3
OBSERVATIONS = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)


def policy_with(activation: Any = "relu", **kwargs: Any) -> TD3Policy:
    """A policy with two hidden layers, drawn from seed 4."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        settings = {"net_arch": [8, 7], **kwargs}
        return TD3Policy(OBSERVATION, ACTION, lambda _: LR, activation_fn=activation, **settings)


def actor_critics_targets(policy: TD3Policy) -> list[nn.Sequential]:
    """All six perceptrons."""
    actors = [network.mu for network in (policy.actor, policy.actor_target)]
    return [*actors, *policy.critic.q_networks, *policy.critic_target.q_networks]


def activations(perceptron: Iterable[nn.Module]) -> list[str]:
    """Each hidden layer's activation, as it shows itself."""
    return [str(module) for module in list(perceptron)[1:-1] if not isinstance(module, nn.Linear)]


def moved(policy: TD3Policy, steps: int = 3) -> TD3Policy:
    """The policy after steps of its optimisers, so that they have a state."""
    for network in (policy.actor, policy.critic):
        for _ in range(steps):
            for number, p in enumerate(network.parameters()):
                p.grad = torch.full_like(p, 0.1 * (number + 1))
            network.optimizer.step()
    return policy


RELU, SWIM1, TANH = (str(activation_fn(name)()) for name in ("relu", "swim(k=1)", "tanh"))


@pytest.mark.parametrize(
    ("given", "actor", "critic"),
    [
        ("relu", [RELU, RELU], [RELU, RELU]),
        (activation_fn("swim(k=1)"), [SWIM1, SWIM1], [SWIM1, SWIM1]),
        (nn.Hardswish, ["Hardswish()"] * 2, ["Hardswish()"] * 2),
        (["tanh", "relu"], [TANH, RELU], [TANH, RELU]),
        ({"pi": "tanh", "qf": ["relu", nn.ELU]}, [TANH, TANH], [RELU, "ELU(alpha=1.0)"]),
        (
            lambda: nn.LeakyReLU(0.3),
            ["LeakyReLU(negative_slope=0.3)"] * 2,
            ["LeakyReLU(negative_slope=0.3)"] * 2,
        ),
    ],
    ids=["name", "factory", "class", "list", "dict", "function"],
)
def test_activations_by_network_and_layer(given: Any, actor: list[str], critic: list[str]) -> None:
    policy = policy_with(given)
    for network in (policy.actor, policy.actor_target):
        assert activations([*network.mu][:-1]) == actor
    for perceptron in (*policy.critic.q_networks, *policy.critic_target.q_networks):
        assert activations(perceptron) == critic


def test_actor_and_critics_of_different_depth() -> None:
    policy = policy_with({"pi": ["tanh"], "qf": ["relu"] * 3}, net_arch={"pi": [6], "qf": [5, 4, 3]})
    assert [m.out_features for m in policy.actor.mu if isinstance(m, nn.Linear)] == [6, 2]
    for perceptron in policy.critic.q_networks:
        assert [m.out_features for m in perceptron if isinstance(m, nn.Linear)] == [5, 4, 3, 1]


def test_default_network_is_the_authors() -> None:
    policy = TD3Policy(OBSERVATION, ACTION, lambda _: LR)
    for perceptron in actor_critics_targets(policy):
        assert [m.out_features for m in perceptron if isinstance(m, nn.Linear)][:-1] == [256, 256]
        assert activations([m for m in perceptron if not isinstance(m, nn.Tanh)]) == [RELU, RELU]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["relu"] * 3,
            "the actor has 2 hidden layers but 3 activations were given; give one, or one for each",
        ),
        ({"pi": "relu", "qf": ["relu"]}, "the critic has 2 hidden layers but 1 activations were given"),
        ({"pi": "relu"}, r"the keys \['pi'\]; expected 'pi' \(actor\) and 'qf' \(critics\)"),
        ({"pi": "relu", "qf": "relu", "vf": "relu"}, "'vf'"),
    ],
)
def test_activations_that_do_not_fit(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        policy_with(given)


def test_unknown_activation_names_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="'swimm'; did you mean 'swim'"):
        policy_with(["relu", "swimm"])


def test_unknown_initialisation_is_refused() -> None:
    with pytest.raises(ConfigError, match="'xavier'"):
        policy_with(initialisation="xavier")


@pytest.mark.parametrize("layer_norm", [False, True])
def test_nothing_is_shared(layer_norm: bool) -> None:
    policy = policy_with("swim(k=trainable)", layer_norm=layer_norm)
    perceptrons = actor_critics_targets(policy)
    parameters = [p for perceptron in perceptrons for p in perceptron.parameters()]
    of_one = 2 * 3 + 2 + 4 * layer_norm  # three linear layers, two k, two norms
    assert len(parameters) == 6 * of_one
    assert len({p.data_ptr() for p in parameters}) == len(parameters)
    modules = [module for perceptron in perceptrons for module in perceptron]
    assert len({id(module) for module in modules}) == len(modules)


def test_targets_start_equal_and_are_not_trained() -> None:
    policy = policy_with("aulu", initialisation="orthogonal")
    for network, target in ((policy.actor, policy.actor_target), (policy.critic, policy.critic_target)):
        for p, t in zip(network.parameters(), target.parameters(), strict=True):
            assert torch.equal(p, t)
        trained = {id(p) for group in network.optimizer.param_groups for p in group["params"]}
        assert trained == {id(p) for p in network.parameters()}
        assert not trained & {id(t) for t in target.parameters()}


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_groups_hold_each_parameter_once(weight_decay: float) -> None:
    policy = policy_with(
        "swim(k=trainable)", weight_decay=weight_decay, layer_norm=True, activation_lr_scale=0.25
    )
    for network, perceptrons in ((policy.actor, 1), (policy.critic, 2)):
        names = {id(p): name for name, p in network.named_parameters()}
        groups = network.optimizer.param_groups
        listed = [id(p) for group in groups for p in group["params"]]
        assert sorted(listed) == sorted(names)
        of_activations = [g for g in groups if any(names[id(p)].endswith(".k") for p in g["params"])]
        assert [len(g["params"]) for g in of_activations] == [2 * perceptrons]
        assert [g["lr_scale"] for g in groups] == [0.25 if g is of_activations[0] else 1 for g in groups]
        decayed = [p for g in groups if g["weight_decay"] for p in g["params"]]
        assert len(decayed) == (3 * perceptrons if weight_decay else 0)
        assert all(p.ndim == 2 for p in decayed)


def test_weight_decay_of_the_optimiser_itself_spares_activations() -> None:
    policy = policy_with("swim(k=trainable)", optimizer_kwargs={"weight_decay": 0.1})
    for network in (policy.actor, policy.critic):
        weights, of_activations = network.optimizer.param_groups
        assert (weights["weight_decay"], of_activations["weight_decay"]) == (0.1, 0)


def test_without_activation_parameters_the_groups_are_stable_baselines3s() -> None:
    for network in (policy_with().actor, policy_with().critic):
        (group,) = network.optimizer.param_groups
        assert group["lr"] == LR
        assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]


def test_weight_decay_is_adamws_on_matrices_alone() -> None:
    decay = 0.2
    policy = policy_with("swim(k=trainable)", weight_decay=decay, layer_norm=True)
    for network in (policy.actor, policy.critic):
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        first = {name: torch.linspace(-2, 1, p.numel()).view(p.shape) for name, p in before.items()}
        second = {name: torch.linspace(0.5, -3, p.numel()).view(p.shape) for name, p in before.items()}
        for gradients in (first, second):
            for name, p in network.named_parameters():
                p.grad = gradients[name]
            network.optimizer.step()
        for name, p in network.named_parameters():
            # AdamW by hand (Loshchilov & Hutter 2019, algorithm 2), betas 0.9 and 0.999, epsilon 1e-8.
            expected, m, v = before[name].double(), 0.0, 0.0
            for t, gradient in enumerate((first[name].double(), second[name].double()), start=1):
                m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
                if p.ndim == 2:
                    expected = expected * (1 - LR * decay)
                expected = expected - LR * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            torch.testing.assert_close(p.double(), expected, rtol=0, atol=3e-7)


def test_layer_norm_in_every_network() -> None:
    for perceptron in actor_critics_targets(policy_with(layer_norm=True)):
        kinds = [type(module).__name__ for module in perceptron]
        assert kinds[:7] == [*("Linear", "LayerNorm", "Activation") * 2, "Linear"]


def test_weights_pass_from_and_to_stable_baselines3s_policy() -> None:
    theirs = stable_baselines3.td3.MlpPolicy(OBSERVATION, ACTION, lambda _: LR, net_arch=[8, 7])
    ours = policy_with()
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x, a = torch.from_numpy(OBSERVATIONS), torch.linspace(-1, 1, 8).view(4, 2)
    assert torch.equal(ours.actor(x), theirs.actor(x))
    for mine, other in zip(ours.critic(x, a), theirs.critic(x, a), strict=True):
        assert torch.equal(mine, other)
    np.testing.assert_array_equal(ours.predict(OBSERVATIONS)[0], theirs.predict(OBSERVATIONS)[0])


def test_predicts_one_and_many_in_the_actions_box() -> None:
    policy = policy_with("swim", initialisation="variance")
    with torch.no_grad():
        policy.actor.mu[4].weight.mul_(20)  # so that actions reach the corners of the box
    many, state = policy.predict(OBSERVATIONS, deterministic=True)
    assert (many.shape, many.dtype, state) == ((4, 2), np.float32, None)
    assert all(ACTION.contains(action) for action in many)
    assert np.ptp(many, axis=0).min() > 0.5
    for observation, action in zip(OBSERVATIONS, many, strict=True):
        one, _ = policy.predict(observation)
        assert one.shape == (2,)
        np.testing.assert_allclose(one, action, atol=1e-6)
    with torch.no_grad():
        squashed = policy.actor(torch.from_numpy(OBSERVATIONS)).numpy()
    np.testing.assert_allclose(many, ACTION.low + (squashed + 1) / 2 * (ACTION.high - ACTION.low), atol=1e-6)


def test_observation_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="observation shape"):
        policy_with().predict(np.zeros(4, np.float32))


CHOICES = [
    "relu",
    "swim(k=trainable)",
    ["expr: x*sigmoid(b*x); b=trainable(2)", "ulu"],
    {"pi": nn.GELU, "qf": "aulu"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_saved_alone_it_acts_the_same(choice: Any, tmp_path: Path) -> None:
    policy = moved(policy_with(choice, layer_norm=True, weight_decay=0.1, activation_lr_scale=0.5))
    policy.save(str(tmp_path / "policy.pt"))
    loaded = TD3Policy.load(str(tmp_path / "policy.pt"), device="cpu")
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS)[0], policy.predict(OBSERVATIONS)[0])
    for name, tensor in policy.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert [len(g["params"]) for g in loaded.critic.optimizer.param_groups] == [
        len(g["params"]) for g in policy.critic.optimizer.param_groups
    ]
    policy.actor.save(str(tmp_path / "actor.pt"))
    actor = Actor.load(str(tmp_path / "actor.pt"), device="cpu")
    np.testing.assert_array_equal(actor.predict(OBSERVATIONS)[0], policy.predict(OBSERVATIONS)[0])


def pickled(policy: TD3Policy) -> TD3Policy:
    again: TD3Policy = pickle.loads(pickle.dumps(policy))
    return again


@pytest.mark.parametrize("duplicate", [pickled, copy.deepcopy])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_copies_are_equal_and_independent(duplicate: Callable[[TD3Policy], TD3Policy], choice: Any) -> None:
    policy = moved(policy_with(choice))
    twin = duplicate(policy)
    before = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    # The copy's optimisers carry on where the original's stand, on the copy's own parameters.
    moved(twin, steps=1)
    assert all(torch.equal(policy.state_dict()[name], tensor) for name, tensor in before.items())
    moved(policy, steps=1)
    for name, tensor in policy.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor), name
        assert torch.equal(tensor, before[name]) == ("target" in name), name


def test_orthogonal_output_gains() -> None:
    policy = policy_with(initialisation="orthogonal")
    assert torch.linalg.matrix_norm(policy.actor.mu[4].weight, 2).item() == pytest.approx(0.01, rel=1e-4)
    for perceptron in policy.critic.q_networks:
        assert perceptron[4].weight.norm().item() == pytest.approx(1, rel=1e-4)


def test_critics_are_drawn_apart() -> None:
    one, two = policy_with().critic.q_networks
    assert not torch.equal(one[0].weight, two[0].weight)

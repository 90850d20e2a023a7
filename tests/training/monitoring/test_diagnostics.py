"""What a look into an agent finds: networks made by hand, and every number again in float64."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from swimrl.activations import activation
from swimrl.envs.make import Env
from swimrl.envs.seeding import Streams
from swimrl.rollouts import Rollouts
from swimrl.td3.agent import TD3
from swimrl.td3.config import TD3Config
from swimrl.td3.network import linear_layers
from swimrl.td3.policy import perceptrons
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.monitoring.curves import curve, draw, learned_curves
from swimrl.training.monitoring.diagnostics import Diagnostics, before_last_update
from swimrl.training.monitoring.gait import Gait
from swimrl.training.monitoring.layers import elementwise_slope, named_perceptrons, shown_parameters
from swimrl.training.monitoring.sample import Sampler

Agent = Callable[..., TD3]
CAPACITY = 50
"""Of the replay buffer, which training fills."""


def agent_of(act: str = "tanh", *, steps: int = 70, net: str = "6x5", **settings: Any) -> TD3:
    """An agent that has trained for some steps; its replay buffer is full."""
    td3 = TD3Config(
        **{
            "learning_starts": 20,
            "batch_size": 8,
            "buffer_size": CAPACITY,
            "lr": 1e-2,
            **settings.pop("td3", {}),
        }
    )
    config = TrainConfig(env="worlds/Line-v0", act=act, net=net, seed=5, td3=td3, **settings)
    agent = build.build_agent(config, device="cpu")
    if steps:
        agent.learn(steps)
    return agent


def look(agent: TD3, **settings: Any) -> dict[str, float | None]:
    return diagnostics_of(agent, **settings).networks().values


def diagnostics_of(agent: TD3, *, bound: float = 5.0, flat: float = 0.05) -> Diagnostics:
    return Diagnostics(agent, make_line, bound=bound, flat=flat)


def make_line() -> Env:
    return build.build_environment(TrainConfig(env="worlds/Line-v0"))


def hidden(agent: TD3, name: str, number: int) -> nn.Linear:
    return linear_layers(dict(named_perceptrons(agent))[name])[number - 1]


class TestPlanted:
    def test_dead_units(self) -> None:
        agent = agent_of("relu")
        with torch.no_grad():
            for name in ("critic1", "critic2"):
                hidden(agent, name, 1).bias[:] = 1.0
            hidden(agent, "critic1", 1).bias[[0, 3]] = -1e4
        found = look(agent)
        assert found["units/dead/critic1.layer1"] == pytest.approx(2 / 6)
        assert found["units/dead/critic2.layer1"] == 0
        assert found["units/dormant_0.025/critic1.layer1"] == pytest.approx(2 / 6)
        assert found["preactivation/largest/critic1.layer1"] == pytest.approx(1e4, rel=1e-2)
        # The dead units' pre-activations lie beyond the bound, and ReLU has no slope there.
        assert found["preactivation/outside/critic1.layer1"] == pytest.approx(2 / 6)
        assert found["units/saturated/critic1.layer1"] >= 2 / 6

    def test_a_constant_unit_that_the_plain_dormant_score_misses(self) -> None:
        agent = agent_of("swim")
        before = look(agent)
        with torch.no_grad():
            linear = hidden(agent, "actor", 2)
            linear.weight[1], linear.bias[1] = 0, -1.5723028  # where Swim is lowest, -0.300
        after = look(agent)
        for tau in (0.1, 0.025):
            name = f"{tau}/actor.layer2"
            assert after[f"units/dormant_{name}"] == before[f"units/dormant_{name}"] == 0
            assert after[f"units/idle_{name}"] == pytest.approx(before[f"units/idle_{name}"] + 1 / 5)
        assert after["units/dead/actor.layer2"] == 0
        assert after["units/saturated/actor.layer2"] >= 1 / 5

    def test_features_of_rank_one(self) -> None:
        agent = agent_of("relu")
        with torch.no_grad():
            linear = hidden(agent, "critic2", 2)
            linear.weight[:], linear.bias[:] = linear.weight[0], 1.0
        found = look(agent)
        assert found["rank/effective/critic2"] == pytest.approx(1, abs=1e-3)
        assert (found["rank/srank/critic2"], found["rank/feature/critic2"]) == (1, 1)
        assert found["rank/stable/critic2"] == pytest.approx(1, abs=1e-5)
        assert found["rank/effective/critic1"] > 1.1

    def test_silent_features_have_no_effective_and_no_stable_rank(self) -> None:
        agent = agent_of("relu")
        with torch.no_grad():
            hidden(agent, "actor", 2).bias[:] = -1e4
        found = look(agent)
        assert found["units/dead/actor.layer2"] == 1
        assert (found["rank/srank/actor"], found["rank/feature/actor"]) == (0, 0)
        assert np.isnan([found["rank/effective/actor"], found["rank/stable/actor"]]).all()

    @pytest.mark.parametrize(("action", "share"), [(0.974, 0), (0.976, 1)])
    def test_saturated_actor_outputs(self, action: float, share: float) -> None:
        agent = agent_of()
        with torch.no_grad():
            output = hidden(agent, "actor", 3)
            output.weight[:], output.bias[:] = 0, np.arctanh(action)
        assert look(agent)["units/saturated/actor.output"] == share

    def test_the_bound_and_the_slope_that_counts_as_flat_can_be_set(self) -> None:
        agent = agent_of()
        with torch.no_grad():
            linear = hidden(agent, "actor", 1)
            linear.weight[:], linear.bias[:] = 0, torch.tensor([0.0, 0.5, 1, 1.5, -2, 3])
        found = look(agent, bound=1.2, flat=0.5)
        assert found["preactivation/outside/actor.layer1"] == 0.5
        # 1 - tanh(z)^2 is 0.79 at 0.5 and 0.42 at 1.
        assert found["units/saturated/actor.layer1"] == pytest.approx(4 / 6)

    def test_networks_that_are_not_finite_are_no_error(self) -> None:
        agent = agent_of("relu")
        with torch.no_grad():
            hidden(agent, "critic1", 1).weight[:] = torch.inf
            hidden(agent, "actor", 1).weight[:] = torch.nan
        found = look(agent)
        assert found["rank/srank/actor"] is None
        assert found["rank/effective/critic1"] is None
        assert np.isnan(found["preactivation/mean/actor.layer1"])


@pytest.mark.parametrize("engine", ["fused", "sb3"])
def test_every_number_is_that_of_a_computation_in_float64(engine: str) -> None:
    agent = agent_of(engine=engine)
    found = look(agent, bound=0.5, flat=0.7)
    buffer = agent.replay_buffer
    assert buffer is not None
    # As documented: one transition from each of 1,024 equal parts of the buffer.
    where = (np.arange(1024) + Streams(5).numpy("diagnostics").random_sample(1024)) * CAPACITY / 1024
    rows = where.astype(int)
    s, a, following, rewards = (
        torch.from_numpy(np.asarray(array[rows, 0], np.float64))
        for array in (
            buffer.observations,
            buffer.actions,
            buffer.next_observations,
            buffer.rewards[..., None],
        )
    )
    # Episodes end by the time limit alone, which is no end.
    assert (buffer.dones * (1 - buffer.timeouts)).sum() == 0

    def doubled(network: nn.Module) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
        return [
            [
                (
                    linear.weight.detach().double().requires_grad_(),
                    linear.bias.detach().double().requires_grad_(),
                )
                for linear in linear_layers(perceptron)
            ]
            for perceptron in perceptrons(network)
        ]

    def run(
        layers: list[tuple[torch.Tensor, torch.Tensor]], x: torch.Tensor
    ) -> tuple[list[Any], torch.Tensor]:
        zs = []
        for weight, bias in layers[:-1]:
            zs.append(x @ weight.T + bias)
            x = torch.tanh(zs[-1])
        return zs, x @ layers[-1][0].T + layers[-1][1]

    (mu,), critics = doubled(agent.actor), doubled(agent.critic)
    (target_mu,), target_critics = doubled(agent.actor_target), doubled(agent.critic_target)
    next_input = torch.cat([following, torch.tanh(run(target_mu, following)[1])], 1)
    smallest = torch.minimum(*(run(critic, next_input)[1] for critic in target_critics))
    y = (rewards + 0.99 * smallest).detach()
    actor_loss = -run(critics[0], torch.cat([s, torch.tanh(run(mu, s)[1])], 1))[1].mean()
    expected: dict[str, float] = {}
    for name, layers, x in (
        ("actor", mu, s),
        ("critic1", critics[0], torch.cat([s, a], 1)),
        ("critic2", critics[1], torch.cat([s, a], 1)),
    ):
        zs, output = run(layers, x)
        loss = actor_loss
        if name == "actor":
            expected["units/saturated/actor.output"] = float(
                (1 - torch.tanh(output) ** 2 < 0.7).double().mean()
            )
        else:
            loss = ((output - y) ** 2).mean()
            expected[f"td_error/{name}"] = float((output - y).detach().abs().mean())
        flat = [tensor for pair in layers for tensor in pair]
        gradients = torch.autograd.grad(loss, flat, retain_graph=True)
        expected[f"norm/weights/{name}"] = sum(float(p.detach().norm()) ** 2 for p in flat) ** 0.5
        expected[f"norm/gradient/{name}"] = sum(float(g.norm()) ** 2 for g in gradients) ** 0.5
        zs, output, layers = [z.detach() for z in zs], output.detach(), [(w.detach(), b) for w, b in layers]
        for number, z in enumerate(zs, start=1):
            layer = f"{name}.layer{number}"
            h = torch.tanh(z)
            expected[f"norm/weights/{layer}"] = float(layers[number - 1][0].norm())
            expected[f"norm/gradient/{layer}"] = float(gradients[2 * number - 2].norm())
            expected[f"preactivation/mean/{layer}"] = float(z.mean())
            expected[f"preactivation/spread/{layer}"] = float(z.std(correction=0))
            expected[f"preactivation/largest/{layer}"] = float(z.abs().max())
            expected[f"preactivation/outside/{layer}"] = float((z.abs() > 0.5).double().mean())
            expected[f"units/saturated/{layer}"] = float((1 - h**2 < 0.7).double().mean())
            expected[f"units/dead/{layer}"] = float((h == 0).all(0).double().mean())
            for kind, values in (("dormant", h), ("idle", h - h.mean(0))):
                score = values.abs().mean(0) / values.abs().mean()
                for tau in (0.1, 0.025):
                    expected[f"units/{kind}_{tau}/{layer}"] = float((score <= tau).double().mean())
        sigma = torch.linalg.svdvals(h)
        share = sigma / sigma.sum()
        expected[f"rank/effective/{name}"] = float(torch.exp(-(share * share.log()).sum()))
        expected[f"rank/srank/{name}"] = float((share.cumsum(0) < 0.99).sum()) + 1
        expected[f"rank/stable/{name}"] = float((h**2).sum() / sigma[0] ** 2)
        expected[f"rank/feature/{name}"] = float((sigma / 32 > 0.01).sum())
    assert found.keys() == expected.keys() | {f"step_size/{n}" for n in ("actor", "critic1", "critic2")}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=2e-4, abs=1e-6)


@pytest.mark.parametrize("engine", ["fused", "sb3"])
@pytest.mark.parametrize(
    "td3", [{}, {"weight_decay": 0.3, "activation_lr": 0.05}], ids=["plain", "decay, other rate"]
)
def test_the_step_size_is_what_the_latest_update_did(engine: str, td3: dict[str, float]) -> None:
    agent = agent_of("swim(k=trainable)", engine=engine, td3=td3)
    updates = agent.updates_done
    states: dict[int, dict[str, torch.Tensor]] = {}
    for number in (updates, updates + 1, updates + 2):
        states[number] = {name: value.clone() for name, value in agent.policy.state_dict().items()}
        agent.train(1, 8)
    assert agent.updates_done == updates + 3
    # Of three updates in a row the actor takes part in every second: the latest even one.
    latest = {"actor": max(n for n in states if (n + 1) % 2 == 0), "critic1": updates + 2}
    found = look(agent)
    with diagnostics_of(agent).looking():
        sample = Sampler(agent_like(agent), make_line).draw()
    assert sample is not None
    now = {name: value.clone() for name, value in agent.policy.state_dict().items()}
    outputs = {}
    for name, number in latest.items():
        x = sample.observations if name == "actor" else sample.observations_actions
        perceptron = dict(named_perceptrons(agent))[name]
        with torch.no_grad():
            after = perceptron(x)
            agent.policy.load_state_dict(states[number])
            outputs[name] = float((after - perceptron(x)).double().pow(2).mean().sqrt())
            agent.policy.load_state_dict(now)
        assert outputs[name] > 1e-4
        assert found[f"step_size/{name}"] == pytest.approx(outputs[name], rel=1e-2)


def agent_like(agent: TD3) -> TD3:
    """The same agent with its random streams at their beginnings, as they were at the first look."""
    agent.streams = Streams(agent.streams.seed)
    return agent


def test_without_adam_the_step_size_is_undetermined() -> None:
    agent = agent_of()
    (perceptron,) = perceptrons(agent.actor)
    assert before_last_update(perceptron, torch.optim.SGD(perceptron.parameters(), lr=1.0), 1.0) is None


class TestSample:
    def test_before_training_it_is_random_transitions_and_the_same_each_time(self) -> None:
        agent = agent_of(steps=0)
        sampler = Sampler(agent, make_line)
        first, second = (sampler.draw() for _ in range(2))
        again = Sampler(agent_of(steps=0), make_line).draw()
        assert first is not None
        assert second is not None
        assert again is not None
        assert first.replay is None
        assert first.observations.shape == (1024, 2)
        for sample in (second, again):
            assert torch.equal(first.observations, sample.observations)
            assert torch.equal(first.actions, sample.actions)
        assert first.actions.abs().max() <= 1
        assert abs(float(first.actions.mean())) < 0.1
        assert float(first.actions.std()) == pytest.approx(3**-0.5, abs=0.03)
        # They follow from each other within an episode of 20 steps: 0.5 a is added to both positions.
        steps = (first.observations[1:20] - first.observations[:19]).numpy()
        np.testing.assert_allclose(steps, 0.5 * first.actions[:19].numpy() @ np.ones((1, 2)), atol=1e-5)

    def test_then_there_is_no_td_error_no_critic_gradient_and_no_step(self) -> None:
        found = look(agent_of(steps=0))
        undetermined = {name for name, value in found.items() if value is None}
        assert undetermined == {
            *(f"step_size/{name}" for name in ("actor", "critic1", "critic2")),
            *(f"td_error/{name}" for name in ("critic1", "critic2")),
            *(f"norm/gradient/critic{i}{layer}" for i in (1, 2) for layer in ("", ".layer1", ".layer2")),
        }

    def test_all_parts_of_the_replay_buffer_are_in_it(self) -> None:
        agent = agent_of(steps=CAPACITY)
        sample = Sampler(agent, make_line).draw()
        assert sample is not None
        assert sample.replay is not None
        assert agent.replay_buffer is not None
        stored = agent.replay_buffer.observations[:, 0]
        counts = (sample.observations.numpy()[:, None] == stored).all(-1).sum(0)
        assert counts.sum() == 1024
        assert set(counts) <= {19, 20, 21, 22}  # 1024 / 50 each, but for the edges

    def test_an_environment_that_fails_costs_the_diagnostics_and_not_the_run(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        agent = agent_of(steps=0)
        diagnostics = Diagnostics(
            agent,
            lambda: build.build_environment(TrainConfig(env="worlds/Line-v0", env_kwargs=("fails_at=5",))),
            bound=5.0,
            flat=0.05,
        )
        with caplog.at_level(logging.WARNING, "swimrl.training"):
            assert diagnostics.networks().values == {}
            diagnostics.networks()
        (record,) = caplog.records  # told once
        assert "no diagnostics before the replay buffer holds 1024 transitions" in record.getMessage()
        assert "ValueError: the point fell off the line" in record.getMessage()

    def test_observations_are_normalised_as_the_networks_see_them(self) -> None:
        agent = agent_of(steps=0, normalize_obs=True)
        normalisation = agent.get_vec_normalize_env()
        assert isinstance(normalisation, VecNormalize)
        normalisation.obs_rms.mean[:], normalisation.obs_rms.var[:] = 3.0, 4.0
        seen = Sampler(agent, make_line).seen(np.array([[5.0, 1.0]]))
        assert seen.tolist() == [[pytest.approx(1), pytest.approx(-1)]]


@pytest.mark.parametrize(
    ("act", "settings"),
    [
        ("relu", {"td3": {"layer_norm": True}}),
        ("relu", {"normalize_obs": True}),
        ("swim", {"n_envs": 2}),
        ("swim", {"net": "7"}),
        ("swim", {"net": "4x4x4x4x4x4"}),
        ("crelu", {}),
        ("maxout", {"net": "6x4"}),
        ("glu", {"net": "6x4"}),
        ("rrelu", {}),
        ("softmax", {}),
        ("meta_acon(r=2)", {"net": "8x8"}),
        ("lslu", {"engine": "sb3"}),
        ("worlds:Doubled", {}),
        ("worlds:InPlace", {}),
        ("taaf(swim, granularity=neuron)", {"engine": "sb3"}),
        ("swim(k=trainable, granularity=network)", {}),
        ("relu,swim", {"act_critic": "tanh,crelu"}),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_network_can_be_looked_into(act: str, settings: dict[str, Any]) -> None:
    agent = agent_of(act, **{"net": "6x4", **settings})
    for found in (look(agent), look(agent_of(act, steps=0, **{"net": "6x4", **settings}))):
        layers = len(settings.get("net", "6x4").split("x"))
        assert len([name for name in found if name.startswith("units/dead/")]) == 3 * layers
        assert all(np.isfinite(value) for value in found.values() if value is not None)
        shares = [
            value for name, value in found.items() if name.startswith(("units/", "preactivation/outside"))
        ]
        assert all(0 <= share <= 1 for share in shares if share is not None)
    before = {name: (p, p.detach().clone(), p.grad) for name, p in agent.policy.named_parameters()}
    found = look(agent)
    for name, p in agent.policy.named_parameters():
        same, value, grad = before[name]
        assert p is same
        assert p.grad is grad
        assert torch.equal(p, value)
    assert all(value is not None for name, value in found.items() if not name.startswith("units/saturated/"))
    has_slope = found["units/saturated/actor.layer1"] is not None
    assert has_slope == (act.split("(")[0] not in ("crelu", "maxout", "glu", "softmax", "meta_acon"))


class TestSlope:
    def test_is_the_derivative(self) -> None:
        z = torch.linspace(-4, 4, 300).view(10, 30)
        u = z.double() / 2
        root = (1 + u**2).sqrt()
        expected = 0.5 + u / root - 0.5 * (u / root) ** 3  # (1 + 2s - s^3) / 2
        slope = elementwise_slope(activation("swim"), z)
        assert slope is not None
        np.testing.assert_allclose(slope.numpy(), expected.numpy(), atol=1e-6)

    def test_of_a_module_of_ones_own(self) -> None:
        z = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
        slope = elementwise_slope(activation("worlds:Doubled"), z)
        assert slope is not None
        np.testing.assert_allclose(slope.numpy(), (2 - 2 * torch.tanh(2 * z) ** 2).numpy(), atol=1e-6)
        before = z.clone()
        slope = elementwise_slope(activation("worlds:InPlace"), z)
        assert slope is not None
        assert torch.equal(slope, (z > 0).float())
        assert torch.equal(z, before)

    @pytest.mark.parametrize("name", ["softmax", "abrelu", "oplu", "poly_norm"])
    def test_there_is_none_where_units_depend_on_each_other(self, name: str) -> None:
        z = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
        assert elementwise_slope(activation(name, width=6), z) is None


class TestLearnedParameters:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("swim(k=trainable)", {"k": 0.5}),
            ("aulu", {"beta1": 0.5**0.5, "beta2": 0.5**0.5, "alpha1": 0.5, "alpha2": 0.5, "asymmetry": 0}),
            ("aulu(beta1=1, beta2=trainable(2))", {"beta2": 2, "alpha1": 1, "alpha2": 4, "asymmetry": 0.6}),
            ("xielu", {"a_p": 0.8, "a_n": 0.8}),  # the effective alphas, not the raw 0.203 and -1.05
            ("taaf(swim, gamma=trainable)", {"alpha": 1, "beta": 1, "gamma": 0, "delta": 0}),
            ("lslu", {f"{n}.{i}": float(n == "theta") for n in ("theta", "omega") for i in (1, 2, 3)}),
            ("relu", {}),
        ],
    )
    def test_are_named_and_drawn(self, name: str, expected: dict[str, float]) -> None:
        agent = agent_of(name, steps=0)
        layers = [f"{n}.layer{i}" for n in ("actor", "critic1", "critic2") for i in (1, 2)]
        found = {key: value for key, value in look(agent).items() if key.startswith("parameter/")}
        assert found == {
            f"parameter/{key}/{layer}": pytest.approx(value, abs=1e-6)
            for key, value in expected.items()
            for layer in layers
        }
        curves = learned_curves(agent)
        assert list(curves) == (layers if expected else [])
        for drawn in curves.values():
            x = torch.linspace(-5, 5, 201)
            np.testing.assert_allclose(
                drawn[1], activation(name, width=6)(x[:, None]).detach()[:, 0], atol=1e-6
            )
            np.testing.assert_array_equal(drawn[0], drawn[2])

    @pytest.mark.parametrize("act", ["aulu", "lslu", "xielu", "taaf(tanh)"])
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_move_as_the_agent_learns(self, act: str) -> None:
        agent = agent_of(act, steps=0)
        before, curves = look(agent), learned_curves(agent)
        agent.learn(70)
        after = look(agent)
        names = [name for name in before if name.startswith("parameter/") and "critic" in name]
        assert sum(before[name] != after[name] for name in names) > len(names) / 2
        moved = {name: not np.array_equal(curves[name], now) for name, now in learned_curves(agent).items()}
        assert moved["critic1.layer1"]
        picture = draw(learned_curves(agent), curves)
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert picture.std() > 5

    def test_of_each_neuron_are_summed_up(self) -> None:
        module = activation("aulu(granularity=neuron)", width=12)
        with torch.no_grad():
            module.beta1[:], module.beta2[:] = 1.0, 2.0
            module.beta2[:6] = -2.0  # the sign means nothing
        shown = shown_parameters(module)
        assert shown["asymmetry"].tolist() == [pytest.approx(0.6)] * 12
        agent = agent_of("aulu(granularity=neuron)", net="12x3", steps=0)
        found = look(agent)
        assert found["parameter/beta1.mean/actor.layer1"] == pytest.approx(0.5**0.5)
        assert found["parameter/beta1.spread/actor.layer1"] == 0
        assert found["parameter/asymmetry.mean/actor.layer1"] == pytest.approx(0)
        assert found["parameter/beta1.3/actor.layer2"] == pytest.approx(0.5**0.5)

    def test_neurons_that_differ_are_drawn_as_a_band(self) -> None:
        module = activation("swim(k=trainable, granularity=neuron)", width=3)
        with torch.no_grad():
            module.k[:] = torch.tensor([0.25, 0.5, 4.0])
        found = curve(module, 3)
        assert found is not None
        x = np.linspace(-5, 5, 201)
        each = np.array([x / 2 * (1 + k * x / np.sqrt(1 + k**2 * x**2)) for k in (0.25, 0.5, 4)])
        np.testing.assert_allclose(found, [each.min(0), each.mean(0), each.max(0)], atol=1e-5)

    def test_what_mixes_units_has_parameters_and_no_curve(self) -> None:
        agent = agent_of("poly_norm", steps=0)
        assert look(agent)["parameter/weight.1/actor.layer1"] == pytest.approx(1 / 3)
        assert learned_curves(agent) == {}


class TestBias:
    def recorded(self, agent: TD3, rewards: list[float], *, terminated: bool) -> dict[str, float | None]:
        steps = len(rewards)
        starts = np.array([[1.0, 2.0], [3.0, -1.0]])
        done = Rollouts(
            np.full(2, sum(rewards)),
            np.full(2, steps),
            np.full(2, terminated),
            np.full(2, not terminated),
            observations=[start + np.arange(steps + 1)[:, None] for start in starts],
            actions=[np.zeros((steps, 1), np.float32)] * 2,
            rewards=[np.array(rewards)] * 2,
        )
        gait = Gait(done, build.build_environment(TrainConfig(env="worlds/Line-v0")))
        return diagnostics_of(agent).evaluation(gait)

    def test_is_the_first_critics_value_less_the_discounted_return(self) -> None:
        agent = agent_of("relu", td3={"gamma": 0.5})
        found = self.recorded(agent, [4.0, 2.0, 8.0], terminated=True)
        states = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
        with torch.no_grad():
            values = agent.critic(states, agent.actor(states))[0]
        assert found["value/estimate"] == pytest.approx(float(values.mean()), rel=1e-5)
        assert found["value/return"] == 4 + 1 + 2
        assert found["value/bias"] == pytest.approx(float(values.mean()) - 7, rel=1e-5)

    def test_is_undetermined_where_the_episode_was_cut_off_early(self) -> None:
        found = self.recorded(agent_of("relu", td3={"gamma": 0.5}), [1.0] * 6, terminated=False)
        assert found["value/estimate"] is not None
        assert (found["value/return"], found["value/bias"]) == (None, None)

"""What a user changes on modules, parameters and optimisers has the effect that it has with engine sb3."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrize, prune
from torch.optim import optimizer as torch_optimizer

import swimrl
from swimrl.activations import activation

BATCH = 16


def new_agent(engine: str) -> swimrl.TD3:
    agent = swimrl.TD3(
        "MlpPolicy",
        "Pendulum-v1",
        buffer_size=60,
        learning_starts=50,
        batch_size=BATCH,
        policy_kwargs={"net_arch": [8, 7], "activation_fn": ["swim(k=trainable)", "tanh"]},
        engine=engine,
        seed=0,
        device="cpu",
        exploration_noise=0,
    )
    agent.learn(50)
    return agent


CALLS: list[int] = []
"""One entry for each call of a hook or of a method that the user replaced."""


def counted(*_: object, **__: object) -> None:
    CALLS.append(1)


def then(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, counted."""

    def call(*args: Any, **kwargs: Any) -> Any:
        counted()
        return method(*args, **kwargs)

    return call


def in_all_groups(agent: swimrl.TD3, **settings: object) -> None:
    for optimizer in (agent.actor.optimizer, agent.critic.optimizer):
        for group in optimizer.param_groups:
            group.update(settings)


def replace_method(owner: object, name: str) -> None:
    setattr(owner, name, then(getattr(owner, name)))


def of_class(module: nn.Module, **names: object) -> None:
    module.__class__ = type("Mine", (type(module),), names)


def tie(agent: swimrl.TD3) -> None:
    """Let both critics share their output layers, in the network and in the target."""
    for critic in (agent.critic, agent.critic_target):
        first, second = critic.q_networks
        second[4].weight = first[4].weight
    agent.critic.optimizer = torch.optim.Adam(agent.critic.parameters())


def freeze_by_optimizer(agent: swimrl.TD3) -> None:
    agent.critic.optimizer = torch.optim.Adam(agent.critic.qf0.parameters(), lr=1e-3)


def remove_moments(agent: swimrl.TD3) -> None:
    optimizer = agent.critic.optimizer
    parameter = agent.critic.qf1[2].weight
    if parameter in optimizer.state:
        del optimizer.state[parameter]


def one_more_group(agent: swimrl.TD3) -> None:
    optimizer = agent.actor.optimizer
    moved = optimizer.param_groups[0]["params"].pop(0)
    optimizer.add_param_group({"params": [moved], "betas": (0.5, 0.9), "lr_scale": 3.0})


def same_moments(agent: swimrl.TD3, name: str, replace: bool) -> None:
    """Set one parameter's moment, in place or by another tensor."""
    state = agent.critic.optimizer.state.get(agent.critic.qf1[2].weight)
    if not state:
        return
    if replace:
        state[name] = torch.full_like(state[name], 0.5)
    else:
        state[name].fill_(0.5)


def own_actor(agent: swimrl.TD3) -> None:
    agent.actor = agent.policy.make_actor()
    agent.actor.optimizer = torch.optim.Adam(agent.actor.parameters())


CHANGES: dict[str, Callable[[swimrl.TD3], object]] = {
    # parameters
    "frozen layer": lambda a: a.critic.qf0[0].requires_grad_(False),
    "frozen bias": lambda a: a.actor.mu[0].bias.requires_grad_(False),
    "frozen activation": lambda a: a.actor.mu[1].requires_grad_(False),
    "numbers in place": lambda a: a.actor.mu[0].weight.data.mul_(0.5),
    "numbers in other memory": lambda a: setattr(a.actor.mu[0].weight, "data", torch.full((8, 3), 0.1)),
    "another parameter": lambda a: setattr(a.actor.mu[0], "weight", nn.Parameter(torch.full((8, 3), 0.1))),
    "tensor hook": lambda a: a.actor.mu[0].weight.register_hook(counted),
    "tensor hook that halves": lambda a: a.critic.qf0[2].weight.register_hook(lambda g: g / 2),
    "post-accumulate hook": lambda a: a.actor.mu[0].weight.register_post_accumulate_grad_hook(counted),
    "tied layers": tie,
    # modules
    "forward hook": lambda a: a.actor.mu[1].register_forward_hook(counted),
    "forward hook that changes": lambda a: a.critic.qf0[1].register_forward_hook(lambda m, x, y: 2 * y),
    "forward pre-hook": lambda a: a.critic_target.register_forward_pre_hook(counted),
    "backward hook": lambda a: a.critic.qf1[2].register_full_backward_hook(counted),
    "backward pre-hook": lambda a: a.critic.qf1[2].register_full_backward_pre_hook(counted),
    "another activation": lambda a: a.actor.mu.__setitem__(3, activation("softplus")),
    "an activation of PyTorch": lambda a: a.actor.mu.__setitem__(3, nn.GELU()),
    "another activation in the target": lambda a: a.critic_target.qf1.__setitem__(3, activation("relu")),
    "a layer more": lambda a: a.actor.mu.insert(1, nn.Hardtanh(-0.1, 0.1)),
    "forward replaced": lambda a: replace_method(a.actor.mu[3], "forward"),
    "q1_forward replaced": lambda a: replace_method(a.critic, "q1_forward"),
    "extract_features replaced": lambda a: replace_method(a.actor_target, "extract_features"),
    "class replaced": lambda a: of_class(a.actor.mu[3], forward=lambda self, x: x.clamp(-0.1, 0.1)),
    "parametrization": lambda a: [
        parametrize.register_parametrization(critic.qf0[2], "weight", nn.Hardtanh(-0.1, 0.1))
        for critic in (a.critic, a.critic_target)
    ],
    "pruning": lambda a: [
        prune.l1_unstructured(actor.mu[2], "weight", amount=0.5) for actor in (a.actor, a.actor_target)
    ],
    "critics list": lambda a: a.critic.q_networks.reverse(),
    "another perceptron": lambda a: [
        setattr(actor, "mu", nn.Sequential(nn.Linear(3, 1), nn.Tanh())) for actor in (a.actor, a.actor_target)
    ],
    "features extractor": lambda a: of_class(
        a.critic.features_extractor, forward=lambda self, x: 2 * x.flatten(1)
    ),
    "target numbers": lambda a: a.critic_target.qf0[0].weight.data.zero_(),
    # optimisers
    "another optimiser": lambda a: setattr(
        a.actor, "optimizer", torch.optim.SGD(a.actor.parameters(), lr=1e-3)
    ),
    "another Adam": lambda a: setattr(
        a.critic, "optimizer", torch.optim.Adam(a.critic.parameters(), betas=(0.5, 0.9))
    ),
    "fewer parameters": freeze_by_optimizer,
    "one more group": one_more_group,
    "step pre-hook": lambda a: a.actor.optimizer.register_step_pre_hook(counted),
    "step post-hook": lambda a: a.critic.optimizer.register_step_post_hook(counted),
    "step replaced": lambda a: replace_method(a.critic.optimizer, "step"),
    "zero_grad replaced": lambda a: replace_method(a.critic.optimizer, "zero_grad"),
    "schedule": lambda a: torch.optim.lr_scheduler.ConstantLR(a.actor.optimizer),
    "moments removed": remove_moments,
    "first moment replaced": lambda a: same_moments(a, "exp_avg", True),
    "first moment in place": lambda a: same_moments(a, "exp_avg", False),
    "second moment replaced": lambda a: same_moments(a, "exp_avg_sq", True),
    "second moment in place": lambda a: same_moments(a, "exp_avg_sq", False),
    "steps of one parameter": lambda a: [
        state["step"].fill_(7) for state in [*a.critic.optimizer.state.values()][:1]
    ],
    # groups
    "group betas": lambda a: in_all_groups(a, betas=(0.5, 0.9)),
    "group eps": lambda a: in_all_groups(a, eps=1e-2),
    "group weight_decay": lambda a: in_all_groups(a, weight_decay=0.1),
    "group decoupled_weight_decay": lambda a: in_all_groups(a, weight_decay=0.1, decoupled_weight_decay=True),
    "group amsgrad": lambda a: in_all_groups(a, amsgrad=True),
    "group maximize": lambda a: in_all_groups(a, maximize=True),
    "group foreach": lambda a: in_all_groups(a, foreach=True),
    "group fused": lambda a: in_all_groups(a, fused=False),
    "group lr_scale": lambda a: in_all_groups(a, lr_scale=2.0),
    "group lr": lambda a: in_all_groups(a, lr=0.5),  # overwritten by the schedule, as by SB3's
    # the agent
    "settings": lambda a: vars(a).update(gamma=0.5, tau=0.1, policy_delay=1, target_noise_clip=0.1),
    "agent's own actor": own_actor,
    "buffer's sample replaced": lambda a: replace_method(a.replay_buffer, "sample"),
    "double precision": lambda a: a.policy.half().float(),
}

NEVER_OFF_AFTER_THE_FIRST_STEP = {"group amsgrad"}
"""Changes that PyTorch's Adam itself refuses after its first step."""


@contextmanager
def seeded() -> Iterator[None]:
    """Let random numbers that a change draws be the same for both engines."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


def numbers(agent: swimrl.TD3) -> torch.Tensor:
    """All that the update changes: the networks that it uses, and the moments."""
    networks = (agent.actor, agent.critic, agent.actor_target, agent.critic_target)
    tensors = [tensor for network in networks for tensor in network.state_dict().values()]
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


def learned(engine: str, change: Callable[[swimrl.TD3], object], updates_before: int) -> tuple[Any, ...]:
    CALLS.clear()
    agent = new_agent(engine)
    if updates_before:
        agent.train(updates_before, BATCH)
    with seeded():
        change(agent)
    with seeded():
        agent.train(4, BATCH)
    return numbers(agent), len(CALLS), agent


@pytest.mark.parametrize("updates_before", [0, 2], ids=["before the first update", "after two updates"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_has_the_effect_that_it_has_with_engine_sb3(
    name: str, updates_before: int, caplog: pytest.LogCaptureFixture
) -> None:
    if updates_before and name in NEVER_OFF_AFTER_THE_FIRST_STEP:
        with pytest.raises(KeyError, match="max_exp_avg_sq"):
            learned("sb3", CHANGES[name], updates_before)
        return
    expected, expected_calls, _ = learned("sb3", CHANGES[name], updates_before)
    caplog.set_level(logging.WARNING, "swimrl.td3")
    ours, calls, agent = learned("fused", CHANGES[name], updates_before)
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-6)
    assert calls == expected_calls
    lines = [record for record in caplog.records if "takes over" in record.getMessage()]
    assert len(lines) == (agent.engine == "sb3")


HAVE_NO_EFFECT_ON_AN_UPDATE = {
    # modules
    *("_buffers", "_non_persistent_buffers_set"),  # of the modules that the engine accepts, none has buffers
    *("_forward_hooks_always_called", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs"),
    *("_is_full_backward_hook", "training"),  # these say how hooks are called
    *("_load_state_dict_post_hooks", "_load_state_dict_pre_hooks"),
    *("_state_dict_hooks", "_state_dict_pre_hooks"),
    # optimisers
    *("_optimizer_load_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks"),
    *("_optimizer_state_dict_post_hooks", "_optimizer_state_dict_pre_hooks"),
    *("_warned_capturable_if_run_uncaptured", "_zero_grad_profile_name", "defaults"),
}
COVERED_ABOVE = {
    *("_backward_hooks", "_backward_pre_hooks", "_forward_hooks", "_forward_pre_hooks"),
    *("_modules", "_parameters", "_post_accumulate_grad_hooks"),
    *("_optimizer_step_post_hooks", "_optimizer_step_pre_hooks", "param_groups", "state"),
}


def test_nothing_that_pytorch_has_is_forgotten() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter])
    tensor_hooks = {name for name in dir(parameter) if name.endswith("_hooks")}
    assert {*vars(nn.Module()), *vars(optimizer), *tensor_hooks} == (
        HAVE_NO_EFFECT_ON_AN_UPDATE | COVERED_ABOVE
    )
    options = set(optimizer.param_groups[0]) - {"params"}
    tried = {name.removeprefix("group ") for name in CHANGES if name.startswith("group ")}
    only_on_a_gpu_or_in_a_graph = {"capturable", "differentiable"}
    assert options == tried - {"lr_scale"} | only_on_a_gpu_or_in_a_graph


def test_hooks_for_all_modules_and_optimisers_are_called() -> None:
    calls = {}
    for engine in ("sb3", "fused"):
        agent = new_agent(engine)
        agent.train(1, BATCH)
        CALLS.clear()
        handles = [
            torch_module.register_module_forward_hook(counted),
            torch_optimizer.register_optimizer_step_post_hook(counted),
        ]
        try:
            agent.train(2, BATCH)
        finally:
            for handle in handles:
                handle.remove()
        calls[engine] = len(CALLS)
    assert calls["fused"] == calls["sb3"] > 0


def test_autocast_is_honoured() -> None:
    agents = [new_agent(engine) for engine in ("fused", "sb3")]
    for agent in agents:
        agent.train(1, BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            agent.train(1, BATCH)
    torch.testing.assert_close(*map(numbers, agents), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "name", ["forward hook", "forward replaced", "an activation of PyTorch", "class replaced"]
)
def test_acting_honours_it_as_well(name: str) -> None:
    received = {}
    for engine in ("sb3", "fused"):
        CALLS.clear()
        agent = new_agent(engine)
        agent.learn(3, reset_num_timesteps=False)
        CHANGES[name](agent)
        agent.gradient_steps = 0
        agent.learn(5, reset_num_timesteps=False)
        received[engine] = torch.from_numpy(agent.replay_buffer.actions[50:58]), len(CALLS)
    torch.testing.assert_close(received["fused"][0], received["sb3"][0], rtol=0, atol=1e-5)
    assert received["fused"][1] == received["sb3"][1]


def test_a_replaced_predict_is_called() -> None:
    agent = new_agent("fused")
    agent.predict = types.MethodType(lambda self, seen, *_, **__: (seen[:, :1] * 0 + 1.5, None), agent)
    agent.gradient_steps = 0
    agent.learn(3, reset_num_timesteps=False)
    assert (agent.replay_buffer.actions[50:53] == 0.75).all()

from __future__ import annotations

import pickle
import sys
import types

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC, TD3

import swimrl
from swimrl.activations import REGISTRY, Activation, activation, activation_fn, register
from swimrl.errors import FormulaError, UnknownNameError


def test_public_functions():
    x = torch.tensor([-1.0, 2.0])
    torch.testing.assert_close(swimrl.activation("silu")(x), torch.nn.functional.silu(x))
    assert isinstance(swimrl.activation_fn("silu")(), Activation)


def test_a_factory_compares_by_what_it_makes():
    first, second = activation_fn("swim(k=0.5)"), activation_fn("swim")
    assert first == second
    assert hash(first) == hash(second)
    assert first != activation_fn("swim(k=1)")
    assert pickle.loads(pickle.dumps(first)) == first
    assert repr(activation_fn("swim(k=1)")) == "activation_fn('swim(k=1)')"


def test_a_mistake_shows_when_the_factory_is_made():
    with pytest.raises(UnknownNameError):
        activation_fn("swimm")
    with pytest.raises(FormulaError):
        activation_fn("no.such.package:Class")


def test_a_pickled_factory_needs_no_registration():
    register("soon_forgotten", "x*sigmoid(b*x); b=3")
    stored = pickle.dumps(activation_fn("soon_forgotten"))
    REGISTRY.remove("soon_forgotten")
    with pytest.raises(UnknownNameError):
        activation("soon_forgotten")
    x = torch.tensor([1.0])
    torch.testing.assert_close(pickle.loads(stored)()(x), x * torch.sigmoid(3 * x))


def test_a_module_by_its_path():
    assert isinstance(activation("torch.nn:Hardtanh"), torch.nn.Hardtanh)
    assert isinstance(activation("torch:nn.Hardswish"), torch.nn.Hardswish)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_package:Class", "cannot import"),
        ("torch.nn:NoSuchClass", "cannot import"),
        ("torch.nn:Linear", "cannot be called without arguments"),
        ("math:pi", "name a class or function"),
        ("collections:OrderedDict", "must make a torch.nn.Module"),
    ],
)
def test_what_is_no_module(path, message):
    with pytest.raises(FormulaError, match=message) as caught:
        activation(path)
    assert "\n" not in str(caught.value)


def test_an_error_inside_somebodys_class_is_not_hidden(monkeypatch):
    module = types.ModuleType("leaking")

    def make():
        raise ZeroDivisionError("theirs")

    module.make = make
    monkeypatch.setitem(sys.modules, "leaking", module)
    with pytest.raises(ZeroDivisionError, match="theirs"):
        activation("leaking:make")


SETTINGS = {
    PPO: {"n_steps": 32, "batch_size": 16, "n_epochs": 1},
    SAC: {"learning_starts": 20, "batch_size": 16, "buffer_size": 200},
    TD3: {"learning_starts": 20, "batch_size": 16, "buffer_size": 200},
}


@pytest.mark.parametrize("name", ["swim(k=trainable)", "expr: x*sigmoid(b*x); b=1", "torch.nn:Mish"])
@pytest.mark.parametrize("algorithm", SETTINGS, ids=lambda algorithm: algorithm.__name__)
def test_stable_baselines3_learns_saves_and_loads(algorithm, name, tmp_path):
    make = activation_fn(name)
    policy_kwargs = {"activation_fn": make, "net_arch": [16, 16]}
    model = algorithm(
        "MlpPolicy",
        gymnasium.make("Pendulum-v1"),
        policy_kwargs=policy_kwargs,
        seed=0,
        device="cpu",
        **SETTINGS[algorithm],
    )
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(40)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.policy.parameters(), strict=True))
    if "trainable" in name:
        slopes = {key: value for key, value in model.policy.named_parameters() if key.endswith(".k")}
        assert len(slopes) >= 4
        assert len({id(value) for value in slopes.values()}) == len(slopes)
        assert any(value.item() != 0.5 for value in slopes.values())

    model.save(tmp_path / "policy")
    loaded = algorithm.load(tmp_path / "policy", device="cpu", env=gymnasium.make("Pendulum-v1"))
    assert loaded.policy_kwargs["activation_fn"] == make
    obs = np.array([[0.1, -0.2, 0.3], [1.0, 0.0, -5.0]], dtype=np.float32)
    np.testing.assert_array_equal(
        model.predict(obs, deterministic=True)[0], loaded.predict(obs, deterministic=True)[0]
    )
    loaded.learn(10, reset_num_timesteps=False)

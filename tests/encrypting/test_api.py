"""A trained policy acts on encrypted observations."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest

import swimrl
from swimrl.approximating.actor import Actor, actor_of
from swimrl.cli import encrypt as command
from swimrl.encrypting import Encrypted, Settings, encrypt
from swimrl.encrypting.network import Linear
from swimrl.encrypting.packing import Packing
from swimrl.encrypting.policy import _needs_mask, check_encryptable, encrypted_policy
from swimrl.encrypting.record import verdict
from swimrl.errors import InputError
from tests.approximating.conftest import SMALL
from tests.encrypting.conftest import case_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose actor has one hidden layer of 12 with x/2 + x^2/8, and normalised observations."""
    out = tmp_path_factory.mktemp("study")
    options = {
        **SMALL,
        "act": "swim",
        "act_actor": "quadratic_gate",
        "net_actor": "12",
        "normalize_obs": True,
    }
    return swimrl.train(out=out, **options)


@pytest.fixture(scope="module")
def acted(trained, tmp_path_factory) -> Encrypted:
    pytest.importorskip("seal", reason="an optional library; pip install 'swimrl[encrypted]'")
    out = tmp_path_factory.mktemp("page")
    return encrypt(trained, Settings(steps=4, episodes=2, calibration_episodes=2), out=out)


def test_encrypted_actions_are_those_of_the_policy(trained, acted):
    np.testing.assert_allclose(acted.played.returns, acted.plain.returns, rtol=1e-4)
    assert acted.played.lengths.tolist() == [4, 4]
    assert acted.error_bits is not None
    assert acted.error_bits >= 20
    assert acted.equal == 1.0
    assert acted.outside == 0
    assert acted.control_s == pytest.approx(0.05)  # the pendulum's


def test_the_network_is_the_actor(trained):
    actor = actor_of(trained)
    observations = np.random.default_rng(0).normal(size=(40, 3))
    policy = encrypted_policy(actor, observations)
    actions = actor.in_units(np.tanh(policy.outputs(actor.normalised(observations))))
    np.testing.assert_allclose(actions, actor.act(observations, actor.functions), atol=1e-9)
    assert not any(policy.is_outside(x) for x in actor.normalised(observations))
    assert policy.is_outside(np.full(3, 100.0))


def test_record_and_page(trained, acted):
    record = json.loads(acted.record.read_text())
    assert record["parameters"]["log_ring"] == 13
    assert record["parameters"]["modulus_bits"] == 217
    assert len(record["returns"]) == 2
    page = acted.page.read_text()
    for text in ("N = 2^13", "217 bits of at most 218", "2020/1533", "<svg", verdict(acted)):
        assert text in page


@pytest.mark.parametrize(
    ("control_s", "expected"),
    [(9.0, "and keeps"), (1e-9, "does not keep"), (None, "names no control interval")],
)
def test_the_verdict_compares_with_the_control_interval(acted, control_s, expected):
    assert expected in verdict(dataclasses.replace(acted, control_s=control_s))


def test_the_command(trained, acted, tmp_path, capsys):
    command.run(command.Args(trained.path, steps=1, out=tmp_path))
    printed = capsys.readouterr().out
    for text in ("Ring: N = 2^13", "Keys: ", "Episode 1: return", "Security: CKKS", "page "):
        assert text in printed


def test_slots_between_the_units_are_cleared_where_they_leave_the_bound():
    """Rows of large numbers whose sums are small: sums of parts of two rows are large."""
    case = case_of((5, 8, 8, 2), "swish 6")
    first, second, last = case.network.layers
    wild = second.weight.copy()
    wild[:, ::2], wild[:, 1::2] = 50.0, -50.0
    alternating = dataclasses.replace(
        first, weight=np.repeat(first.weight[::2], 2, axis=0), bias=first.bias * 0
    )
    calm = dataclasses.replace(case.network, layers=(alternating, second, last))
    large = dataclasses.replace(case.network, layers=(alternating, Linear(wild, second.bias), last))
    slots = case.plan().slots
    assert _needs_mask(Packing(large, slots), case.x)
    assert not _needs_mask(Packing(calm, slots), 0.1 * case.x)


def test_at_most_two_hidden_layers(trained):
    actor = actor_of(trained)
    deep = Actor(actor.controller, actor.activations * 3, actor.functions * 3)
    with pytest.raises(InputError, match="3 hidden layers; encrypted ones are at most 2"):
        check_encryptable(deep)


def test_without_the_library(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "seal", None)
    with pytest.raises(InputError, match=r"pip install 'swimrl\[encrypted\]'"):
        encrypt(trained)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episodes": 0}, "--episodes is 0; expected at least 1"),
        ({"steps": 0}, "--steps is 0"),
        ({"round_bits": 31}, "--round-bits is 31; expected 1 to 30"),
        ({"margin": 0.5}, "--margin is 0.5"),
        ({"ring": "large"}, "--ring is 'large'; expected auto"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(InputError, match=message):
        Settings(**settings)

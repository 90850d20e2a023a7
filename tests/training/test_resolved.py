"""Settings in one form."""

from __future__ import annotations

import pytest

from swimrl.errors import FormulaError, UnknownNameError
from swimrl.training.config import TrainConfig
from swimrl.training.resolved import resolve


def names(act: str, net: str = "8x8") -> list[str]:
    return [spec.canonical for spec in resolve(TrainConfig(act=act, net=net)).actor]


def test_there_is_one_canonical_activation_for_each_layer() -> None:
    assert names("silu") == ["swish", "swish"]
    assert names("relu, swim(k = 1)") == ["relu", "swim(k=1)"]
    with pytest.raises(UnknownNameError):
        names("swimm")
    with pytest.raises(FormulaError):
        names("swim(q=1)")


def test_equal_settings_look_equal_and_once_is_enough() -> None:
    resolved = resolve(TrainConfig(act="relu", act_actor="silu,swish", act_critic="swish(beta=1)", net="8x8"))
    assert resolved.config == TrainConfig(act="swish", net="8x8")
    assert resolved.actor == resolved.critic
    assert resolve(resolved.config) == resolved
    assert resolve(TrainConfig(act="relu", net="8x8", net_actor="8x8")).config == TrainConfig(
        act="relu", net="8x8"
    )

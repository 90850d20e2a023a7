"""What one run is made of."""

from __future__ import annotations

import math
from typing import Any

import pytest

from swimrl.errors import ConfigError
from swimrl.training.config import TrainConfig


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1e6", 1e6),
        ("5", 5),
        ("0.5", 0.5),
        ("true", True),
        ("word", "word"),
        ("[0.7, 1e3]", [0.7, 1e3]),
        ("[7e-1, inf]", [0.7, math.inf]),
        ("010", 10),
        ("1:30", "1:30"),
        ("", None),
    ],
)
def test_arguments_of_the_environment_are_yaml_scalars(text: str, value: object) -> None:
    arguments = TrainConfig(env_kwargs=(f"name={text}",)).environment_arguments()
    assert arguments == {"name": value}
    assert type(arguments["name"]) is type(value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "--steps is 0; expected a whole number of at least 1"),
        ({"n_envs": -1}, "--n-envs is -1; expected a whole number of at least 1"),
        ({"eval_episodes": 0}, "--eval-episodes is 0; expected a whole number of at least 1"),
        ({"final_episodes": -1}, "--final-episodes is -1; expected a whole number of at least 0"),
        ({"seed": 2**30}, "seed 1073741824 is out of range"),
        ({"net": "16x"}, "--net '16x' is no network"),
        ({"net": "16x99999"}, "--net '16x99999' is no network"),
        ({"act": "relu,swim,elu"}, "--act names 3 activations for --net 256x256, whose depth is 2"),
        ({"act": "relu,swim", "act_critic": "elu,elu,elu"}, "--act-critic names 3 activations"),
        (
            {"env_kwargs": ("render_mode=human",)},
            "--env-kwargs 'render_mode=human' would draw every environment",
        ),
        ({"env_kwargs": ("1a=2",)}, "--env-kwargs '1a=2' is not of the form name=value"),
        ({"precision": "bf16", "engine": "sb3"}, "--precision bf16 needs --engine fused"),
    ],
)
def test_values_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        TrainConfig(**settings)
    assert str(error.value).startswith(message)


def test_actor_and_critic_may_differ() -> None:
    config = TrainConfig(act="relu", act_critic="elu", net="8x16x32")
    assert config.actor_activation == "relu"
    assert config.critic_activation == "elu"
    assert config.hidden_widths == [8, 16, 32]
    assert TrainConfig(act="relu", act_actor="tanh").actor_activation == "tanh"
    small = TrainConfig(act="relu", act_critic="elu,swim", net="8x16", net_actor="4")
    assert (small.actor_widths, small.hidden_widths) == ([4], [8, 16])
    assert config.actor_widths == config.hidden_widths

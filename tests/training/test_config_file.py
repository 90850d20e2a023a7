"""Settings from YAML."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping, to_mapping
from swimrl.runs.naming import UNDECISIVE, configuration_hash
from swimrl.td3.config import TD3Config
from swimrl.training.config import TrainConfig
from swimrl.training.config_file import load

CONFIGS = Path(__file__).parents[2] / "configs"

# For each setting a value that is not its default.
OTHER: dict[str, Any] = {
    "env": "Hopper-v4",
    "act": "relu",
    "act_actor": "tanh",
    "act_critic": "elu",
    "steps": 7,
    "seed": 7,
    "engine": "sb3",
    "threads": 2,
    "precision": "bf16",
    "device": "cpu",
    "net": "16x16x16",
    "net_actor": "16",
    "start_from": "runs/default/{env}/swim-1a2b3c4d/seed-{seed}",
    "match_parameters": "relu",
    "n_envs": 2,
    "normalize_obs": True,
    "env_kwargs": ("ctrl_cost_weight=0.5",),
    "imports": ("json",),
    "callback": ("package.module:Class",),
    "eval_every": 7,
    "eval_episodes": 7,
    "final_episodes": 7,
    "checkpoint_every": 7,
    "diagnose_every": 7,
    "diagnose_bound": 7.0,
    "diagnose_flat": 0.7,
    "video_every": 7,
}
OTHER_TD3: dict[str, Any] = {
    "lr": 0.5,
    "activation_lr": 0.5,
    "weight_decay": 0.5,
    "batch_size": 7,
    "buffer_size": 7,
    "learning_starts": 7,
    "updates_per_step": 7,
    "gamma": 0.5,
    "tau": 0.5,
    "policy_delay": 7,
    "exploration_noise": 0.7,
    "target_noise": 0.7,
    "noise_clip": 0.7,
    "init": "variance",
    "layer_norm": True,
    "range_penalty": 0.1,
    "range_bound": 4.0,
    "activation_noise": 0.1,
    "noise_side": "negative",
}


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_numbers_are_read_by_the_type_of_their_field(tmp_path: Path) -> None:
    """YAML 1.1 takes 3e-4 and 1e6 for strings, and 1_000 for a number."""
    text = "steps: 1e6\neval_every: 1_000\nseed: 7\ntd3:\n  lr: 3e-4\n  tau: 1\n  batch-size: '64'\n"
    config = load(write(tmp_path, text), TrainConfig)
    assert (config.steps, config.eval_every, config.seed) == (1_000_000, 1000, 7)
    assert (config.td3.lr, config.td3.tau, config.td3.batch_size) == (0.0003, 1.0, 64)
    numbers = (config.steps, config.td3.tau, config.td3.batch_size)
    assert [type(number) for number in numbers] == [int, float, int]


def test_a_leading_zero_does_not_mean_base_8(tmp_path: Path) -> None:
    """YAML 1.1 reads 010 as 8."""
    config = load(write(tmp_path, "seed: 010\ndiagnose_bound: .5\n"), TrainConfig)
    assert (config.seed, config.diagnose_bound) == (10, 0.5)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, ""), TrainConfig) == TrainConfig()
    assert load(write(tmp_path, "td3:\n  gamma: 0.5\n"), TrainConfig) == TrainConfig(td3=TD3Config(gamma=0.5))


def test_lists_and_mappings_of_arguments(tmp_path: Path) -> None:
    text = "env_kwargs: {ctrl_cost_weight: 0.05, terminate_when_unhealthy: false}\nimports: json\n"
    config = load(write(tmp_path, text), TrainConfig)
    assert config.environment_arguments() == {"ctrl_cost_weight": 0.05, "terminate_when_unhealthy": False}
    assert config.imports == ("json",)
    listed = load(write(tmp_path, "env_kwargs: [a=1, b=x]\n"), TrainConfig)
    assert listed.environment_arguments() == {"a": 1, "b": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 1.5", "steps is 1.5; expected a whole number, such as 1000 or 1e6"),
        ("steps: 1:30", "steps is '1:30'; expected a whole number, such as 1000 or 1e6"),
        ("steps: 2026-01-01", "steps is '2026-01-01'; expected a whole number, such as 1000 or 1e6"),
        ("steps: .inf", "steps is Infinity; expected a whole number, such as 1000 or 1e6"),
        ("steps: null", "steps is null; expected a whole number, such as 1000 or 1e6"),
        ("seed: true", "seed is true; expected a whole number, such as 1000 or 1e6"),
        ("td3: {lr: false}", "td3.lr is false; expected a number, such as 0.01 or 3e-4"),
        ("normalize_obs: 1", "normalize_obs is 1; expected true or false"),
        ("env: [a]", 'env is ["a"]; expected text'),
        ("engine: 3", "engine is 3; expected one of fused, sb3"),
        ("imports: 3", "imports is 3; expected a list"),
        ("imports: [[a]]", 'imports is ["a"]; expected text'),
        ("td3: {lr: {a: 1}}", 'td3.lr is {"a": 1}; expected a number, such as 0.01 or 3e-4'),
        ("sead: 1", "unknown key sead; did you mean seed?"),
        ("td3: {gamma: 2}", "--td3.gamma is 2.0; expected a number from 0 to 1"),
    ],
)
def test_a_message_names_file_key_and_what_is_expected(text: str, message: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load(file, TrainConfig)
    assert str(error.value) == f"{file}: {message}"


def test_a_key_with_nothing_near_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key td3\.zzz; known are lr, activation_lr, weight_decay"):
        load(write(tmp_path, "td3: {zzz: 1}"), TrainConfig)


def test_a_key_in_both_spellings_is_given_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key eval-every is given twice"):
        load(write(tmp_path, "eval_every: 1\neval-every: 2\n"), TrainConfig)


def test_every_setting_survives_json_and_yaml() -> None:
    config = TrainConfig(**OTHER | {"engine": "fused"}, td3=TD3Config(**OTHER_TD3))
    assert {f.name for f in dataclasses.fields(TrainConfig)} == {*OTHER, "td3"}
    assert {f.name for f in dataclasses.fields(TD3Config)} == {*OTHER_TD3}
    mapping = to_mapping(config)
    assert from_mapping(TrainConfig, json.loads(json.dumps(mapping)), source="json") == config
    assert from_mapping(TrainConfig, yaml.safe_load(yaml.safe_dump(mapping)), source="yaml") == config


@pytest.mark.parametrize("name", [*OTHER, *(f"td3.{name}" for name in OTHER_TD3)])
def test_every_setting_that_decides_a_number_is_in_the_hash(name: str) -> None:
    if name.startswith("td3."):
        field = name.removeprefix("td3.")
        other = TrainConfig(td3=TD3Config(**{field: OTHER_TD3[field]}))
    else:
        other = TrainConfig(**{name: OTHER[name]})
    is_equal = configuration_hash(to_mapping(TrainConfig())) == configuration_hash(to_mapping(other))
    assert is_equal == (name in UNDECISIVE)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_configurations_of_the_repository_can_be_read(file: Path) -> None:
    assert load(file, TrainConfig) != TrainConfig()

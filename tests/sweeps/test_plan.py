"""From axes and seeds to runs: pure, ordered seed by seed, each run in a place of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from swimrl.errors import ConfigError, SwimrlError
from swimrl.sweeps.axes import parse_axis, parse_seeds
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.plan import expand
from swimrl.td3.config import TD3Config
from swimrl.training.config import TrainConfig

STUDY = Path("nowhere/study")


def names(runs: tuple[PlannedRun, ...]) -> list[tuple[str, str, int]]:
    return [(run.config.env, run.config.act, run.config.seed) for run in runs]


def test_all_arms_of_a_seed_come_before_the_next_seed() -> None:
    axes = {"env": ["Hopper-v4", "Ant-v4"], "act": ["swim", "relu"]}
    runs = expand(TrainConfig(), axes, [3, 1], STUDY)
    one_seed = [("Hopper-v4", "swim"), ("Hopper-v4", "relu"), ("Ant-v4", "swim"), ("Ant-v4", "relu")]
    assert names(runs) == [(env, act, seed) for seed in (3, 1) for env, act in one_seed]


def test_expanding_twice_gives_the_same_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    axes = {"act": ["swim", "relu"], "td3.lr": [1e-4, "3e-4"]}
    first, second = (expand(TrainConfig(), axes, range(3), STUDY) for _ in range(2))
    assert [(run.config, run.directory.path) for run in first] == [
        (run.config, run.directory.path) for run in second
    ]
    assert axes == {"act": ["swim", "relu"], "td3.lr": [1e-4, "3e-4"]}
    assert list(tmp_path.iterdir()) == []


def test_a_run_lives_in_environment_variant_and_seed() -> None:
    runs = expand(TrainConfig(act="expr: x*sigmoid(b*x); b=1.5"), {"td3.lr": [1e-4, 1e-3]}, [0, 1], STUDY)
    paths = [run.directory.path.relative_to(STUDY) for run in runs]
    assert all(re.fullmatch(r"HalfCheetah-v4/[\w.+-]+-[0-9a-f]{8}/seed-[01]", str(path)) for path in paths)
    # The hash is that of the settings without the seed.
    assert paths[0].parent == paths[2].parent != paths[1].parent == paths[3].parent


@pytest.mark.parametrize(
    ("key", "values", "chosen"),
    [
        ("td3.lr", ["1e-4", 3e-4], [1e-4, 3e-4]),
        ("td3.gamma", ["0.9"], [0.9]),
        ("td3.init", ["orthogonal"], ["orthogonal"]),
        ("td3.layer-norm", [True, False], [True, False]),
        ("td3.batch_size", ["1e2"], [100]),
        ("net", ["64x64", "256"], ["64x64", "256"]),
        ("normalize_obs", [True], [True]),
        ("act", ["swim(k=1)", ["relu", "swim"]], ["swim(k=1)", "relu,swim"]),
        ("act_critic", ["elu"], ["elu"]),
        ("env_kwargs", [["ctrl_cost_weight=0.1"], []], [("ctrl_cost_weight=0.1",), ()]),
    ],
)
def test_any_setting_can_be_an_axis(key: str, values: list[Any], chosen: list[Any]) -> None:
    runs = expand(TrainConfig(), {key: values}, [0], STUDY)
    found = []
    for run in runs:
        value: Any = run.config
        for part in key.replace("-", "_").split("."):
            value = getattr(value, part)
        found.append(value)
    assert found == chosen
    assert len({run.directory.path for run in runs}) == len(values)


def test_what_is_no_axis_is_as_in_the_base() -> None:
    base = TrainConfig(net="32x32", td3=TD3Config(tau=0.5, lr=0.1))
    (run,) = expand(base, {"td3.lr": [0.2]}, [4], STUDY)
    assert (run.config.net, run.config.td3.tau, run.config.td3.lr, run.config.seed) == ("32x32", 0.5, 0.2, 4)


@pytest.mark.parametrize(
    ("axes", "seeds", "message"),
    [
        ({"td3.lrr": [1]}, [0], r"unknown key td3\.lrr; did you mean td3\.lr\?"),
        ({"steps.many": [1]}, [0], "steps is .*; expected a whole number"),
        ({"act": []}, [0], "act has no values"),
        ({"act": ["swim"]}, [], "seeds has no values"),
        ({"seed": [1]}, [0], "give --seeds"),
        ({"act": ["silu", "swish"]}, [0], "two runs of the study have one place: act swish, seed 0"),
        ({"steps": [10, 20]}, [0], "steps and checkpoint_every do not count"),
        ({"td3.gamma": [2]}, [0], "gamma"),
    ],
)
def test_what_makes_no_study_is_refused(axes: dict[str, Any], seeds: list[int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        expand(TrainConfig(), axes, seeds, STUDY)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(SwimrlError, match="swimm"):
        expand(TrainConfig(), {"act": ["swimm"]}, [0], STUDY)


@pytest.mark.parametrize(
    ("texts", "seeds"),
    [
        (["0-3"], (0, 1, 2, 3)),
        (["5"], (5,)),
        (["0,3", "7-8"], (0, 3, 7, 8)),
        (["1000-1002"], (1000, 1001, 1002)),
    ],
)
def test_seeds(texts: list[str], seeds: tuple[int, ...]) -> None:
    assert parse_seeds(texts) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "3-1", "-1", "1-", "0-9999", "1,1", "0-2,1", "1.5", "0-99999999999"]
)
def test_what_are_no_seeds(text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape("--seeds") + "|seed"):
        parse_seeds([text])


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("td3.lr=1e-4,3e-4", ("td3.lr", ["1e-4", "3e-4"])),
        ("act=swim(k=1),pau(a=1, b=2)", ("act", ["swim(k=1)", "pau(a=1, b=2)"])),
        ("act=[relu,swim],elu", ("act", [["relu", "swim"], "elu"])),
        ("normalize_obs=true,false", ("normalize_obs", [True, False])),
        ("act=expr: x*b; b=2", ("act", ["expr: x*b; b=2"])),
    ],
)
def test_an_axis_of_the_command_line(text: str, axis: tuple[str, list[Any]]) -> None:
    assert parse_axis(text) == axis


@pytest.mark.parametrize("text", ["td3.lr", "=1", "td3.lr=", "td3.lr=1,,2", "act=swim(k=1", "act=swim)"])
def test_what_is_no_axis(text: str) -> None:
    with pytest.raises(ConfigError, match="--grid"):
        parse_axis(text)


def test_points_vary_settings_together_and_give_the_same_runs_as_axes() -> None:
    points = [{"act": "swim", "td3.lr": 1e-3}, {"act": "relu", "td3.lr": "1e-4"}]
    runs = expand(TrainConfig(), {"env": ["Hopper-v4", "Ant-v4"]}, [0], STUDY, points)
    assert [(run.config.act, run.config.td3.lr, run.config.env) for run in runs] == [
        ("swim", 1e-3, "Hopper-v4"),
        ("swim", 1e-3, "Ant-v4"),
        ("relu", 1e-4, "Hopper-v4"),
        ("relu", 1e-4, "Ant-v4"),
    ]
    axes = {"env": ["Hopper-v4", "Ant-v4"], "act": ["swim", "relu"], "td3.lr": [1e-3, 1e-4]}
    all_of_them = {run.directory.path for run in expand(TrainConfig(), axes, [0], STUDY)}
    assert {run.directory.path for run in runs} < all_of_them


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"act": "swim"}, "points set act, which varies otherwise too; leave act out of axes"),
        ({"seed": 3}, "points set seed, which varies otherwise too; give --seeds"),
        ({"td3.lrr": 3}, "unknown key td3.lrr; did you mean td3.lr"),
    ],
)
def test_a_wrong_point_is_refused(point: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        expand(TrainConfig(), {"act": ["swim", "relu"]}, [0], STUDY, [point])

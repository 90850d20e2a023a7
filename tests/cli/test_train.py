"""``swimrl train``: what the command line and YAML make of a run. Runs themselves: ``tests/training``."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from swimrl.cli.app import main
from swimrl.fields import from_mapping
from swimrl.training.config import TrainConfig
from tests.training.small_runs import LINE


def dry_run(options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what ``swimrl train --dry-run`` prints."""
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(options), "--dry-run"])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    return json.loads(said.out)


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A YAML file with some settings."""
    file = tmp_path / "quick.yaml"
    text = "env: Ant-v5\nact: relu\nsteps: 5e4\nnormalize_obs: true\ntd3: {lr: 1e-3, tau: 0.01}\n"
    file.write_text(text)
    return file


def test_a_dry_run_shows_the_resolved_settings_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = dry_run("--env Hopper-v4 --act silu --act-critic 'swim(k = 1.0)' --steps 1e5 --seed 2", capsys)
    directory = shown.pop("directory")
    assert re.fullmatch(r"runs/default/Hopper-v4/swish\+critic-swim-k1-[0-9a-f]{8}/seed-2", directory)
    config = from_mapping(TrainConfig, shown, source="dry run")
    assert (config.act, config.act_actor, config.act_critic) == ("swish", None, "swim(k=1)")
    assert (config.env, config.steps, config.seed) == ("Hopper-v4", 100_000, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("one", ["silu", "swish", "swish(beta=1)", "swish,swish", " swish( beta = 1.0 ) "])
def test_equal_runs_share_a_place(one: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = dry_run("--act swish --steps 10", capsys)["directory"]
    assert dry_run(f"--act '{one}' --steps 20", capsys)["directory"] == expected
    assert dry_run(f"--act-actor '{one}' --act-critic silu", capsys)["directory"] == expected
    assert dry_run(f"--act '{one}' --td3.lr 1e-3", capsys)["directory"] != expected


def test_defaults_are_the_authors(capsys: pytest.CaptureFixture[str]) -> None:
    """github.com/sfujim/TD3, main.py and TD3.py."""
    shown = dry_run("", capsys)
    assert (shown["steps"], shown["eval_every"], shown["eval_episodes"]) == (1_000_000, 5000, 10)
    assert shown["net"] == "256x256"
    td3 = shown["td3"]
    assert (td3["learning_starts"], td3["batch_size"], td3["lr"]) == (25_000, 256, 3e-4)
    assert (td3["gamma"], td3["tau"], td3["policy_delay"]) == (0.99, 0.005, 2)
    assert (td3["exploration_noise"], td3["target_noise"], td3["noise_clip"]) == (0.1, 0.2, 0.5)


def test_the_command_line_wins_over_yaml_and_yaml_over_defaults(
    quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = dry_run(f"--config {quick} --act elu --td3.lr 1e-4", capsys)
    assert (shown["env"], shown["act"], shown["steps"]) == ("Ant-v5", "elu", 50_000)
    assert (shown["td3"]["lr"], shown["td3"]["tau"], shown["td3"]["gamma"]) == (1e-4, 0.01, 0.99)
    assert dry_run(f"--config={quick}", capsys)["td3"]["lr"] == 1e-3


def test_a_switch_of_the_yaml_can_be_turned_off_and_given_again(
    quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dry_run(f"--config {quick}", capsys)["normalize_obs"] is True
    assert dry_run(f"--config {quick} --normalize-obs", capsys)["normalize_obs"] is True
    assert dry_run(f"--config {quick} --no-normalize-obs", capsys)["normalize_obs"] is False


@pytest.mark.parametrize(
    ("options", "path", "value"),
    [
        ("--steps 1e6", "steps", 1_000_000),
        ("--steps 1_000", "steps", 1000),
        ("--steps=2.5e3", "steps", 2500),
        ("--eval_every 1e3", "eval_every", 1000),
        ("--seed 1e2", "seed", 100),
        ("--n-envs 2", "n_envs", 2),
        ("--td3.batch-size 1e2", "td3.batch_size", 100),
        ("--td3.lr 3e-4", "td3.lr", 3e-4),
        ("--td3.activation-lr 1e-2", "td3.activation_lr", 0.01),
        ("--td3.layer-norm", "td3.layer_norm", True),
        ("--env-kwargs a=1 b=x", "env_kwargs", ["a=1", "b=x"]),
        ("--import json csv", "imports", ["json", "csv"]),
        ("--act 'expr: x*sigmoid(b*x); b=trainable(1)'", "act", "expr: x * sigmoid(b * x); b=trainable(1)"),
    ],
)
def test_options_are_read_by_their_type(
    options: str, path: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = dry_run(options, capsys)
    for name in path.split("."):
        shown = shown[name]
    assert shown == value
    assert type(shown) is type(value)


def test_without_a_terminal_there_is_a_line_for_each_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    options = "--act 'relu,swim(k=1)' --act-critic elu --steps 40 --eval-every 20 --eval-episodes 1"
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(f"{LINE} {options} --final-episodes 2"), "--out", str(tmp_path)])
    assert end.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    title, place, *lines = said.out.splitlines()
    assert title == "worlds/Line-v0  actor relu,swim(k=1), critics elu  seed 0"
    (record,) = tmp_path.rglob("run.json")
    assert place == f"run directory: {record.parent}"
    assert [
        re.sub(r"-?[\d.]+(?= s$|  length)|(?<=return) +-?[\d.]+", "", line).split() for line in lines[:3]
    ] == [
        ["step", "0", "of", "40", "return", "length", "20", "s"],
        ["step", "20", "of", "40", "return", "length", "20", "s"],
        ["step", "40", "of", "40", "return", "length", "20", "s"],
    ]
    assert re.fullmatch(r"done after 40 steps in \d+ s", lines[3])
    metrics = json.loads(record.read_text())["metrics"]
    shown = lines[4].split()
    assert dict(zip(shown[::2], shown[1::2], strict=True)) == {
        name: f"{value:,.1f}" for name, value in metrics.items()
    }


SHORT = f"{LINE} --act relu --steps 40 --eval-every 40 --eval-episodes 1 --final-episodes 0"


def end_of(options: str, study: Path) -> object:
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(options), "--out", str(study)])
    return end.value.code


def test_what_an_environment_raises_is_one_line_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(f"{SHORT} --env-kwargs fails_at=31", tmp_path) != 0
    said = capsys.readouterr().err
    assert "the point fell off the line" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("callback", ["Quits", "Ends"])
def test_only_a_run_that_fails_has_a_code_of_its_own(
    callback: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = end_of(f"{SHORT} --callback deeds:{callback}", tmp_path)
    said = capsys.readouterr()
    if callback == "Quits":
        assert code == 2
        assert said.err.startswith(
            "swimrl: error: the run was ended by SystemExit: 0, raised by the callback"
        )
    else:
        assert code == 0
        assert "stopped after 30 steps" in said.out
        assert "stopped by the callback Ends, which returned False at step 30" in said.out
        assert "continue it with: swimrl resume" in said.out


def test_a_second_identical_run_is_refused_and_overwrite_starts_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(SHORT, tmp_path) == 0
    (record,) = tmp_path.rglob("run.json")
    weights = record.with_name("policy.safetensors")
    before = weights.read_bytes()
    weights.write_bytes(b"mine")
    assert end_of(SHORT, tmp_path) == 2
    assert "holds a run that is 'done' after 40 steps" in capsys.readouterr().err
    assert weights.read_bytes() == b"mine"
    assert end_of(f"{SHORT} --overwrite", tmp_path) == 0
    assert weights.read_bytes() == before

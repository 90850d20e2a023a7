"""`swimrl.sweep` and `swimrl.open_study`: what the arguments mean, and a study done from a plain script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.errors import ConfigError, InputError, TrainingError
from swimrl.sweeps import SweepConfig
from swimrl.sweeps.api import given_config, place_of
from swimrl.training import TrainConfig

USERS_CODE = Path(__file__).parents[1] / "users_code"


def given(config: Any = None, **more: Any) -> SweepConfig:
    arguments: dict[str, Any] = {"env": None, "act": None, "seeds": None, "axes": None, "settings": {}}
    return given_config(config, **{**arguments, **more})


@pytest.mark.parametrize(
    ("seeds", "expected"), [(3, (3,)), ("0-2", (0, 1, 2)), (range(2), (0, 1)), ([4, 1], (4, 1)), (None, (0,))]
)
def test_seeds_are_a_number_a_range_or_text(seeds: Any, expected: tuple[int, ...]) -> None:
    assert given(seeds=seeds).seeds == expected


def test_one_environment_or_activation_needs_no_list_and_a_list_in_the_list_is_one_for_each_layer() -> None:
    config = given(env="Hopper-v4", act=["swim", ["relu", "elu"]], axes={"td3.lr": [1e-4, 3e-4]})
    assert config.axes == {"env": ["Hopper-v4"], "act": ["swim", ["relu", "elu"]], "td3.lr": [1e-4, 3e-4]}
    runs = config.runs(Path("study"))
    assert {(run.config.env, run.config.act, run.config.td3.lr) for run in runs} == {
        ("Hopper-v4", act, lr) for act in ("swim", "relu,elu") for lr in (1e-4, 3e-4)
    }


def test_settings_win_over_the_file_and_keep_what_they_do_not_name(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("base: {net: 32x32, td3: {lr: 0.1, tau: 0.5}}\naxes: {act: [swim, relu]}\nseeds: 0-1\n")
    for settings in ({"td3": {"lr": 0.2}, "steps": 1e3}, {"td3.lr": 0.2, "steps": "1e3"}):
        config = given(file, settings=settings)
        assert (config.base.net, config.base.steps) == ("32x32", 1000)
        assert (config.base.td3.lr, config.base.td3.tau) == (0.2, 0.5)
    assert given(file).axes["act"] == ["swim", "relu"]
    assert given(file, act="elu").axes["act"] == ["elu"]
    assert given(file, settings={"env_kwargs": {"a": 1}}).base.env_kwargs == ("a=1",)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"settings": {"stepps": 1}}, "unknown key stepps; did you mean steps"),
        ({"settings": {"td3": {"lr": "fast"}}}, r"td3\.lr is 'fast'; expected a number"),
        ({"axes": {"td3.lr": [1, 2]}, "settings": {"td3": {"lr": 1}}}, r"td3\.lr is an axis of the study"),
        ({"axes": {"td3.lr": [1, 2]}, "settings": {"td3.lr": 1}}, r"td3\.lr is an axis of the study"),
        ({"seeds": "3-1"}, "is no range"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        given(SweepConfig(TrainConfig()), **more)


def test_name_and_place() -> None:
    assert place_of(None, None, None) == ("default", Path("runs/default"))
    assert place_of("mine", None, Path("a/b.yaml")) == ("mine", Path("runs/mine"))
    assert place_of(None, None, Path("a/b.yaml")) == ("b", Path("runs/b"))
    assert place_of(None, Path("x/y"), Path("a/b.yaml")) == ("y", Path("x/y"))


def test_an_unknown_executor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of local, ray"):
        swimrl.sweep(out=tmp_path / "study", executor="slurm")  # type: ignore[arg-type]


SCRIPT = """
import sys
import swimrl

settings = dict(
    env="worlds/Line-v0", imports=["worlds"], act="swim", net="16x16", steps=120, eval_every=100,
    eval_episodes=1, final_episodes=1, td3={"batch_size": 16, "learning_starts": 60},
)
study = swimrl.sweep(**settings, out=sys.argv[1])
print(study.status().counts)
print(repr(study.path), [run.status for run in study.runs])
study = swimrl.sweep(**settings, seeds=range(2), out=sys.argv[1], progress=False)
print(study)
"""


@pytest.mark.slow
def test_a_plain_script_without_a_main_guard_does_a_study_and_again_only_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    study = tmp_path / "study"
    result = subprocess.run(
        [sys.executable, tmp_path / "script.py", study],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(USERS_CODE), "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"study study in {study}: 1 run, {lines[0].split()[-3]} at once"
    assert sum(line.endswith(": done") for line in lines) == 1  # and not again in the second sweep
    assert lines[-3:-1] == ["{'done': 1}", f"{study!r} ['done']"]
    assert lines[-1] == f"Study({str(study)!r}): 2 runs: 2 done"
    opened = swimrl.open_study(study)
    assert opened.status().counts == {"done": 2}
    assert type(swimrl.report(opened)).__name__ == "Report"


@pytest.mark.slow
def test_a_run_that_fails_is_an_error_and_a_call_of_exit_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(USERS_CODE))
    with pytest.raises(TrainingError, match="1 run failed after a second try; the same command tries again"):
        swimrl.sweep(
            env="worlds/Line-v0",
            imports=["worlds"],
            callback=["deeds:Quits"],
            net="16x16",
            steps=200,
            eval_every=100,
            eval_episodes=1,
            final_episodes=0,
            td3={"batch_size": 16, "learning_starts": 60},
            out=tmp_path,
            progress=False,
        )
    (run,) = swimrl.open_study(tmp_path).status()
    assert run.state == "failed"
    assert "SystemExit" in str(run.reason)

"""Exported files do what the policy does, and say where they come from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="an optional library; pip install 'swimrl[dev]'")
import onnx
import onnxruntime
import yaml

import swimrl
from swimrl.cli.app import main
from swimrl.errors import DamagedFileError, InputError, UnknownNameError
from swimrl.exporting.onnx_policy import open_onnx
from swimrl.training import Run
from tests.exporting.conftest import RUN, RUNS

QUICK = {"verify_steps": 200, "verify_episodes": 1}


@pytest.fixture(scope="module")
def written(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all formats of the run of the fixture `run`, for reading only."""
    folder = tmp_path_factory.mktemp("written")
    swimrl.export(runs[RUN], ["onnx", "c", "numpy"], out=folder, **QUICK)
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_every_format_is_right(name: str, runs: dict[str, Run], out: Path) -> None:
    exported = swimrl.export(runs[name], ["onnx", "c", "numpy"], out=out, **QUICK)
    assert exported.is_right
    for file in exported.files:
        assert file.verification is not None
        assert 0 < file.verification.largest_difference <= file.verification.allowed < 1e-3
        assert file.closed_loop is not None
    assert "of stack" in exported.files[1].notes[0]


def test_the_files_act_as_the_run_does_without_swimrl(run: Run, written: Path) -> None:
    observation = np.array([0.01, -0.02, 0.3, -0.4])
    expected = run.policy(observation)
    program = f"""
import sys, json
sys.path.insert(0, {str(written)!r})
import numpy as np, onnxruntime, policy
observation = np.array({observation.tolist()})
session = onnxruntime.InferenceSession({str(written / "policy.onnx")!r})
(actions,) = session.run(None, {{"observation": observation[None].astype(np.float32)}})
assert not {{"torch", "swimrl"}} & {{*sys.modules}}
print(json.dumps([actions[0].tolist(), policy.act(observation).tolist()]))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    for actions in json.loads(said):
        np.testing.assert_allclose(actions, expected, rtol=1e-5, atol=1e-6)


def test_two_exports_are_byte_identical_and_name_no_path(run: Run, written: Path, tmp_path: Path) -> None:
    folders = [written, tmp_path]
    swimrl.export(run, ["onnx", "c", "numpy"], out=tmp_path, **QUICK)
    for name in ("policy.onnx", "policy.c", "policy.h", "policy.py", "policy.npz"):
        first, second = ((folder / name).read_bytes() for folder in folders)
        assert first == second, name
        assert str(written).encode() not in first
        assert str(run.path).encode() not in first


def test_metadata_are_those_of_the_run(run: Run, written: Path) -> None:
    model = onnx.load(written / "policy.onnx")
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    said = {p.key.removeprefix("swimrl."): json.loads(p.value) for p in model.metadata_props}
    env = run.make_environment()
    assert said["environment"]["id"] == "InvertedPendulum-v5"
    assert said["environment"]["seconds_per_step"] == env.unwrapped.dt
    assert said["action"]["names"] == ["slide"]
    assert said["action"]["low"] == env.action_space.low.tolist()
    assert said["action"]["high"] == env.action_space.high.tolist()
    assert said["observation"]["low"] == said["observation"]["high"] == [None] * 4  # unbounded
    assert said["observation"]["names"] == ["qpos:slider", "qpos:hinge", "qvel:slider", "qvel:hinge"]
    assert said["training"]["seed"] == run.config.seed
    assert said["training"]["scores"] == run.record.metrics
    assert run.path.parent.name.endswith(f"-{said['training']['configuration_hash']}")
    assert (
        said["layers"][0]["parameters"]["k"]
        == run.td3_policy()[0].actor.mu[1].k.detach().reshape(-1).tolist()
    )
    summary = json.loads((written / "policy.json").read_text())
    assert summary["files"][0]["verification"]["is_right"] is True


def test_bounds_of_observations_are_read_back_exactly(runs: dict[str, Run], out: Path) -> None:
    run = runs["one number for each unit"]
    swimrl.export(run, ["numpy"], out=out, verify_steps=50, verify_episodes=0)
    said = json.loads((out / "policy.json").read_text())["observation"]
    space = run.make_environment().observation_space
    assert (said["low"], said["high"]) == (space.low.tolist(), space.high.tolist())
    assert said["high"] == [1, 1, 8]


@pytest.mark.parametrize("opset", [13, 18])
def test_the_opset_is_the_one_asked_for(opset: int, run: Run, out: Path) -> None:
    exported = swimrl.export(run, ["onnx"], out=out, opset=opset, verify_steps=50, verify_episodes=0)
    assert exported.is_right
    model = onnx.load(out / "policy.onnx")
    assert (model.ir_version, model.opset_import[0].version) == (8, opset)


@pytest.mark.parametrize(
    ("name", "opset", "message"),
    [
        ("box of 0.4", 12, r"--opset is 12; expected 13 to \d+"),
        ("box of 0.4", 999, r"--opset is 999; expected 13 to \d+"),
        ("layer norm, an activation for each layer", 16, r"--opset 16 is not .* \(.*LayerNormalization.*17$"),
    ],
)
def test_an_opset_that_does_not_fit_is_refused(
    name: str, opset: int, message: str, runs: dict[str, Run], out: Path
) -> None:
    with pytest.raises(InputError, match=message):
        swimrl.export(runs[name], ["onnx"], out=out, opset=opset)
    assert not out.exists()


def test_any_batch_and_nan(written: Path) -> None:
    session = onnxruntime.InferenceSession(written / "policy.onnx")
    observations = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
    observations[3, 1] = np.nan
    (actions,) = session.run(None, {"observation": observations})
    assert np.flatnonzero(np.isnan(actions[:, 0])).tolist() == [3]
    (alone,) = session.run(None, {"observation": observations[5:6]})
    np.testing.assert_allclose(alone[0], actions[5], rtol=1e-5)


def test_the_self_test_in_c_passes_and_fails_when_a_weight_is_changed(run: Run, out: Path) -> None:
    swimrl.export(run, ["c"], out=out, name="pendulum", **QUICK)
    source = (out / "pendulum.c").read_text()

    def self_test(text: str) -> subprocess.CompletedProcess[str]:
        (out / "tried.c").write_text(text)
        build = [
            "cc",
            "-std=c99",
            "-Wall",
            "-Werror",
            "-DPENDULUM_TEST",
            out / "tried.c",
            "-o",
            out / "t",
            "-lm",
        ]
        subprocess.run(build, check=True)
        return subprocess.run([out / "t"], capture_output=True, text=True)

    good = self_test(source)
    assert good.returncode == 0
    assert "us an action" in good.stdout
    head, weights = source.split("static const float weight2[", 1)
    size, numbers = weights.split("{\n    ", 1)
    first, rest = numbers.split(",", 1)
    changed = f"{float(first.rstrip('f')) + 0.1:.9g}f"
    assert self_test(f"{head}static const float weight2[{size}{{\n    {changed},{rest}").returncode == 1
    command = [
        "c++",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Werror",
        "-fsyntax-only",
        "-x",
        "c++",
        out / "pendulum.c",
    ]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("flags", [["-O0"], ["-O3", "-fsanitize=address,undefined", "-fno-sanitize-recover"]])
def test_c_is_the_same_without_optimiser_and_with_sanitizers(
    written: Path, tmp_path: Path, flags: list[str]
) -> None:
    test = tmp_path / "test"
    build = ["cc", "-std=c99", *flags, "-DPOLICY_TEST", written / "policy.c", "-o", test, "-lm"]
    subprocess.run(build, check=True)
    subprocess.run([test], check=True, capture_output=True)


def test_the_card_can_be_read_and_its_code_runs(run: Run, out: Path) -> None:
    exported = swimrl.export(run, ["onnx", "card"], out=out, **QUICK)
    assert exported.card == out / "td3-InvertedPendulum-v5"
    _, front, page = (exported.card / "README.md").read_text().split("---\n", 2)
    result = yaml.safe_load(front)["model-index"][0]["results"][0]
    assert result["dataset"]["type"] == "InvertedPendulum-v5"
    results = json.loads((exported.card / "results.json").read_text())
    assert results["n_eval_episodes"] == 2
    assert results["mean_reward"] == pytest.approx(run.scores["final100"])
    assert f"{results['mean_reward']:.2f}" in result["metrics"][0]["value"]
    k = run.td3_policy()[0].actor.mu[1].k.item()
    assert f"$, `k` = {k:.4g} |" in page
    assert "| `vecnormalize.pkl` | the normalisation" in page
    code = page.split("```python\n")[1].split("```")[0]
    subprocess.run([sys.executable, "-c", code], cwd=exported.card, check=True)
    assert {"policy.onnx", "policy.safetensors", "activation.png", "run.json"} <= {
        path.name for path in exported.card.iterdir()
    }


def test_files_are_not_replaced_without_force(run: Run, out: Path) -> None:
    swimrl.export(run, ["numpy"], out=out, **QUICK)
    with pytest.raises(InputError, match=r"policy\.py exists; .*--force"):
        swimrl.export(run, ["numpy"], out=out, **QUICK)
    swimrl.export(run, ["numpy"], out=out, force=True, **QUICK)


def test_without_onnx_one_line_says_what_to_install(
    run: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install 'swimrl\[export\]'"):
        swimrl.export(run, ["onnx"], out=out, **QUICK)


def test_without_a_compiler_c_is_written_and_said_to_be_unchecked(
    run: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    exported = swimrl.export(run, ["c"], out=out, **QUICK)
    assert exported.files[0].verification is None
    assert (out / "policy.c").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"to": ["onxx"]}, UnknownNameError, "did you mean 'onnx'"),
        ({"name": "my policy"}, InputError, "letters, digits and underscores"),
        ({"verify_steps": 0}, InputError, "at least 1 step"),
    ],
)
def test_wrong_arguments(
    run: Run, out: Path, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        swimrl.export(run, **{"to": ["numpy"], "out": out, **arguments})


@pytest.mark.parametrize(
    ("act", "net", "message"),
    [
        ("maxout", "8x8", r"Maxout.* is a module and no formula"),
    ],
)
def test_what_cannot_be_exported_is_refused(act: str, net: str, message: str, tmp_path: Path) -> None:
    run = swimrl.train(
        env="Pendulum-v1", act=act, net=net, steps=5, eval_every=5, eval_episodes=1, final_episodes=0,
        out=tmp_path, progress=False,
    )  # fmt: skip
    with pytest.raises(InputError, match=message):
        swimrl.export(run, ["numpy"])


def test_an_onnx_file_can_be_scored(run: Run, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported = swimrl.export(run, ["onnx"], out=out, verify_steps=200, verify_episodes=2)
    with pytest.raises(SystemExit):
        main(["eval", str(out / "policy.onnx"), "--episodes", "2", "--json"])
    score = json.loads(capsys.readouterr().out)
    assert score["environment"] == "InvertedPendulum-v5"
    assert exported.files[0].closed_loop is not None
    assert score["returns"] == exported.files[0].closed_loop.returns.tolist()


@pytest.mark.parametrize("damage", ["cut off", "of another program"])
def test_an_onnx_file_that_is_none_of_ours(written: Path, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "policy.onnx"
    shutil.copy(written / "policy.onnx", file)
    if damage == "cut off":
        file.write_bytes(file.read_bytes()[:500])
    else:
        model = onnx.load(file)
        del model.metadata_props[:]
        onnx.save(model, file)
    with pytest.raises(DamagedFileError, match=r"policy\.onnx"):
        open_onnx(file, None)

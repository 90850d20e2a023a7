"""``swimrl doctor``: what it says of this machine, and of installations that are broken on purpose."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from swimrl.cli import doctor

ASKED_FOR = [
    *("python", "swimrl"),
    *("gymnasium", "mujoco", "numba", "numpy", "stable-baselines3", "tensorboard", "torch"),
    *("processor", "cores", "torch threads", "CUDA", "float32 products"),
    *("rendering", "ffmpeg", "C++ compiler", "compiled code"),
    "training speed",
]


def test_a_whole_installation_passes(capfd: pytest.CaptureFixture[str]) -> None:
    doctor.run(doctor.Args(json=True))
    said = capfd.readouterr()
    assert said.err == ""
    answer = json.loads(said.out)
    checks = {check["name"]: check for check in answer["checks"]}
    assert list(checks) == ASKED_FOR
    assert answer["ok"] is True
    for name in ("gymnasium", "mujoco", "numba", "numpy", "stable-baselines3", "tensorboard", "torch"):
        assert checks[name]["found"] == importlib.metadata.version(name)
        assert checks[name]["required"] is True
    assert re.match(
        r"steps/s of HalfCheetah-v4: [\d,]+ at 256x256, [\d,]+ at 64x64, measured now on one core, 80 "
        r"steps each.*; 1,000,000 steps at 256x256 take about \d+\.\d h without evaluations$",
        checks["training speed"]["found"],
    )
    for check in checks.values():
        assert (check["status"] == "ok") == (check["fix"] == ""), check


def test_a_package_whose_import_fails_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tensorboard.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorboard", raising=False)
    with pytest.raises(SystemExit) as end:
        doctor.run(doctor.Args(json=True))
    answer = json.loads(capsys.readouterr().out)
    (broken,) = [check for check in answer["checks"] if check["name"] == "tensorboard"]
    assert end.value.code == 1
    assert answer["ok"] is False
    assert "training speed" not in [check["name"] for check in answer["checks"]]
    assert broken["status"] == "missing"
    assert broken["found"].endswith("but its import fails: No module named 'no_such_module'")
    assert broken["fix"] == "pip install --force-reinstall 'tensorboard>=2.16'"


def test_a_rendering_backend_that_cannot_draw_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.setenv("DISPLAY", "")
    check = doctor.rendering()
    assert (check.status, check.required) == ("missing", False)
    assert check.found.startswith("MUJOCO_GL=glfw cannot draw here (")
    assert check.fix == "apt-get install -y libegl1 libgl1-mesa-dri libosmesa6"


def test_packages_that_are_absent_or_of_another_version() -> None:
    absent = doctor.package("no-such-package", ">=1")
    assert (absent.status, absent.found, absent.fix) == (
        "missing",
        "not installed",
        "pip install 'no-such-package>=1'",
    )
    version = importlib.metadata.version("numpy")
    old = doctor.package("numpy", ">=99")
    assert (old.status, old.found) == ("missing", f"{version}, but >=99 is needed")
    assert old.fix == "pip install 'numpy>=99'"
    assert doctor.package("numpy", ">=1").status == "ok"


@pytest.mark.parametrize("threads", range(1, min(2, len(os.sched_getaffinity(0))) + 1))
def test_advice_for_stable_baselines3s_update_where_it_would_use_several_threads(threads: int) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        check = doctor.torch_threads()
    finally:
        torch.set_num_threads(before)
    assert check.status == "ok"
    assert ("export OMP_NUM_THREADS=1" in check.found) == (threads > 1)


def test_more_threads_than_cores_is_a_warning() -> None:
    before, cores = torch.get_num_threads(), len(os.sched_getaffinity(0))
    try:
        torch.set_num_threads(cores + 1)
        check = doctor.torch_threads()
    finally:
        torch.set_num_threads(before)
    assert (check.status, check.fix) == ("warn", f"export OMP_NUM_THREADS={cores}")
    assert check.found == f"{cores + 1} on {cores} cores"


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    check = doctor.compiler()
    assert (check.status, check.fix) == ("missing", "apt-get install -y g++ python3-dev")
    assert not check.required


COMPILED_CODE = "import json; from swimrl.cli import doctor; print(json.dumps(vars(doctor.compiled_code())))"


def test_compiled_code_that_cannot_be_kept(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    # A process of its own, because this one has its compiled code in memory.
    done = subprocess.run(
        [sys.executable, "-c", COMPILED_CODE],
        env={**os.environ, "XDG_CACHE_HOME": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    check = json.loads(done.stdout)
    assert (check["status"], check["fix"]) == ("warn", "set XDG_CACHE_HOME to a folder that can be written")
    assert str(file) in check["found"]
    assert check["required"] is False


def test_without_imageio_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    check = doctor.ffmpeg()
    assert (check.status, check.fix) == ("missing", "pip install 'swimrl[video]'")


def test_products_are_measured_against_float64_and_leave_the_settings_alone() -> None:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    speed, error = doctor.product_speed("highest")
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (threads, precision)
    assert speed > 0.1
    # float32 has 24 bits: a sum of 256 products is off by a few units of 2^-24, and not exact.
    assert 0 < error < 32 * 2**-24


def test_the_table_fits_80_columns_and_shows_each_fix_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    checks = [
        doctor.Check("ffmpeg", "ok", "swimrl[video]"),
        doctor.Check("rendering", "missing", "long " * 40, "fix " * 30),
    ]
    doctor.print_table(checks)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["ffmpeg", "ok", "swimrl[video]"]
    assert lines[-1] == "rendering: " + "fix " * 30
    assert max(map(len, lines[:-1])) <= 80
    assert sum("long" in line for line in lines) > 1

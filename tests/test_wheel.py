"""The wheel: it holds the whole package and works far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 600

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that the metadata of the installed checkout is left alone."""
    copy = tmp_path_factory.mktemp("checkout") / "swimrl"
    shutil.copytree(ROOT / "swimrl", copy / "swimrl", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    (source,) = (copy / "dist").glob("*.tar.gz")
    (wheel,) = (copy / "dist").glob("*.whl")
    assert source.stem.removesuffix(".tar") == wheel.name.removesuffix("-py3-none-any.whl")
    return wheel


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment; return the folder of its programs."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True, timeout=SECONDS)
    # The dependencies come from this environment; its .pth files, and with them the checkout, are not read.
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


def output_of(program: Path, *arguments: str, folder: Path) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=variables | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    files = {path.relative_to(ROOT) for path in (ROOT / "swimrl").rglob("*") if path.is_file()}
    expected = {str(file) for file in files if "__pycache__" not in file.parts}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected


def test_its_name_carries_the_version(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wheel.name.startswith(f"swimrl-{project['version']}-")


def test_it_trains_measures_and_reports_far_from_the_checkout(programs: Path, tmp_path: Path) -> None:
    def swimrl(*arguments: str) -> str:
        return output_of(programs / "swimrl", *arguments, folder=tmp_path)

    show = "import swimrl; print(swimrl.__file__)"
    assert output_of(programs / "python", "-c", show, folder=tmp_path).startswith(str(programs.parent))
    assert "usage: swimrl COMMAND" in swimrl("--help")
    assert "swim" in swimrl("activations")
    assert "swimrl" in swimrl("completion", "bash")

    small = ["--net=16x16", "--td3.batch-size=16", "--td3.learning-starts=60", "--eval-every=60"]
    few = ["--steps=120", "--eval-episodes=1", "--final-episodes=1"]
    swimrl("train", "--env=Hopper-v4", "--act=swim", *small, *few)
    swimrl("report", "runs/default", "--out=page", "--format=html,md")
    assert (tmp_path / "page" / "report.html").is_file()

    quick = [
        "--impl=native",
        "--dtype=float32",
        "--shape=1x16",
        "--device=cpu",
        "--rounds=2",
        "--processes=1",
    ]
    assert "relu" in swimrl("bench", "activations", "relu", *quick, "--reading=0.001")

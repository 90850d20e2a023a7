"""Check the installation and this machine, with the fix for each problem.

examples:
  swimrl doctor
  swimrl doctor --json

Exit code: 0, or 1 if something that swimrl cannot work without is broken.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from swimrl import host
from swimrl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Args:
    """How to print the result."""

    json: bool = False
    """Print JSON: an object with `ok` and the list `checks` (name, status, found, fix, required)."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: What was checked.
        status: ``missing`` if it is absent or does not work, ``warn`` if it costs speed or accuracy.
        found: What there is.
        fix: What to do, as a command if there is one; empty if all is well.
        required: Whether swimrl cannot work without it.
    """

    name: str
    status: Literal["ok", "warn", "missing"]
    found: str
    fix: str = ""
    required: bool = False


_MODULES = {
    "torch": "torch",
    "numpy": "numpy",
    "gymnasium": "gymnasium",
    "mujoco": "mujoco",
    "stable-baselines3": "stable_baselines3",
    "numba": "numba",
    "tensorboard": "tensorboard",
}
"""The packages that are always shown, and the module to import from each."""

# A larger relative error means that a float32 product was computed with fewer bits: bfloat16 has 8, TF32 11.
_FLOAT32_ERROR = 1e-5

_DRAW = """
import os
from swimrl.envs.make import make
with make("HalfCheetah-v5", render_mode="rgb_array") as env:
    env.reset(seed=0)
    frame = env.render()
assert frame.std() > 0, "the frame is blank"
print(os.environ.get("MUJOCO_GL") or "the native backend")
"""


def run(args: Args) -> None:
    """Print the result of every check.

    Raises:
        SystemExit: If something required is broken (exit code 1).
    """
    checks = list(run_checks())
    broken = any(check.required and check.status == "missing" for check in checks)
    if args.json:
        rows = [dataclasses.asdict(check) for check in checks]
        print(json.dumps({"ok": not broken, "checks": rows}, indent=2))
    else:
        print_table(checks)
    if broken:
        raise SystemExit(1)


def run_checks() -> Iterator[Check]:
    """Run every check, in the order of the table; the speed of training only where training works."""
    works = True
    for check in _checks_of_installation():
        works = works and not (check.required and check.status == "missing")
        yield check
    if works:
        yield _training_speed()


def _checks_of_installation() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} ({sys.executable})", required=True)
    yield _swimrl()
    yield from _packages()
    yield _processor()
    yield _cores()
    if importlib.util.find_spec("torch"):
        yield torch_threads()
        yield _cuda()
        yield _products()
    yield rendering()
    yield ffmpeg()
    yield compiler()
    if importlib.util.find_spec("numba"):
        yield compiled_code()


def _swimrl() -> Check:
    versions = host.library_versions()
    commit = f", commit {versions['git_commit'][:12]}" if versions["git_commit"] else ""
    return Check("swimrl", "ok", f"{versions['swimrl']}{commit}", required=True)


def _packages() -> Iterator[Check]:
    """Check every dependency in pyproject.toml, without the extras."""
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires("swimrl") or []:
        requirement = Requirement(text)
        if requirement.marker is not None:
            continue
        check = package(requirement.name, str(requirement.specifier))
        if requirement.name in _MODULES or check.status != "ok":
            yield check


def package(name: str, specifier: str) -> Check:
    """Check that the package ``name`` can be imported and that ``specifier`` allows its version."""
    from packaging.specifiers import SpecifierSet

    fix = f"pip install '{name}{specifier}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, "missing", "not installed", fix, required=True)
    if not SpecifierSet(specifier).contains(version, prereleases=True):
        return Check(name, "missing", f"{version}, but {specifier} is needed", fix, required=True)
    if name in _MODULES:
        try:
            importlib.import_module(_MODULES[name])
        # A broken package raises anything from ImportError to AttributeError.
        except Exception as error:
            fix = f"pip install --force-reinstall '{name}{specifier}'"
            if name == "mujoco" and os.environ.get("MUJOCO_GL"):
                fix = "unset MUJOCO_GL"  # mujoco loads the OpenGL backend that it names
            return Check(name, "missing", f"{version}, but its import fails: {error}", fix, required=True)
    return Check(name, "ok", version, required=True)


def _processor() -> Check:
    model = host.processor_model()
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Check("processor", "ok", f"{model}, {platform.machine()}")
    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    features = {"AVX2": "avx2", "AVX-512": "avx512f", "AMX": "amx_tile"}
    has = [name for name, flag in features.items() if flag in flags]
    if "AVX2" not in has:
        return Check("processor", "warn", f"{model} without AVX2", "train on a processor with AVX2")
    return Check("processor", "ok", f"{model} with {', '.join(has)}")


def _cores() -> Check:
    usable, total = host.usable_cores(), os.cpu_count() or 1
    return Check("cores", "ok", f"this process may use {usable} of {total}")


def torch_threads() -> Check:
    """Check the number of PyTorch's threads."""
    import torch

    threads, cores = torch.get_num_threads(), host.usable_cores()
    if threads > cores:
        return Check(
            "torch threads", "warn", f"{threads} on {cores} cores", f"export OMP_NUM_THREADS={cores}"
        )
    # Measured at 256x256 on two cores: 5.9 ms with 2 threads and 8.3 with 1; beside a busy core 26 and 8.4.
    advice = (
        "; Stable-Baselines3's update (--engine sb3, stable_baselines3.TD3) of small networks is faster with "
        "several only while all cores are idle; on a busy machine: export OMP_NUM_THREADS=1"
    )
    return Check("torch threads", "ok", f"{threads}{advice if threads > 1 else ''}")


def _cuda() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("CUDA", "ok", f"{torch.version.cuda}, {torch.cuda.get_device_name()}")
    if shutil.which("nvidia-smi"):
        if torch.version.cuda is None:
            return Check("CUDA", "warn", "this torch is a CPU build", "pip install --force-reinstall torch")
        return Check(
            "CUDA",
            "warn",
            f"torch {torch.version.cuda} sees no GPU",
            "run nvidia-smi: it shows the driver and its GPUs",
        )
    return Check("CUDA", "ok", "no GPU; training runs on the processor")


def _products() -> Check:
    """Compare speed and error of the two settings that torch has for float32 matrix products."""
    highest, medium = product_speed("highest"), product_speed("medium")
    speed = (
        f"{highest[0]:.0f} GFLOP/s (error {highest[1]:.0e}); "
        f"at precision 'medium' {medium[0]:.0f} GFLOP/s (error {medium[1]:.0e})"
    )
    if medium[1] > _FLOAT32_ERROR:
        fix = "leave torch.set_float32_matmul_precision at 'highest': 'medium' rounds to fewer bits here"
        return Check("float32 products", "warn", speed, fix)
    return Check("float32 products", "ok", speed)


def product_speed(precision: str) -> tuple[float, float]:
    """Measure 256 x 256 x 256 float32 products on one thread.

    Args:
        precision: The setting of ``torch.set_float32_matmul_precision``. On a processor torch computes
            ``highest`` with its default library, often MKL, and ``medium`` with oneDNN, which may round to
            bfloat16.

    Returns:
        The best of five speeds in GFLOP/s, and the largest error against float64 relative to the largest
        entry.
    """
    import torch

    threads, before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    try:
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision(precision)
        product = left @ right
        seconds = min(_time_products(left, right) for _ in range(5))
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(before)
    error = (product.double() - exact).abs().max() / exact.abs().max()
    return 2 * 256**3 / seconds / 1e9, float(error)


def _time_products(left: Tensor, right: Tensor, count: int = 100) -> float:
    start = time.perf_counter()
    for _ in range(count):
        left @ right
    return (time.perf_counter() - start) / count


def rendering() -> Check:
    """Draw one frame in another process, because a broken OpenGL library may end the process."""
    from swimrl.envs.rendering import APT_LINE

    drawn = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", _DRAW], capture_output=True, text=True, check=False
    )
    if drawn.returncode == 0:
        return Check("rendering", "ok", f"{drawn.stdout.strip()} drew a frame")
    errors = drawn.stderr.strip().splitlines() or [f"exit code {drawn.returncode}"]
    return Check("rendering", "missing", errors[-1].removeprefix("swimrl.errors.InputError: "), APT_LINE)


def ffmpeg() -> Check:
    """Check that there is an ffmpeg, and that it starts."""
    from swimrl.envs.video import ffmpeg_executable

    try:
        executable = ffmpeg_executable()
    except InputError as error:
        return Check("ffmpeg", "missing", str(error), "pip install 'swimrl[video]'")
    shown = subprocess.run([executable, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    if shown.returncode != 0:
        fix = "pip install --force-reinstall imageio-ffmpeg"
        return Check("ffmpeg", "missing", f"{executable} ends with exit code {shown.returncode}", fix)
    return Check("ffmpeg", "ok", " ".join(shown.stdout.split()[:3]))


def compiler() -> Check:
    """Check what torch.compile needs on a processor."""
    fix = "apt-get install -y g++ python3-dev"
    compiler = next(filter(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++"))), None)
    if compiler is None:
        return Check("C++ compiler", "missing", "only torch.compile needs it", fix)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return Check("C++ compiler", "missing", f"{compiler}, but torch.compile also needs Python.h", fix)
    return Check("C++ compiler", "ok", str(shutil.which(compiler)))


def compiled_code() -> Check:
    """Load a compiled loop, and check that compiled code can be kept on disk."""
    import warnings

    import numpy as np

    fix = "set XDG_CACHE_HOME to a folder that can be written"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            from swimrl.activations.cpu.cache import cache_directory
            from swimrl.td3.engine.kernels import polyak

            target = np.zeros(2, np.float32)
            polyak(target, np.ones(2, np.float32), 0.5)
            kept = f"kept in {cache_directory()}"
        except OSError as error:
            return Check("compiled code", "warn", f"compiled by each process anew: {error}", fix)
        except Exception as error:  # whatever fails in numba or LLVM, the doctor reports it
            return Check(
                "compiled code", "missing", f"{type(error).__name__}: {error}", "pip install -U numba"
            )
    problems = [str(warning.message) for warning in caught if "kept on disk" in str(warning.message)]
    if problems:
        return Check("compiled code", "warn", problems[0].partition(";")[0], fix)
    return Check("compiled code", "ok", kept)


def _training_speed() -> Check:
    """Train for a moment with the networks that people use, on one core."""
    import warnings

    from swimrl.errors import SwimrlError
    from swimrl.sweeps.probe import kinds_of, probe
    from swimrl.training.config import TrainConfig

    speeds = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Gymnasium's, of the v4 environments
        for net in ("256x256", "64x64"):
            (example,) = kinds_of([TrainConfig(net=net)]).values()
            try:
                speeds[net] = probe(example, {}).speed
            except SwimrlError as error:
                return Check("training speed", "warn", str(error), "swimrl train --steps 30000")
    each = ", ".join(f"{1 / speed.learning_s:,.0f} at {net}" for net, speed in speeds.items())
    random = TrainConfig().td3.learning_starts
    speed = speeds["256x256"]
    hours = (random * speed.random_s + (1_000_000 - random) * speed.learning_s) / 3600
    is_busy = (host.load_average() or 0.0) > host.usable_cores() / 2
    busy = "; other programs are running: more on a free machine" if is_busy else ""
    return Check(
        "training speed",
        "ok",
        f"steps/s of {TrainConfig.env}: {each}, measured now on one core, 80 steps each{busy}; "
        f"1,000,000 steps at 256x256 take about {hours:.1f} h without evaluations",
    )


def print_table(checks: list[Check]) -> None:
    """Print the checks as a table, and the fixes below it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style = {"ok": "green", "warn": "yellow", "missing": "red"}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("check", "status", "found"):
        table.add_column(title, overflow="fold")
    for check in checks:
        # As Text, because rich would read square brackets, as in swimrl[video], as markup.
        table.add_row(check.name, Text(check.status, style[check.status]), Text(check.found))
    Console(highlight=False).print(table)
    # Below the table a long command stays one line that can be copied.
    for check in checks:
        if check.fix:
            print(f"\n{check.name}: {check.fix}")

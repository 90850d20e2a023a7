"""Compiled code on disk: it is found again, shared by processes, checked, and never needed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import config

from swimrl.activations.cpu import cache as cpu_cache
from swimrl.activations.cpu import math
from swimrl.activations.cpu.cache import cache_directory, compiled, load

SOURCE = """\
@compiled("void(float64[::1])")
def kernel(x):
    for i in range(x.size):
        x[i] = 2.0 * x[i] + 1.0
"""
OTHER_PROCESS = f"""\
import numpy as np
from swimrl.activations.cpu.cache import load

kernel = load({SOURCE!r})
x = np.arange(3.0)
kernel(x)
print(x.tolist(), sum(kernel.stats.cache_hits.values()))
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no memory of kernels loaded before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cpu_cache, "_loaded", {})
    return tmp_path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_cache, "_loaded", {})


def works(kernel: Any) -> bool:
    x = np.arange(3.0)
    kernel(x)
    return x.tolist() == [1.0, 3.0, 5.0]


def is_hit(kernel: Any) -> bool:
    return sum(kernel.stats.cache_hits.values()) == 1


def entry() -> Path:
    (only,) = cache_directory().iterdir()
    return only


def start_process() -> str:
    command = [sys.executable, "-W", "error", "-c", OTHER_PROCESS]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_kernel_is_compiled_once_and_then_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(SOURCE)
    assert works(first)
    assert not is_hit(first)
    assert load(SOURCE) is first
    forget(monkeypatch)
    second = load(SOURCE)
    assert second is not first
    assert works(second)
    assert is_hit(second)


@pytest.mark.slow
def test_six_processes_at_once_and_one_after() -> None:
    with ThreadPoolExecutor(6) as pool:
        outputs = list(pool.map(lambda _: start_process(), range(6)))
    assert {output.partition("]")[0] for output in outputs} == {"[1.0, 3.0, 5.0"}
    entry()  # one, and nothing left beside it
    assert start_process() == "[1.0, 3.0, 5.0] 1"


def test_threads_share_one_compilation() -> None:
    with ThreadPoolExecutor(8) as pool:
        kernels = list(pool.map(load, [SOURCE] * 8))
    assert len(set(map(id, kernels))) == 1
    assert works(kernels[0])


def damage(file: Path, kind: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    match kind:
        case "removed":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "truncated":
            file.write_bytes(content[:middle])
        case "altered":
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


@pytest.mark.parametrize("kind", ["removed", "empty", "truncated", "altered"])
def test_a_damaged_file_is_written_again(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    load(SOURCE)
    damage(entry(), kind)
    forget(monkeypatch)
    again = load(SOURCE)
    assert works(again)
    assert not is_hit(again)
    forget(monkeypatch)
    assert is_hit(load(SOURCE))


def add_one(x: Any) -> None:
    for i in range(x.size):
        x[i] = 2.0 * x[i] + 1.0


def test_a_function_is_compiled_for_the_types_of_each_call() -> None:
    for is_known in (False, True):
        function = compiled(add_one)
        for dtype in (np.float32, np.float64):
            x = np.arange(3, dtype=dtype)
            function(x)
            assert x.tolist() == [1.0, 3.0, 5.0]
        assert sum(function.stats.cache_hits.values()) == 2 * is_known
    assert len(list(cache_directory().iterdir())) == 2


def test_options_are_told_apart() -> None:
    for contract in (False, True):
        function = compiled(add_one, contract=contract)
        function(np.arange(3.0))
        assert not function.stats.cache_hits
    assert len(list(cache_directory().iterdir())) == 2


@pytest.mark.parametrize("kind", ["empty", "truncated", "altered"])
def test_damage_to_every_file_does_not_end_training(kind: str, root: Path) -> None:
    """The loops of the engine too: in a new process, which has nothing in memory."""
    program = (
        "import numpy as np\n"
        "from swimrl.td3.engine.kernels import polyak\n"
        "x = np.zeros(3)\n"
        "polyak(x, np.ones(3), 0.5)\n"
        "print(x.tolist(), sum(polyak.stats.cache_hits.values()))\n"
    )
    outputs = []
    for _ in range(3):
        command = [sys.executable, "-W", "error", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        outputs.append(done.stdout.strip())
        if len(outputs) == 1:
            damage(entry(), kind)
    assert outputs == [f"[0.5, 0.5, 0.5] {hits}" for hits in (0, 0, 1)]


def test_without_a_folder_to_write_to_kernels_live_in_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    cpu_cache._warn.cache_clear()
    with pytest.warns(RuntimeWarning, match="cannot be kept on disk .*; set XDG_CACHE_HOME to a folder"):
        kernel = load(SOURCE)
    assert works(kernel)
    assert load(SOURCE) is kernel
    assert file.read_text() == ""
    compiled(add_one)(np.arange(3.0))  # warns no more


def test_without_a_home_kernels_live_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    cpu_cache._warn.cache_clear()
    with pytest.warns(RuntimeWarning, match="Could not determine home directory"):
        assert works(load(SOURCE))


def test_a_mistake_in_a_kernel_is_not_hidden() -> None:
    with pytest.raises(Exception, match="undefined_name"):
        load(SOURCE.replace("2.0", "undefined_name"))
    assert not cache_directory().exists()


def test_the_name_follows_all_that_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def name(text: str = SOURCE) -> str:
        cpu_cache._surroundings.cache_clear()
        return cpu_cache._digest(text)

    names = {name(), name(SOURCE + "\n")}
    with monkeypatch.context() as patch:
        for module, attribute in ((math, "source_digest"), (config, "CPU_NAME"), (np, "__version__")):
            value = (lambda: "another") if attribute == "source_digest" else "another"
            patch.setattr(module, attribute, value)
            names.add(name())
    assert len(names) == 5
    assert name() in names


def test_numbas_own_folder_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(root / "numba"))
    load(SOURCE)
    assert not (root / "numba").exists()

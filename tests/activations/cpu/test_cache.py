"""The folder of compiled kernels: found again, shared by processes, checked, and never needed."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import config

from swimrl.activations.cpu import cache as cpu_cache
from swimrl.activations.cpu.cache import cache_directory, load

SOURCE = """\
import numba


@numba.njit("void(float64[::1])", cache=_CACHE)
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
    assert cpu_cache._is_intact(entry())  # one entry, and nothing left beside it
    assert start_process() == "[1.0, 3.0, 5.0] 1"


def test_threads_share_one_compilation() -> None:
    with ThreadPoolExecutor(8) as pool:
        kernels = list(pool.map(load, [SOURCE] * 8))
    assert len(set(map(id, kernels))) == 1
    assert works(kernels[0])


@pytest.mark.parametrize("pattern", ["*.nbc", "*.nbi", "*.py", "checksums.json"])
@pytest.mark.parametrize("damage", ["truncated", "altered", "removed"])
def test_a_damaged_entry_is_made_again(monkeypatch: pytest.MonkeyPatch, pattern: str, damage: str) -> None:
    load(SOURCE)
    (file,) = entry().rglob(pattern)
    content = file.read_bytes()
    middle = len(content) // 2
    if damage == "removed":
        file.unlink()
    else:
        rest = b"" if damage == "truncated" else bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes(content[:middle] + rest)
    forget(monkeypatch)
    again = load(SOURCE)
    assert works(again)
    assert not is_hit(again)
    assert cpu_cache._is_intact(entry())
    forget(monkeypatch)
    assert is_hit(load(SOURCE))


def test_a_foreign_file_in_the_entry_makes_it_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    load(SOURCE)
    (entry() / "more").write_text("")
    forget(monkeypatch)
    assert not is_hit(load(SOURCE))
    assert not (entry() / "more").exists()


def test_without_a_folder_to_write_to_kernels_live_in_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    kernel = load(SOURCE)
    assert works(kernel)
    assert load(SOURCE) is kernel
    assert file.read_text() == ""


def test_a_mistake_in_a_kernel_is_not_hidden() -> None:
    with pytest.raises(Exception, match="undefined_name"):
        load(SOURCE.replace("2.0", "undefined_name"))
    assert list(cache_directory().iterdir()) == []


def test_the_name_follows_all_that_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {cpu_cache._digest(SOURCE), cpu_cache._digest(SOURCE + "\n")}
    monkeypatch.setattr(cpu_cache, "source_digest", lambda: "another elementary function")
    names.add(cpu_cache._digest(SOURCE))
    monkeypatch.setattr(config, "CPU_NAME", "another processor")
    names.add(cpu_cache._digest(SOURCE))
    monkeypatch.setattr(np, "__version__", "another NumPy")
    names.add(cpu_cache._digest(SOURCE))
    assert len(names) == 5


def test_numbas_own_folder_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(root / "numba"))
    load(SOURCE)
    assert str(root / "numba") == config.CACHE_DIR
    assert not (root / "numba").exists()
    assert set(json.loads((entry() / "checksums.json").read_text())) == {
        str(path.relative_to(entry())) for path in entry().rglob("*.*") if path.suffix != ".json"
    }

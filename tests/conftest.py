"""Settings for every test and every process that a test starts."""

from __future__ import annotations

import os
import signal

import pytest

# A program that was started by nohup ignores SIGHUP, and so would every run of the tests.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# One thread: xdist's workers share the cores, and more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# torch.compile: no processes that compile, each of which would import PyTorch, and no compiling of programs
# that try which vectors the processor has; it lists these itself.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")


@pytest.fixture(scope="session", autouse=True)
def _folders_of_libraries(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what libraries leave behind out of the system's temporary folder."""
    os.environ["SB3_LOGDIR"] = str(tmp_path_factory.mktemp("sb3"))  # a folder for each agent's log
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))


@pytest.fixture
def runs_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps on this machine do their runs in the process of the test."""
    from tests.sweeps.in_process import LOCAL_EXECUTOR, InProcessExecutor

    monkeypatch.setattr(LOCAL_EXECUTOR, InProcessExecutor)

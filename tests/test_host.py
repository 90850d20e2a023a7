"""Facts about this machine, and the environment of a child with few threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swimrl.host import library_versions, limited_threads

CHECKOUT = Path(__file__).parents[1]


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="the tests do not run in a checkout")
def test_the_commit_of_the_checkout_is_recorded() -> None:
    commit = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert library_versions()["git_commit"] in (commit, f"{commit}+")


def test_a_child_with_one_thread_inherits_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OTHER", "kept")
    script = (
        "import os; print(os.environ['OTHER'], os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])"
    )
    command = [sys.executable, "-c", script]
    printed = subprocess.run(
        command, env=limited_threads(1), capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == ["kept", "1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"

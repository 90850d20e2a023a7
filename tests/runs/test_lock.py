"""Two processes never work in one directory; a killed one is in nobody's way."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from swimrl.errors import RunExistsError
from swimrl.runs.lock import LOCK_NAME, locked

HOLD = """
import sys, time
from pathlib import Path
from swimrl.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            with pytest.raises(RunExistsError, match="another process is at work in"), locked(tmp_path):
                pass
            assert (tmp_path / LOCK_NAME).exists()
        finally:
            process.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_NAME).exists()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_process_with_patience_waits_for_the_other_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD.replace("600", "0.5"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(RunExistsError), locked(tmp_path, patience_s=0.1):
            pass
        with locked(tmp_path, patience_s=60):
            pass


def test_the_lock_ends_with_the_work_and_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path), pytest.raises(RunExistsError), locked(tmp_path):
        pass
    with locked(tmp_path):
        assert [entry.name for entry in tmp_path.iterdir()] == [LOCK_NAME]

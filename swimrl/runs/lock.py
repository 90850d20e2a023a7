"""One process at a time in a run's directory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from swimrl.errors import RunExistsError

if sys.platform != "win32":
    import fcntl

LOCK_NAME = "lock"
_RETRY_S = 0.1


@contextmanager
def locked(folder: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Keep other processes from working in ``folder``, which exists.

    The system lets go of the lock when the process ends, however it ends; a killed process leaves an empty
    file without meaning. On Windows nothing is locked.

    Args:
        folder: Where to work.
        patience_s: Seconds to wait for another process that is at work there.

    Raises:
        RunExistsError: If another process is still at work there.
        OSError: If the folder cannot be written.
    """
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK_NAME
    file = _acquire(path, time.monotonic() + patience_s)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _acquire(path: Path, give_up_at: float) -> IO[bytes]:
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous process may have deleted the file between these two calls; then this lock is void.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError as error:
            file.close()
            if time.monotonic() >= give_up_at:
                raise RunExistsError(
                    f"another process is at work in {path.parent}; wait until it ends, or stop it"
                ) from error
            time.sleep(_RETRY_S)
            continue
        except FileNotFoundError:
            pass
        file.close()

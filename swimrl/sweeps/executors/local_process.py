"""The process that does one run: ``python -m swimrl.sweeps.executors.local_process``, started by ``local``.

It reads one JSON object from its standard input: configuration, directory, study, cores. The input stays open
as long as the sweep lives. When the input ends, however the sweep ended, the run is stopped as by SIGTERM: it
writes a checkpoint and can be continued. So no process is ever left behind.

Exit codes: 0 done, 2 an error that the last line of the output explains, 1 any other error, named in the last
line, 130 interrupted, 75 another process works on this run, 76 a callback ended the run (the last line says
why).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from swimrl.errors import RunExistsError, SwimrlError, one_line
from swimrl.runs.directory import RunDirectory

BUSY = 75
STOPPED = 76
INTERRUPTED = 130


def main() -> int:
    """Do the run; return the exit code."""
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_stop_with_the_sweep, daemon=True).start()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    directory = RunDirectory(Path(job["directory"]))
    try:
        with ExitStack() as stack:
            try:
                stack.enter_context(directory.at_work())
            except RunExistsError:
                return BUSY
            return _do_run(job, directory)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SwimrlError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except BaseException as error:  # SystemExit too: a run that calls exit(0) has failed
        traceback.print_exc()
        sys.stderr.write(f"error: {one_line(error)}\n")
        return 1


def _do_run(job: dict[str, Any], directory: RunDirectory) -> int:
    # Imported now, after the lock is held and the cores are set, because it takes seconds.
    from swimrl.fields import from_mapping
    from swimrl.sweeps.job import run_job
    from swimrl.sweeps.study_record import SharedChoices
    from swimrl.training.config import TrainConfig
    from swimrl.training.progress import SilentReporter

    config = from_mapping(TrainConfig, job["config"], source="sweep")
    record = run_job(config, directory, SilentReporter(), SharedChoices(**job["study"]))
    if record.status == "stopped":
        sys.stderr.write(f"{record.reason}\n")
        return STOPPED
    return 0 if record.status == "done" else INTERRUPTED


def _stop_with_the_sweep() -> None:
    # Not through sys.stdin, because a thread that holds its lock blocks the end of the process.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())

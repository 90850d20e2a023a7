"""A child process for the tests: counts what it did, and fails when asked to."""

from __future__ import annotations

import os
import sys
import time

from swimrl.timing.clock import Parts, Work
from swimrl.timing.worker import Offer, Settings, serve


def prepare(settings: Settings) -> Offer:
    print("noise on standard output")  # noqa: T201 - the output of a library, which must not look like an answer
    if settings.get("fail") == "at once":
        raise RuntimeError("cannot begin")
    if settings.get("fail") == "silently":
        os._exit(3)
    if settings.get("fail") == "before serving":
        print("a warning\nlast line of a crash\n", file=sys.stderr)  # noqa: T201
        os._exit(1)
    calls = []

    def do(count: int) -> Parts:
        print("more noise")  # noqa: T201
        calls.append(count)
        time.sleep(count * 1e-5)
        if len(calls) == settings.get("fail at call"):
            raise ValueError("broke while working")
        return {"count": (float(count), None), "calls": (float(len(calls)), 0.5)}

    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    facts = {"cores": cores, "threads": os.environ["OMP_NUM_THREADS"], "settings": dict(settings)}
    return Offer(facts, {name: Work(do, quantum=10) for name in settings.get("works", ["work"])})


if __name__ == "__main__":
    serve(prepare)

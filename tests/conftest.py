"""Settings for every test and every process that a test starts."""

from __future__ import annotations

import os

# One thread: xdist's workers share the cores, and more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

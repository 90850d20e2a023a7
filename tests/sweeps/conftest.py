"""What the tests of sweeps share: the small environment of the tests of training."""

from __future__ import annotations

import sys
from pathlib import Path

# Where worlds.py and torture.py are.
sys.path.append(str(Path(__file__).parents[1] / "training"))

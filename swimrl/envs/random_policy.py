"""The returns of a random policy, the zero of normalised scores, for every supported task.

Actions are uniform in the action space. ``python -m tools.random_policy`` measures the returns and writes the
file that the package ships.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RANDOM_POLICY_FILE = Path(__file__).with_name("random_policy.json")


def random_returns() -> dict[str, float]:
    """Return the mean undiscounted return of a random policy on every supported task."""
    return {env: float(facts["mean"]) for env, facts in random_policy()["tasks"].items()}


def random_policy() -> dict[str, Any]:
    """Return the file: ``episodes``, ``versions``, and for each of ``tasks`` mean and standard error."""
    content: dict[str, Any] = json.loads(RANDOM_POLICY_FILE.read_text(encoding="utf-8"))
    return content

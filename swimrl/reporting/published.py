"""Published results of others, for orientation: they stand beside a report's numbers and enter none."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.errors import InputError
from swimrl.reporting.findings import Analysis
from swimrl.reporting.metrics import curves
from swimrl.reporting.read import Run, collect

_FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class Published:
    """A published score of TD3."""

    source: str
    where: str
    """File or table of the source."""

    env: str
    seeds: int
    steps: int
    metric: str
    mean: float
    sd: float | None


@dataclass(frozen=True)
class Reference:
    """A published learning curve, the mean over its runs."""

    env: str
    label: str
    steps: np.ndarray
    """[E]."""

    returns: np.ndarray
    """[E]."""

    def is_for(self, env: str) -> bool:
        """Return whether it is of the same task, in any version."""
        return base(self.env) == base(env)


def base(env: str) -> str:
    """Return a task's name without its version.

    Example:
        >>> base("Hopper-v4")
        'Hopper'
    """
    return env.rpartition("-v")[0] or env


def published(analysis: Analysis) -> list[Published]:
    """Return the published scores on the tasks of a report, in any version of the task."""
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    wanted = {base(env) for env in analysis.tasks}
    rows = []
    for source in content["sources"]:
        facts = {key: source[key] for key in ("source", "where", "seeds", "steps", "metric")}
        for task, (mean, sd) in source["scores"].items():
            if task in wanted:
                rows.append(Published(**facts, env=f"{task}-{source['version']}", mean=mean, sd=sd))
    return sorted(rows, key=lambda row: base(row.env))


def read_references(path: Path) -> list[Reference]:
    """Return the mean curve of each task and activation of a tidy CSV file.

    Raises:
        InputError: If it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"--reference {path} is not a file; expected a CSV file of learning curves")
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in collect([path]).runs:
        groups[run.env, run.arm].append(run)
    references = []
    for (env, arm), runs in groups.items():
        steps, returns = curves(runs, None)
        label = f"{arm}, {env}, {path.stem} (n = {len(runs)})"
        references.append(Reference(env, label, steps, returns.mean(axis=0)))
    return references

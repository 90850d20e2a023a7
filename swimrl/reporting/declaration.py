"""What a study declared before its first run, as its runs tell, and whether they can be believed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.errors import SwimrlError
from swimrl.reporting.read import Run


@dataclass(frozen=True)
class Primary:
    """The comparison that was declared: its tests are the family that is corrected together."""

    baseline: str
    comparisons: tuple[str, ...]
    planned_seeds: int
    metric: str = "last10"
    environments: tuple[str, ...] = ()
    """All when empty."""

    correction: str = "holm"

    paired: bool = False
    """Whether equal seeds are pairs."""

    diverged: str = "random-policy"
    """What a diverged run scores from its failure on: ``random-policy``, or its ``last-evaluation``."""

    sha256: str = ""
    """Of the declaration as every run holds it."""


@dataclass(frozen=True)
class Declaration:
    """What was found in the runs."""

    primary: Primary | None
    warnings: tuple[str, ...] = ()


def declaration(runs: Sequence[Run]) -> Declaration:
    """Return what all runs declare; nothing counts as declared if they disagree or their hash is wrong."""
    found: dict[str, Mapping[str, Any] | None] = {}
    counts: Counter[str] = Counter()
    for run in runs:
        study = run.record.study if run.record is not None else {}
        content = study.get("primary")
        key = str(study.get("primary_sha256")) if content else ""
        counts[key] += 1
        found[key] = content
        if content and _hash(content) != key:
            return Declaration(
                None,
                (f"the declaration in {run.source} does not fit its hash, so nothing counts as declared",),
            )
    if len(found) > 1:
        said = ", ".join(f"{key[:8] or 'nothing'} ({n} runs)" for key, n in counts.items())
        return Declaration(
            None, (f"runs disagree about what was declared, so nothing counts as declared: {said}",)
        )
    (sha256, content), *_ = found.items()
    try:
        return Declaration(_primary(content, sha256) if content else None)
    except (KeyError, TypeError) as error:
        return Declaration(
            None, (f"the declaration cannot be read ({error}), so nothing counts as declared",)
        )


def _hash(content: Mapping[str, Any]) -> str:
    # As swimrl.sweeps.study_record writes it.
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _primary(content: Mapping[str, Any], sha256: str) -> Primary:
    known = {field.name for field in dataclasses.fields(Primary)}
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in content.items() if key in known
    }
    values["baseline"] = canonical(values["baseline"])
    values["comparisons"] = tuple(map(canonical, values["comparisons"]))
    return Primary(**{**values, "sha256": sha256})


def canonical(name: str) -> str:
    """Return an activation's name as runs record it; what is no activation stays as it is.

    Example:
        >>> canonical("silu"), canonical("swim( k = 1 )"), canonical("my method")
        ('swish', 'swim(k=1)', 'my method')
    """
    try:
        names = [parse_name(layer).canonical for layer in split_layers(name)]
    except SwimrlError:
        return name
    return names[0] if len(set(names)) == 1 else ",".join(names)

"""The comparison that a study declared before its first run, as its runs record it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.errors import ConfigError, SwimrlError
from swimrl.reporting.read import Run
from swimrl.runs.declaration import Primary, read_primary, sha256_of
from swimrl.stats.comparison import CORRECTIONS
from swimrl.stats.graphical import graphical


@dataclass(frozen=True)
class Declaration:
    """The declaration of a study, as far as its runs agree."""

    primary: Primary | None
    """None if nothing was declared, or if the runs disagree."""

    sha256: str | None = None
    """Hash of the declaration, as every run records it."""

    warnings: tuple[str, ...] = ()


def declaration(runs: Sequence[Run]) -> Declaration:
    """Return what all runs declare; nothing counts as declared if runs disagree or a hash does not match."""
    contents: dict[str, Mapping[str, Any] | None] = {}
    counts: Counter[str] = Counter()
    for run in runs:
        study = run.record.study if run.record is not None else {}
        content = study.get("primary")
        key = str(study.get("primary_sha256")) if content else ""
        counts[key] += 1
        contents[key] = content
        if content and sha256_of(content) != key:
            return Declaration(
                None,
                warnings=(
                    f"the declaration in {run.source} does not match its hash, so nothing counts as declared",
                ),
            )
    if len(contents) > 1:
        said = ", ".join(f"{key[:8] or 'nothing'} ({n} runs)" for key, n in counts.items())
        return Declaration(
            None, warnings=(f"runs disagree about what was declared, so nothing counts as declared: {said}",)
        )
    (sha256, content), *_ = contents.items()
    if not content:
        return Declaration(None)
    try:
        return Declaration(_primary(content), sha256)
    except ConfigError as error:
        return Declaration(
            None, warnings=(f"the declaration cannot be read ({error}), so nothing counts as declared",)
        )


def _primary(content: Mapping[str, Any]) -> Primary:
    primary = read_primary(content, source="run.json")
    return dataclasses.replace(
        primary,
        baseline=canonical(primary.baseline),
        comparisons=tuple(map(canonical, primary.comparisons)),
        graph=None if primary.graph is None else primary.graph.renamed(canonical),
    )


def corrected(p_values: Mapping[str, float], primary: Primary) -> dict[str, float]:
    """Return the p-values of declared comparisons after the declared correction.

    The family is all that was declared: a comparison that has no test yet counts with p = 1.

    Args:
        p_values: By the name of the comparison, as runs record it.
        primary: The declaration.
    """
    family = {name: p_values.get(name, 1.0) for name in map(canonical, primary.comparisons)}
    if primary.graph is not None:
        graph = primary.graph.renamed(canonical)
        adjusted = graphical(family, graph.weights, graph.transfer)
    else:
        adjusted = CORRECTIONS[primary.correction](family)
    return {name: adjusted[name] for name in p_values}


def canonical(name: str) -> str:
    """Return an activation's name as runs record it; any other name stays as it is.

    Example:
        >>> canonical("silu"), canonical("swim( k = 1 )"), canonical("my method")
        ('swish', 'swim(k=1)', 'my method')
    """
    try:
        names = [parse_name(layer).canonical for layer in split_layers(name)]
    except SwimrlError:
        return name
    return names[0] if len(set(names)) == 1 else ",".join(names)

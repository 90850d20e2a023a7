"""A report's numbers for programs: summary.json and summary.csv."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Any

from swimrl.fields import to_mapping
from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Analysis, Arm, Comparison
from swimrl.reporting.tuning import ArmTuning
from swimrl.reporting.verdict import headline, sentences

SCHEMA_VERSION = 1


def summary(contents: Contents) -> dict[str, Any]:
    """Return every result of a report as JSON data; a number that is undetermined is ``{"why": reason}``."""
    analysis = contents.analysis
    return {
        "schema_version": SCHEMA_VERSION,
        "metric": analysis.metric,
        "metric_declared": analysis.metric_declared,
        "by": list(analysis.by),
        "until": dict(analysis.until),
        "baseline": analysis.baseline,
        "primary": None
        if analysis.primary is None
        else {**dataclasses.asdict(analysis.primary), "sha256": analysis.primary_sha256},
        "resampling_seed": analysis.seed,
        "interim": analysis.interim,
        "headline": headline(analysis),
        "verdict": sentences(analysis),
        "arms": [_arm(arm) for arm in analysis.arms],
        "comparisons": [_comparison(comparison) for comparison in analysis.comparisons],
        "normalised": [
            {
                "env": one.env,
                "arm": one.arm,
                **{name.replace(" ", "_"): _plain(interval) for name, interval in one.aggregates.items()},
            }
            for one in analysis.normalised
        ],
        "sensitivity": [
            {
                "env": one.env,
                "key": one.key,
                "default": one.default,
                "best": {name: one.best(name).value for name in one.lines},
            }
            for one in contents.sensitivity
        ],
        "tuning": [_tuning(one) for one in contents.tunings],
        "cost": None
        if contents.costs is None
        else {
            "unit": contents.costs.unit,
            "host": contents.costs.host,
            "source": contents.costs.source,
            "costs": [
                {"activation": activation, "form": form, **dataclasses.asdict(cost)}
                for (activation, form), cost in contents.costs.costs.items()
            ],
        },
        "published": [dataclasses.asdict(one) for one in contents.published],
        "excluded": [dataclasses.asdict(excluded) for excluded in analysis.excluded],
        "warnings": list(analysis.warnings),
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "env": arm.env,
        "arm": arm.name,
        "n": len(arm.scores),
        "seeds": [run.seed for run in arm.runs],
        "scores": arm.scores.tolist(),
        "mean": float(arm.scores.mean()),
        "mean_interval": _plain(arm.mean),
        "mean_interval_bootstrap_t": _plain(arm.mean_bootstrap_t),
        "mean_interval_percentile": _plain(arm.mean_percentile),
        "sd": _plain(arm.spread),
        "median": arm.median,
        "iqm": _plain(arm.iqm),
        "max_of_mean": _plain(arm.max_of_mean),
        "diverged": arm.diverged,
        "divergence_rate": arm.diverged / len(arm.scores),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "env": comparison.env,
        "arm": comparison.arm,
        "baseline": comparison.baseline,
        "difference": _plain(comparison.difference),
        "difference_by_permutation": _plain(comparison.by_permutation),
        "probability_of_improvement": _plain(comparison.probability_of_improvement),
        "test": _plain(comparison.test),
        "adjusted_p_value": comparison.adjusted,
        "primary": comparison.primary,
        "correlation": comparison.correlation,
        "established": comparison.established,
        "minimum_detectable_effect": _plain(comparison.detectable),
        "seeds_needed": {f"{effect:g}": _plain(seeds) for effect, seeds in comparison.seeds_needed.items()},
        "decision": _plain(comparison.decision),
    }


def _tuning(one: ArmTuning) -> dict[str, Any]:
    by = None
    if one.origin is not None and one.cost is not None:
        cost = {name: value for name, value in to_mapping(one.cost).items() if name != "settings"}
        by = {**{name: value for name, value in to_mapping(one.origin).items() if name != "arms"}, **cost}
    settings = dict(one.settings)
    return {"arm": one.arm, "tasks": list(one.tasks), "text": one.text, "settings": settings, "tuned_by": by}


def _plain(value: Any) -> Any:
    """Return a number as it is, and an interval, a test or an `Undetermined` as its fields."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]


def scores_csv(analysis: Analysis) -> str:
    """Return the score of each run, one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["env", "arm", "seed", "metric", "until", "score", "status"])
    for arm in analysis.arms:
        for run, score in zip(arm.runs, arm.scores, strict=True):
            until = f"{analysis.until[arm.env]:.0f}"
            status = "diverged" if run.has_diverged else run.status
            writer.writerow([arm.env, arm.name, run.seed, analysis.metric, until, repr(float(score)), status])
    return text.getvalue()

"""polynomial.json: all that a study of precision measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from swimrl.approximating.arms import LayerFit
from swimrl.approximating.equivalence import Answer
from swimrl.approximating.study import ArmEpisodes, Measured
from swimrl.fields import to_mapping


def as_json(measured: Sequence[Measured], answer: Answer | None, undetermined: str | None) -> dict[str, Any]:
    """Return the study as a JSON-serialisable mapping.

    Args:
        measured: The runs.
        answer: The precision needed; None if it is undetermined.
        undetermined: Why.
    """
    return {
        "schema_version": 1,
        "settings": to_mapping(measured[0].settings),
        "runs": [_run(one) for one in measured],
        "answer": None if answer is None else _answer(answer),
        "undetermined": undetermined,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "size": answer.size,
        "needed": answer.needed,
        "unit": answer.unit,
        "count": answer.count,
        "sentence": answer.sentence,
        "losses": [
            {
                "degree": loss.degree,
                "loss": loss.loss,
                "at_least": _number(loss.at_least),
                "at_most": _number(loss.at_most),
                "failures": loss.failures,
                "suffices": loss.suffices,
            }
            for loss in answer.losses
        ],
    }


def _run(one: Measured) -> dict[str, Any]:
    return {
        "run": str(one.run.path),
        "environment": one.run.env_id,
        "seed": one.run.config.seed,
        "activations": [spec.canonical for spec in one.actor.activations],
        "quantiles_of_abs_z": [
            dict(zip(("median", "99%", "99.9%", "largest"), layer, strict=True)) for layer in one.quantiles
        ],
        "arms": [_arm(arm) for arm in one.arms],
    }


def _arm(episodes: ArmEpisodes) -> dict[str, Any]:
    arm = episodes.arm
    return {
        "degree": arm.degree,
        "depth": arm.depth,
        "layers": [_layer(layer) for layer in arm.layers],
        "returns": episodes.returns.tolist(),
        "lengths": episodes.lengths.tolist(),
        "share_outside": episodes.share_outside.tolist(),
        "worst": [_number(value) for value in episodes.worst.tolist()],
        "first_outside": episodes.first_outside.tolist(),
        "failed_at": episodes.failed_at.tolist(),
    }


def _layer(layer: LayerFit) -> dict[str, Any]:
    bounds = layer.bounds.tolist()
    return {
        "bound": bounds[0] if len(layer.series) == 1 else bounds,
        "lower": layer.lower,
        "upper": layer.upper,
        "series": [series.as_json() for series in layer.series],
    }


def _number(value: float) -> float | None:
    """Return a number, or None for an infinite one, which JSON does not know."""
    return value if math.isfinite(value) else None

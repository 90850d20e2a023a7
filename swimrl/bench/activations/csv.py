"""The costs of activations as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from swimrl.bench.activations.results import ActivationCosts
from swimrl.errors import StorageError

_DIGITS = 5


def write(costs: ActivationCosts, path: Path) -> None:
    """Write every cost to ``path``, one on a line, with five digits; undetermined values are empty.

    Raises:
        StorageError: If it cannot be written.
    """
    rows = [cost.to_mapping() for cost in costs.all()]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0] if rows else ["activation"], lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free space or give another place"
        ) from error


def _text(value: object) -> object:
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else value

"""The files of a repair: repair.json, starts.csv, and the log from which a search continues."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swimrl.errors import DamagedFileError, InputError
from swimrl.repairing.assessment import Assessment, Played
from swimrl.repairing.evolution import FitnessLog, Patch
from swimrl.repairing.rates import Counts
from swimrl.repairing.settings import RepairSettings
from swimrl.runs.directory import replace, writing

SCHEMA = 1


@dataclass(frozen=True)
class Effort:
    """What a search has cost, also before it was interrupted."""

    steps: int = 0
    """Environment steps."""

    skipped_windows: int = 0
    """Windows that were left out because they could not change the outcome."""

    processor_s: float = 0.0
    """Processor seconds of all threads."""

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            self.steps + other.steps,
            self.skipped_windows + other.skipped_windows,
            self.processor_s + other.processor_s,
        )


class RepairFolder:
    """The folder of one repair.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "repair.json"
        self.log_file = path / "search.json"
        self.starts_file = path / "starts.csv"

    def begin(self, settings: RepairSettings, policy_sha256: str) -> tuple[FitnessLog, Effort]:
        """Make the folder; return log and effort of a search that was interrupted there, or empty ones.

        Raises:
            InputError: If a finished repair or one with other settings is there.
            StorageError: If it cannot be written.
        """
        if self.record_file.exists() and self._read(self.record_file).get("status") == "done":
            raise InputError(
                f"{self.path} holds a finished repair; name another folder with --out, or another --seed"
            )
        header = {"settings": dataclasses.asdict(settings), "policy_sha256": policy_sha256}
        if self.log_file.exists():
            content = self._read(self.log_file)
            if {key: content.get(key) for key in header} != header:
                raise InputError(
                    f"{self.path} holds a search with other settings or of another policy; continue it with "
                    "the settings it had, or name another folder with --out"
                )
            return FitnessLog(content["fitnesses"], content["checks"]), Effort(**content.get("effort", {}))
        if self.path.exists() and any(file.suffix != ".new" for file in self.path.iterdir()):
            raise InputError(f"{self.path} holds other files; name another folder with --out")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        return FitnessLog(), Effort()

    def write_log(
        self, log: FitnessLog, effort: Effort, settings: RepairSettings, policy_sha256: str
    ) -> None:
        """Replace the search's log.

        Raises:
            StorageError: If it cannot be written.
        """
        content = {
            "settings": dataclasses.asdict(settings),
            "policy_sha256": policy_sha256,
            **vars(log),
            "effort": vars(effort),
        }
        with writing(self.log_file):
            replace(self.log_file, json.dumps(content).encode())

    def write_record(self, content: dict[str, Any]) -> None:
        """Replace repair.json.

        Raises:
            StorageError: If it cannot be written.
        """
        with writing(self.record_file):
            replace(self.record_file, (json.dumps(content, indent=2) + "\n").encode())

    def write_starts(self, parts: Sequence[tuple[str, Sequence[int], Played]]) -> None:
        """Replace starts.csv.

        Args:
            parts: For each set of starts its name, the reset seeds and the episodes.

        Raises:
            StorageError: If it cannot be written.
        """
        names = [field.name for field in dataclasses.fields(Played)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["set", "seed", *names])
        for kind, seeds, played in parts:
            columns = [getattr(played, name).tolist() for name in names]
            for seed, *row in zip(seeds, *columns, strict=True):
                writer.writerow([kind, seed, *(int(v) if isinstance(v, bool) else repr(v) for v in row)])
        with writing(self.starts_file):
            replace(self.starts_file, text.getvalue().encode())

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DamagedFileError(
                f"{path} cannot be read; name another folder with --out, or delete it"
            ) from error
        return content


def patch_as_json(patch: Patch) -> dict[str, Any]:
    """Return what repair.json says of the search: every changed weight, and the history."""
    return {
        "weights": [
            {**place._asdict(), "before": before, "after": after}
            for place, before, after in zip(
                patch.places, patch.before.tolist(), patch.after.tolist(), strict=True
            )
        ],
        "fitness_before": patch.fitness_before,
        "fitness_after": patch.fitness_after,
        "best_fitness_by_generation": list(patch.history),
        "stopped": patch.stopped,
    }


def assessment_as_json(assessment: Assessment) -> dict[str, Any]:
    """Return what repair.json says of the starts before and after."""
    return {
        "verdict": assessment.verdict,
        "is_established": assessment.is_established,
        "seen": _played(assessment.seen),
        "fresh": _played(assessment.fresh),
        "null": {
            "starts": assessment.null_starts,
            "p_value": assessment.null_p_value,
            "repair_on_the_same_starts": _counts(assessment.same_starts),
            "draws": [_counts(counts) for counts in assessment.null],
        },
    }


def _played(played: Played) -> dict[str, Any]:
    counts, change = played.counts, played.return_change
    return {
        **_counts(counts),
        "failure_rate_change_interval": list(counts.interval),
        "mcnemar_p_value": counts.p_value,
        "mean_return_before": float(played.returns_before.mean()),
        "mean_return_after": float(played.returns_after.mean()),
        "return_change_interval": None if change is None else [change.low, change.high],
        "mean_length_before": float(played.lengths_before.mean()),
        "mean_length_after": float(played.lengths_after.mean()),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        **dataclasses.asdict(counts),
        "failure_rate_before": counts.fails_before / counts.starts,
        "failure_rate_after": counts.fails_after / counts.starts,
        "repair_rate": counts.repair_rate,
        "broken_rate": counts.broken_rate,
    }

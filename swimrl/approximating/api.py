"""Measures how much precision policies need. `swimrl polynomial RUN` calls this."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.approximating.arms import Settings
from swimrl.approximating.equivalence import Answer, answer
from swimrl.approximating.page import write_page
from swimrl.approximating.record import as_json
from swimrl.approximating.study import Measured, measure
from swimrl.errors import InputError, UndeterminedError
from swimrl.training import Run

Progress = Callable[[int, int], None]
"""Receives the number of episodes that have ended, and of all."""


@dataclass(frozen=True)
class Approximated:
    """The precision that policies need.

    Args:
        measured: The runs with their episodes.
        answer: The smallest degree that suffices; None if it is undetermined.
        undetermined: Why, if it is.
        page: The page that was written.
    """

    measured: tuple[Measured, ...]
    answer: Answer | None
    undetermined: str | None
    page: Path

    @property
    def record(self) -> Path:
        """The file with all that was measured."""
        return self.page.with_name("polynomial.json")


def approximate(
    runs: Sequence[Run],
    settings: Settings | None = None,
    *,
    out: Path | None = None,
    best: bool = False,
    threads: int = 1,
    on_end: Progress | None = None,
) -> Approximated:
    """Measure policies with polynomials in place of their activations; write polynomial.json and a page.

    Args:
        runs: One run; or several that differ in their seed only, for an answer over trainings.
        settings: What to compare.
        out: The folder for the files; when not given, ``polynomial`` in the directory of the first run.
        best: Take the policies of the best evaluations instead of the last.
        threads: Processor threads for the simulation; results do not depend on it.
        on_end: Receives the progress, over all runs.

    Raises:
        InputError: If the runs differ in more than their seed, or a policy cannot be measured.
        UndeterminedError: If a polynomial cannot be fitted.
    """
    settings = settings or Settings()
    _check(runs)
    measured = []
    for number, run in enumerate(runs):

        def progress(ended: int, of_one: int, before: int = number) -> None:
            if on_end is not None:
                on_end(before * of_one + ended, len(runs) * of_one)

        measured.append(measure(run, settings, best=best, threads=threads, on_end=progress))
    result, reason = None, None
    try:
        result = answer(measured)
    except UndeterminedError as error:
        reason = str(error)
    folder = runs[0].path / "polynomial" if out is None else out
    page = write_page(measured, result, reason, folder)
    done = Approximated(tuple(measured), result, reason, page)
    text = json.dumps(as_json(measured, result, reason), indent=1, allow_nan=False)
    done.record.write_text(f"{text}\n", encoding="utf-8")
    return done


def _check(runs: Sequence[Run]) -> None:
    if not runs:
        raise InputError("name at least one run, such as runs/default/Hopper-v4/swim-<hash>/seed-0")
    first = runs[0]
    for run in runs[1:]:
        if run.path.parent.name != first.path.parent.name or run.env_id != first.env_id:
            raise InputError(
                f"{run.path} and {first.path} differ in more than their seed; name runs of one configuration"
            )
        if run.config.seed == first.config.seed:
            raise InputError(f"{run.path} and {first.path} have the same seed; name each training once")

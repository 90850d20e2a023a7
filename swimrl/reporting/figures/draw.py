"""Which figures a report has, and how they get into files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.figures import cost, curves, inside, scores
from swimrl.reporting.figures.style import RC

FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True)
class Figure:
    """A figure in files."""

    name: str
    caption: str
    svg: Path

    def path(self, kind: str) -> Path:
        """Return its file of another format."""
        return self.svg.with_suffix(f".{kind}")


def draw(contents: Contents, folder: Path, formats: Sequence[str]) -> list[Figure]:
    """Draw every figure that the contents give into ``folder``; it is made.

    Raises:
        InputError: If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl

        mpl.use("agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise InputError("figures need matplotlib; install it with: pip install 'swimrl[report]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with pyplot.rc_context(dict(RC)):
        for name, caption, drawing in _drawings(contents):
            figure = drawing(pyplot, contents.analysis)
            for kind in formats:
                # The same file for the same data: no date, and ids that do not change.
                metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
                is_transparent = kind == "svg"
                figure.savefig(
                    folder / f"{name}.{kind}", dpi=150, metadata=metadata, transparent=is_transparent
                )
            pyplot.close(figure)
            files.append(Figure(name, caption, folder / f"{name}.svg"))
    return files


def _drawings(contents: Contents) -> Iterator[tuple[str, str, Callable[[Any, Any], Any]]]:
    analysis = contents.analysis
    yield (
        "learning-curves",
        (
            "Learning curves: the mean over seeds with Student's 95% interval at each step by itself, and "
            "each seed's own line."
        ),
        partial(curves.learning_curves, references=contents.references),
    )
    yield (
        "intervals",
        ("Scores of the runs (dots below), their mean (marker) and its 95% interval (Student's t)."),
        scores.intervals,
    )
    if len(analysis.names) > 1:
        yield (
            "probability-of-improvement",
            (
                "Probability that a run of the row's arm scores above one of the column's, ties counted "
                "half, averaged over the tasks of both."
            ),
            scores.improvement,
        )
    yield (
        "performance-profile",
        ("Performance profile: the share of runs that score above each level."),
        scores.profile,
    )
    if contents.efficiency:
        yield (
            "sample-efficiency",
            (
                f"Sample efficiency: interquartile mean of normalised returns (0 a random policy, 1 the "
                f"score of {analysis.baseline}) with the stratified percentile bootstrap's 95% band, "
                f"{analysis.baseline} resampled too. The band is too narrow with few seeds."
            ),
            partial(curves.sample_efficiency, found=contents.efficiency),
        )
    if contents.sensitivity:
        yield (
            "sensitivity",
            (
                f"Score against {contents.sensitivity[0].key} for each activation: mean and 95% interval "
                "(Student's t). The best of several settings is an optimistic number."
            ),
            partial(scores.sensitivity, found=contents.sensitivity),
        )
    if contents.costs is not None:
        yield (
            "reward-against-cost",
            (
                f"Reward against cost (logarithmic), each with its 95% interval; measured by `swimrl bench` "
                f"on one host ({contents.costs.host}), never a sweep's wall-clock. The dotted line joins the "
                "arms that no other beats in both estimates."
            ),
            partial(cost.cost, costs=contents.costs),
        )
    for name, env, panels in contents.inside:
        what = "Learned numbers of the activations" if name.startswith("learned") else "Diagnostics"
        yield (
            name,
            f"{what} on {env}: the mean over seeds and each seed's own line (docs/monitoring.md).",
            partial(inside.inside, found=panels),
        )

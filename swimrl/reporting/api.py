"""The report as a Python object: `swimrl.report`, which the command line calls too."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from swimrl.envs.random_policy import random_returns
from swimrl.errors import InputError
from swimrl.reporting.analysis import analyse
from swimrl.reporting.contents import Contents, gather
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.figures.makers import figures
from swimrl.reporting.findings import Analysis
from swimrl.reporting.gait import Progress
from swimrl.reporting.read import collect
from swimrl.reporting.tables.makers import tables
from swimrl.reporting.tables.table import Table, markdown
from swimrl.reporting.verdict import headline, sentences
from swimrl.reporting.write import FORMATS, write

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, repr=False)
class Report:
    """What runs say: tables, figures and a verdict in words.

    In a notebook it shows its verdict, its scores and its comparisons.
    """

    contents: Contents
    """All data behind it."""

    @property
    def analysis(self) -> Analysis:
        """Scores, intervals, tests, what was left out and warnings, as data."""
        return self.contents.analysis

    @property
    def verdict(self) -> str:
        """What can and cannot be concluded: the answer in one sentence, then the evidence in paragraphs."""
        return "\n\n".join([headline(self.analysis), *sentences(self.analysis)])

    @property
    def is_final(self) -> bool:
        """Whether every run is finished and every planned seed has run."""
        return self.analysis.interim is None

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """The tables that have rows, by key, such as ``scores`` and ``comparisons``."""
        return {table.key: table for table in tables(self.contents)}

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The figures by key, such as ``learning-curves``; call one to get a ``matplotlib`` figure."""
        return {figure.key: figure for figure in figures(self.contents)}

    def write(
        self,
        folder: str | os.PathLike[str],
        formats: Sequence[str] = FORMATS,
        *,
        refresh_s: int | None = None,
    ) -> list[Path]:
        """Write the report's files into a folder, and the figures where html or md is wanted.

        Args:
            folder: Is made if it is missing; files of an earlier report are replaced.
            formats: Some of ``html``, ``md``, ``tex``, ``csv`` and ``json``.
            refresh_s: After how many seconds a browser loads the page again; never when not given.

        Returns:
            The files, without the figures.

        Raises:
            InputError: If a format does not exist or a library for it is missing.
            StorageError: If a file cannot be written.
        """
        return write(self.contents, Path(folder), formats, refresh_s=refresh_s)

    def __repr__(self) -> str:
        arms, tasks = ", ".join(self.analysis.names), ", ".join(self.analysis.tasks)
        runs = sum(len(arm.runs) for arm in self.analysis.arms)
        return f"<swimrl report of {runs} runs: {arms} on {tasks}>"

    def _repr_markdown_(self) -> str:
        shown = [f"**{table.title}**\n\n{markdown(table)}\n\n{table.note}" for table in self._shown]
        return "\n\n".join([self.verdict, *shown, self._more])

    def _repr_html_(self) -> str:
        paragraphs = [
            headline(self.analysis),
            *sentences(self.analysis),
            *(f"Caution: {w}." for w in self.analysis.warnings),
        ]
        shown = [f"{table._repr_html_()}<p>{html.escape(table.note)}</p>" for table in self._shown]
        text = [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]
        return "".join([*text, *shown, f"<p>{html.escape(self._more)}</p>"])

    @property
    def _shown(self) -> list[Table]:
        return [self.tables[key] for key in ("scores", "comparisons") if key in self.tables]

    @property
    def _more(self) -> str:
        """Where to find what a notebook does not show."""
        return f"report.tables: {', '.join(self.tables)}. report.figures: {', '.join(self.figures)}."


def report(
    paths: Paths,
    *,
    baseline: str | None = None,
    metric: str | None = None,
    by: str | Sequence[str] = ("act",),
    steps: float | None = None,
    cost: str | os.PathLike[str] | None = None,
    reference: str | os.PathLike[str] | None = None,
    videos: bool = False,
    progress: Progress | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    formats: Sequence[str] = FORMATS,
) -> Report:
    """Compare runs and return what they say.

    ``swimrl report`` and ``swimrl compare`` are this function on the command line.

    Args:
        paths: Folders of studies, run directories, evaluations.npz files or CSV files; one or several.
        baseline: The arm that others are compared with; the declared one when not given, else relu, else
            swish, else the first.
        metric: The score of a run: last10, final100, auc or per_seed_max; the declared one when not given,
            else last10.
        by: Keys of the configuration that tell the arms apart, such as ``["act", "td3.lr"]`` or
            ``"act,td3.lr"``.
        steps: The environment step at which runs are compared; for each task the last one that all its
            finished runs reached when not given.
        cost: A record of ``swimrl bench activations --json FILE``, for reward against cost.
        reference: A CSV file of published curves, which are drawn and enter no number.
        videos: Whether to play and draw the best, the median and the worst policy of each arm.
        progress: Receives how many of these policies are drawn, and of how many.
        seed: Seed of resampling; the same seed gives the same numbers.
        out: A folder to write the report's files into; nothing is written when not given.
        formats: Which files to write: some of ``html``, ``md``, ``tex``, ``csv`` and ``json``.

    Raises:
        InputError: If a path does not exist, nothing can be read, or a file does not fit.
        ConfigError: If the metric or the baseline does not exist, or no run has a score.
        StorageError: If a file cannot be written.

    Example:
        >>> import swimrl
        >>> report = swimrl.report("results/first-study/records", baseline="relu")
        >>> report
        <swimrl report of 24 runs: relu, swim, swish on Hopper-v4>
        >>> [row["n"] for row in report.tables["scores"].records()]
        [8, 8, 8]
        >>> figure = report.figures["learning-curves"]()  # a matplotlib figure
    """
    sources = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not sources:
        raise InputError("nothing to report; name a study's folder, run directories or a CSV file")
    keys = tuple(key.strip() for key in (by.split(",") if isinstance(by, str) else by))
    analysis = analyse(
        collect([Path(source) for source in sources], keys),
        metric=metric,
        baseline=baseline,
        by=keys,
        until=steps,
        random_returns=random_returns(),
        seed=seed,
    )
    contents = gather(
        analysis,
        cost=None if cost is None else Path(cost),
        reference=None if reference is None else Path(reference),
        videos=videos,
        progress=progress,
    )
    made = Report(contents)
    if out is not None:
        made.write(out, formats)
    return made

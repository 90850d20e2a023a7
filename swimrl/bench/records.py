"""Records of benchmarks: run, read, merge, compare and show them; the functions of `swimrl.bench`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swimrl.bench.base import BENCHMARKS, Benchmark
from swimrl.bench.progress import ProgressBar, announce
from swimrl.errors import InputError, UnknownNameError
from swimrl.fields import from_mapping
from swimrl.timing import comparison
from swimrl.timing import record as timing_record
from swimrl.timing.comparison import Change
from swimrl.timing.record import Clock, TimingRecord

if TYPE_CHECKING:
    from rich.console import RenderableType

    from swimrl.bench.action.results import ActionLatencies
    from swimrl.bench.activations.results import ActivationCosts
    from swimrl.bench.paper.results import PaperTimes
    from swimrl.bench.training.results import TrainingSpeeds
    from swimrl.bench.whole_run.results import RunTimes

    AnyResults = ActivationCosts | PaperTimes | ActionLatencies | TrainingSpeeds | RunTimes


@dataclass(frozen=True, repr=False)
class BenchRecord:
    """The record of a benchmark. ``print`` shows its tables; a notebook shows them too."""

    timing: TimingRecord
    """Settings, versions, facts about the machine, and every raw reading."""

    name: str = ""
    """Name of the file it was read from, for titles."""

    @property
    def kind(self) -> str:
        """Which benchmark: ``activations``, ``paper``, ``policy``, ``run`` or ``train``."""
        return self.timing.kind

    def results(self, clock: Clock = "wall") -> AnyResults:
        """Return medians, ratios and verdicts as typed values; the class belongs to the kind.

        Args:
            clock: Which seconds count: ``"wall"``, or ``"cpu"`` for processor seconds, which are steadier on
                a busy machine.
        """
        results: Any = self._benchmark.read_results(self.timing, clock)
        return results  # type: ignore[no-any-return]  # one of these, by kind

    def tables(self, clock: Clock = "wall") -> Iterator[RenderableType]:
        """Yield the tables and lines that show the record, for `rich`."""
        return self._benchmark.tables(self._benchmark.read_results(self.timing, clock))

    def print(self, clock: Clock = "wall") -> None:
        """Print the tables on standard output, 80 columns wide."""
        from swimrl.bench.text import print_all

        print_all(self.tables(clock))

    def write(self, path: str | Path) -> None:
        """Write the record to the new file ``path``, as JSON.

        Raises:
            InputError: If the file exists already.
            StorageError: If it cannot be written.
        """
        timing_record.write(self.timing, Path(path))

    def __str__(self) -> str:
        from swimrl.bench.text import plain_text

        return plain_text(self.tables())

    def __repr__(self) -> str:
        return f"<record of {self.kind}: {len(self.timing.arms)} arms, {self.timing.started or self.name}>"

    def _repr_html_(self) -> str:
        from swimrl.bench.text import html

        return html(self.tables())

    @property
    def _benchmark(self) -> Benchmark:
        return BENCHMARKS[self.kind]


@dataclass(frozen=True, repr=False)
class Comparison:
    """What changed from one record to another. ``print`` shows a table; a notebook shows it too."""

    first: BenchRecord
    second: BenchRecord
    changes: tuple[Change, ...]
    """The change of each work of each arm that both records hold."""

    def tables(self) -> Iterator[RenderableType]:
        """Yield the table and lines that show the changes, for `rich`."""
        from swimrl.bench.text import LEGEND, new_table, ratio_text

        title = f"time by {self.second.name or 'second'} / time by {self.first.name or 'first'}"
        table = new_table(title, ["arm", "work", "times"], words=0)
        for column in table.columns[:2]:
            column.justify, column.no_wrap = "left", False
        for change in self.changes:
            table.add_row(change.arm, change.work, ratio_text(change.ratio))
        yield table
        yield ""
        yield self._summary()
        yield f"{LEGEND.rstrip(';')}."
        yield from self._version_changes()

    def print(self) -> None:
        """Print the table on standard output, 80 columns wide."""
        from swimrl.bench.text import print_all

        print_all(self.tables())

    def __str__(self) -> str:
        from swimrl.bench.text import plain_text

        return plain_text(self.tables())

    def __repr__(self) -> str:
        return f"<comparison of {self.first!r} and {self.second!r}: {len(self.changes)} changes>"

    def _repr_html_(self) -> str:
        from swimrl.bench.text import html

        return html(self.tables())

    def _summary(self) -> str:
        clear = [change.ratio for change in self.changes if change.ratio.distinguishable]
        slower = sum(ratio.value > 1 for ratio in clear)
        return (
            f"{slower} slower, {len(clear) - slower} faster, {len(self.changes) - len(clear)} not "
            "distinguishable. The records were taken at different times, so a change of the machine counts "
            "too; and of many intervals of 95 % some miss by chance."
        )

    def _version_changes(self) -> Iterator[str]:
        before, after = self.first.timing.versions, self.second.timing.versions
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield f"{name}: {before.get(name)} and {after.get(name)}"


def run(kind: str, config: Any = None, *, quiet: bool = False, **settings: Any) -> BenchRecord:
    """Run a benchmark and return its record.

    Args:
        kind: ``"activations"``, ``"paper"``, ``"policy"``, ``"run"`` or ``"train"``.
        config: What to measure, as the benchmark's own dataclass; in place of ``settings``.
        quiet: Show no progress bar.
        **settings: What to measure: the options of `swimrl bench KIND`, without dashes.

    Raises:
        UnknownNameError: If there is no such benchmark.
        ConfigError: If a setting is unknown or cannot be used.
        SwimrlError: If nothing could be measured.

    Example:
        >>> import swimrl
        >>> record = swimrl.bench.run("activations", act=["swim", "relu"], quick=True)  # doctest: +SKIP
        >>> record.print()  # doctest: +SKIP
        >>> record.write("costs.json")  # doctest: +SKIP
    """
    if kind not in BENCHMARKS:
        raise UnknownNameError("benchmark", kind, BENCHMARKS, "swimrl bench --help")
    benchmark = BENCHMARKS[kind]
    if config is None:
        config = from_mapping(benchmark.config, settings, source=f"swimrl.bench.run({kind!r})")
    elif settings:
        raise InputError(f"a config and {', '.join(settings)} are given; give the config alone, or no config")
    if not quiet and benchmark.estimate is not None:
        announce(*benchmark.estimate(config))
    with ProgressBar(quiet=quiet) as bar:
        return BenchRecord(benchmark.measure(config, bar))


def read(path: str | Path) -> BenchRecord:
    """Return the record in file ``path``, which `BenchRecord.write` or ``swimrl bench ... --json`` wrote.

    Raises:
        DamagedFileError: If it cannot be read or is no record.
        InputError: If it is of an unknown kind.
    """
    record = timing_record.read(Path(path))
    if record.kind not in BENCHMARKS:
        raise InputError(f"{path} is of kind {record.kind!r}; expected one of {', '.join(BENCHMARKS)}")
    return BenchRecord(record, Path(path).name)


def merge(*records: BenchRecord) -> BenchRecord:
    """Return one record with the processes of all ``records``.

    Raises:
        InputError: If they do not hold the same measurement with the same versions on the same machine.
    """
    return BenchRecord(comparison.merge([record.timing for record in records]))


def compare(first: BenchRecord, second: BenchRecord, clock: Clock = "wall") -> Comparison:
    """Return what became slower or faster from the first record to the second.

    Args:
        first: The earlier record.
        second: A later record of the same measurement on the same machine.
        clock: Which seconds count.

    Raises:
        InputError: If they cannot be compared or have nothing in common.
    """
    changes = tuple(comparison.compare(first.timing, second.timing, clock))
    if not changes:
        raise InputError(
            f"{first.name} and {second.name} have nothing in common; measure the same arms in both"
        )
    return Comparison(first, second, changes)

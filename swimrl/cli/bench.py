"""Measure what activations, actions and training cost on this machine.

examples:
  swimrl bench activations swim swish relu --quick
  swimrl bench paper --act swim swish relu
  swimrl bench policy --act swim
  swimrl bench train --act swim relu --against sb3 --json FILE
  swimrl bench show FILE
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from swimrl.bench.base import BENCHMARKS, Benchmark
from swimrl.cli.app import Command
from swimrl.errors import InputError
from swimrl.fields import copy_fields

if TYPE_CHECKING:
    from swimrl.bench.records import BenchRecord


@dataclass(frozen=True)
class _Json:
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the record with all raw readings to this new file."""


@dataclass(frozen=True)
class _Clock:
    clock: Literal["wall", "cpu"] = "wall"
    """Which seconds the tables count: those that pass, or those for which the processor works, which are
    steadier on a busy machine. The record holds both."""


@dataclass(frozen=True)
class _CostFiles:
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None
    """Write every cost of activations to this new file, one on a line."""

    figure: Annotated[Path | None, tyro.conf.arg(metavar="FILE.svg")] = None
    """Draw the costs of activations, with intervals, into this new .png or .svg file."""


@dataclass(frozen=True)
class ShowArgs(_CostFiles, _Json, _Clock):
    """What to show."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE [FILE ...]")] = (
        field(kw_only=True)
    )
    """Records that `swimrl bench ... --json` wrote."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the merged record to this new file."""


@dataclass(frozen=True)
class CompareArgs(_Clock):
    """What to compare."""

    first: tyro.conf.Positional[Path] = field(kw_only=True)
    """A record that `swimrl bench ... --json` wrote."""

    second: tyro.conf.Positional[Path] = field(kw_only=True)
    """A later one."""


def show(args: ShowArgs) -> None:
    """Print the tables of a record; several records are merged first.

    Only records of the same measurement on the same machine can be merged.

    examples:
      swimrl bench show FILE
      swimrl bench show monday.json tuesday.json --json both.json
      swimrl bench show FILE --figure costs.svg --csv costs.csv
    """
    from swimrl import bench

    records = [bench.read(path) for path in args.files]
    record = bench.merge(*records)
    if (args.csv or args.figure) and record.kind != "activations":
        raise InputError(
            f"--csv and --figure are for records of activations, and this is one of {record.kind!r}"
        )
    _check_files(args)
    _write(record, args)
    record.print(args.clock)


def compare(args: CompareArgs) -> None:
    """Print what became slower or faster between two records of one machine.

    examples:
      swimrl bench compare before.json after.json
      swimrl bench compare before.json after.json --clock cpu
    """
    from swimrl import bench

    bench.compare(bench.read(args.first), bench.read(args.second), args.clock).print()


def _measure(benchmark: Benchmark) -> Command:
    """Return the command that runs a benchmark, writes its record and prints its tables."""
    options: tuple[type, ...] = (_Json, _Clock) if benchmark.reads_both_clocks else (_Json,)
    if benchmark.kind == "activations":
        options = (_CostFiles, *options)
    # The fields of the last base come first: the help lists what to measure before what to write.
    namespace = {"__doc__": "What to measure.", "__module__": __name__}
    args_type: type[Any] = dataclass(frozen=True)(type("Args", (*options, benchmark.config), namespace))

    def run(args: Any) -> None:
        from swimrl import bench

        config = copy_fields(args, benchmark.config)
        _check_files(args)
        record = bench.run(benchmark.kind, config)
        _write(record, args)
        record.print(getattr(args, "clock", "wall"))
        paths = list(_paths(args))
        if paths:
            print()
        for what, path in paths:
            print(f"{what}: {path}")

    return Command(benchmark.summary, benchmark.help, args_type, run)


def _paths(args: Any) -> Iterator[tuple[str, Path]]:
    """Yield what is written and where, for each file that the user asked for."""
    for option, what in (("json", "raw readings"), ("csv", "costs"), ("figure", "figure")):
        path = getattr(args, option, None)
        if path is not None:
            yield what, path


def _check_files(args: Any) -> None:
    """Check, before anything is measured, that the files can be written."""
    from swimrl.timing.record import check_free

    for what, path in _paths(args):
        check_free(path)
        if what == "figure":
            from swimrl.bench.activations import figure

            figure.check(path)


def _write(record: BenchRecord, args: Any) -> None:
    """Write the files that the user asked for."""
    if args.json:
        record.write(args.json)
    if record.kind == "activations" and (args.csv or args.figure):
        from swimrl.bench.activations.results import ActivationCosts

        costs = ActivationCosts(record.timing, args.clock)
        if args.csv:
            costs.write_csv(args.csv)
        if args.figure:
            costs.draw(args.figure)


def _command(summary: str, run: Callable[[Any], None], args_type: type[Any]) -> Command:
    from inspect import cleandoc

    return Command(summary, cleandoc(run.__doc__ or ""), args_type, run)


COMMANDS = {
    **{kind: _measure(benchmark) for kind, benchmark in BENCHMARKS.items()},
    "compare": _command("What changed from one record to another", compare, CompareArgs),
    "show": _command("Print a record, or several merged", show, ShowArgs),
}

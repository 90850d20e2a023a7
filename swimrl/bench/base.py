"""The benchmarks as one table, from which commands and `swimrl.bench.run` follow. Light: no torch here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from swimrl.bench.action import config as action
from swimrl.bench.activations import config as activations
from swimrl.bench.paper import config as paper
from swimrl.bench.training import config as training
from swimrl.bench.whole_run import config as whole_run
from swimrl.timing.measure import Progress
from swimrl.timing.record import Clock, TimingRecord

if TYPE_CHECKING:
    from rich.console import RenderableType


class Results(Protocol):
    """What a record says; each benchmark has a class of its own with typed values."""

    record: TimingRecord
    clock: Clock


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. Its package holds ``config.py``, ``child.py``, ``results.py`` and ``tables.py``."""

    kind: str
    """The kind of its records, and the name of its command."""

    summary: str
    """One line for the list of commands."""

    help: str
    """The description and examples of the command."""

    package: str

    config: type[Any]
    """What can be asked for: a dataclass whose fields are the options."""

    measure: Callable[[Any, Progress], TimingRecord]
    """Checks what only a run can check, measures what a config asks for, and returns the record."""

    results: str
    """The class in ``results.py`` that reads a record; it is created with a record and a clock."""

    estimate: Callable[[Any], tuple[str, float, str]] | None = None
    """What is measured, about how many seconds it takes, and the options that shorten it."""

    reads_both_clocks: bool = True
    """Whether results can count processor seconds as well as wall seconds."""

    def read_results(self, record: TimingRecord, clock: Clock = "wall") -> Results:
        """Return what a record of this kind says by one of its clocks."""
        results: Results = getattr(self._module("results"), self.results)(record, clock)
        return results

    def tables(self, results: Results) -> Iterator[RenderableType]:
        """Return tables and lines of text that show ``results``."""
        tables: Iterator[RenderableType] = self._module("tables").tables(results)
        return tables

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package}.{name}")  # only when needed: it takes NumPy or rich


_ACTIVATIONS = """\
Measure what an activation costs: value, gradients, memory; against relu.

All arms take turns in one process on one core, in short random rounds.

examples:
  swimrl bench activations swim swish relu ulu mish --quick --json FILE
  swimrl bench activations swim "expr: x*sigmoid(b*x); b=1" --shape 256x400
  swimrl bench activations swim swish --impl native fused --dtype float32
  swimrl bench activations --impl fused --dtype float32 --figure costs.png
"""

_PAPER = """\
Time activations as the Swim paper does, and beside it properly.

The paper: 100 inferences of the target actor, 100 backward passes of critics.

Beside it the same after a warm-up, in interleaved rounds, with intervals.

examples:
  swimrl bench paper --act swim swish relu
  swimrl bench paper --act swim "swim(k=1)" ulu relu --json FILE
"""

_POLICY = """\
Measure how long a policy takes for one action, as a controller calls it.

Compares Stable-Baselines3, PyTorch, onnxruntime, our path and exported C.

examples:
  swimrl bench policy --act swim relu
  swimrl bench policy runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl bench policy --act swim --net 64x64 --env Hopper-v4 --json FILE
"""

_TRAIN = """\
Measure how fast training is, side by side with other libraries.

Each contender runs in its own process on one core, in short random rounds.

examples:
  swimrl bench train --act swim relu ulu --against sb3 --json FILE
  swimrl bench train --act swim --engine fused fused@2 bf16 --against sb3 sb3@2
  swimrl bench train --against sbx --peer-python sbx=/opt/sbx/bin/python
"""

_RUN = """\
Measure how long a whole run takes, from the command to the final score.

Shows where its seconds go: start, steps, evaluations, diagnostics, checkpoints.

examples:
  swimrl bench run
  swimrl bench run --net 64x64 --rounds 1 --json FILE
  swimrl bench run --net 64x64 --steps 100000 --rounds 1 --against none
  swimrl bench run --against sb3 sbx --peer-python sbx=/opt/sbx/bin/python
"""

BENCHMARKS = {
    benchmark.kind: benchmark
    for benchmark in (
        Benchmark(
            activations.KIND,
            "What an activation costs: value, gradients, memory",
            _ACTIVATIONS,
            "swimrl.bench.activations",
            activations.ActivationBenchmarkConfig,
            activations.measure,
            "ActivationCosts",
            activations.estimate,
        ),
        Benchmark(
            paper.KIND,
            "The Swim paper's timing, and the same done properly",
            _PAPER,
            "swimrl.bench.paper",
            paper.PaperBenchmarkConfig,
            paper.measure,
            "PaperTimes",
        ),
        Benchmark(
            action.KIND,
            "How long a policy takes for one action",
            _POLICY,
            "swimrl.bench.action",
            action.ActionBenchmarkConfig,
            action.measure,
            "ActionLatencies",
            reads_both_clocks=False,
        ),
        Benchmark(
            training.KIND,
            "Environment steps and updates a second, beside peers",
            _TRAIN,
            "swimrl.bench.training",
            training.TrainingBenchmarkConfig,
            training.measure,
            "TrainingSpeeds",
        ),
        Benchmark(
            whole_run.KIND,
            "How long a whole run takes, and where its seconds go",
            _RUN,
            "swimrl.bench.whole_run",
            whole_run.RunBenchmarkConfig,
            whole_run.measure,
            "RunTimes",
            whole_run.estimate,
            reads_both_clocks=False,
        ),
    )
}
"""By kind, in the order of the help."""

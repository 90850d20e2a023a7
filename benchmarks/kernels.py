"""Time the CPU kernel of every elementwise activation next to relu's: value and all slopes in one pass.

    python benchmarks/kernels.py --out results/kernels

float32 [256, 256], standard normal inputs, one thread, default parameters. Parameters that are learned by
default are learned here too, so their slopes are computed as well. All kernels take turns in every round, and
each ratio is the quotient of two medians over the same rounds. Writes kernels.json with every reading, and
table.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from swimrl.activations import REGISTRY, Activation, activation
from swimrl.activations.cpu.kernel import CpuKernel
from swimrl.host import host_facts, library_versions
from swimrl.timing.ratio import median, ratio

SHAPE = (256, 256)
DTYPE = np.float32
BASELINE = "relu"
TARGETS = {False: 5.0, True: 9.0}
"""The aim, as a multiple of relu's time, without and with learned parameters."""


class Bench:
    """Kernels that take turns on the same memory, which therefore stays in the cache, as in an update."""

    def __init__(self, names: Iterable[str]) -> None:
        modules = {name: activation(name) for name in names}
        self.learned = {name: len(list(module.parameters())) for name, module in modules.items()}
        self.z, slope, bias = np.empty(SHAPE, DTYPE), np.empty(SHAPE, DTYPE), np.zeros(SHAPE[1], DTYPE)
        theta_slopes = np.empty((max(self.learned.values()), *SHAPE), DTYPE)
        self.calls: dict[str, Callable[[], object]] = {}
        for name, module in modules.items():
            assert isinstance(module, Activation)
            theta = np.array([p.item() for p in module.parameters()], DTYPE)
            kernel = CpuKernel(module.spec.settled, np.dtype(DTYPE))
            self.calls[name] = kernel.bind_value_and_slopes(
                self.z, bias, theta, slope, theta_slopes[: theta.size]
            )

    def read(self, rounds: int) -> dict[str, list[int]]:
        """Return one reading (ns) of each kernel in each round; each round has a new random order.

        Each kernel is called twice on the same input, and the second call counts: the first one brings its
        code and memory into the caches.
        """
        generator = np.random.default_rng(0)
        x = generator.standard_normal(SHAPE).astype(DTYPE)
        readings: dict[str, list[int]] = {name: [] for name in self.calls}
        for _ in range(rounds):
            for name in generator.permutation(list(self.calls)):
                for _ in range(2):
                    np.copyto(self.z, x)
                    before = time.perf_counter_ns()
                    self.calls[name]()
                    after = time.perf_counter_ns()
                readings[name].append(after - before)
        return readings


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--names", nargs="*", help="only these, next to relu")
    arguments = parser.parse_args()

    every = [definition.name for definition in REGISTRY.definitions() if definition.module is None]
    names = dict.fromkeys([BASELINE, *(arguments.names or [*every, "swim(k=trainable)"])])
    bench = Bench(names)
    learned, readings = bench.learned, bench.read(arguments.rounds)

    rows = []
    for name, reading in readings.items():
        times = ratio([reading], [readings[BASELINE]])
        rows.append((times.value / TARGETS[learned[name] > 0], name, times, median([reading]) / 1e3))
    rows.sort(key=lambda row: (learned[row[1]] > 0, -row[2].value))
    lines = ["| activation | learned | us | times relu | 95 % interval | |", "|---|---|---|---|---|---|"]
    for excess, name, times, microseconds in rows:
        low, high = times.interval or (float("nan"), float("nan"))
        cells = (f"`{name}`", str(learned[name] or ""), f"{microseconds:.1f}", f"{times.value:.1f}")
        lines.append(f"| {' | '.join(cells)} | {low:.1f} .. {high:.1f} | {'above' * (excess > 1)} |")

    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n")
    record = {
        "unit": "ns",
        "shape": SHAPE,
        "dtype": "float32",
        "learned_parameters": learned,
        "readings": readings,
        "host": host_facts(),
        "versions": library_versions(),
    }
    (arguments.out / "kernels.json").write_text(json.dumps(record) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

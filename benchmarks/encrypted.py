"""Time encrypted actions by depth, width and polynomial: random weights, HalfCheetah's sizes.

    python benchmarks/encrypted.py --hidden 1 --out results/encrypted

Client and server are the two processes of `swimrl encrypt`. Each policy acts ``--actions`` times after one
action that prepares the server. OUT/latency-HIDDEN.json has every second.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.activations.language.names import parse_name
from swimrl.activations.numpy.function import numpy_function
from swimrl.encrypting.client import Client, Times, server_process
from swimrl.encrypting.network import Linear, Network, folded, gate_of
from swimrl.encrypting.packing import Packing, fits
from swimrl.encrypting.plan import plan_for
from swimrl.host import host_facts, library_versions
from swimrl.polynomials import minimax

OBSERVATION, ACTION = 17, 6
BOUND = 12.0
Function = Callable[[np.ndarray], np.ndarray]


def polynomial(name: str) -> tuple[Function, int]:
    """Return an activation, such as ``swim 6`` or ``quadratic_gate``, and its degree."""
    activation, *degree = name.split()
    function = numpy_function(parse_name(activation))
    return (minimax(function, int(degree[0]), BOUND).series, int(degree[0])) if degree else (function, 2)


def random_network(
    sizes: Sequence[int], function: Function, degree: int
) -> tuple[Network, np.ndarray, float]:
    """Return a network, observations that it is prepared for, [M, O], and the bound of its outputs."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, sizes[0]))
    layers, gates, h = [], [], x
    for inputs, units in itertools.pairwise(sizes):
        weight, bias = rng.uniform(-1, 1, (units, inputs)), rng.uniform(-1, 1, units)
        layers.append(Linear(1.5 * weight / np.sqrt(inputs), bias / np.sqrt(inputs)))
        z = h @ layers[-1].weight.T + layers[-1].bias
        if len(layers) < len(sizes) - 1:
            gates.append(gate_of(function, degree, z, 1.5))
            h = function(z)
    bound = 1.5 * float(np.abs(z).max())
    return folded(layers, gates, bound), x, bound


def measured(hidden: int, width: int, name: str, actions: int) -> dict[str, Any]:
    """Return the row of one policy."""
    function, degree = polynomial(name)
    network, x, bound = random_network((OBSERVATION, *(width,) * hidden, ACTION), function, degree)
    plan = plan_for(network.levels, lambda slots: fits(network, slots))
    packing = Packing(network, plan.slots)
    with server_process(network) as (_, connection):
        client = Client(plan, packing, bound, 9, connection)
        client.act(x[0])
        client.times = Times()
        for row in x[1 : actions + 1]:
            client.act(row, expected=lambda one: bound * network(one)[0])
    return {
        "hidden": hidden,
        "width": width,
        "polynomial": name,
        "log_ring": plan.log_ring,
        "prime_bits": list(plan.bits),
        "levels": plan.levels,
        "rotations": len(packing.rotations),
        "key_bytes": client.key_bytes,
        "key_s": client.key_s,
        "bytes_up": client.up_bytes,
        "bytes_down": client.down_bytes,
        "error_bits": client.error_bits,
        "seconds": vars(client.times),
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hidden", type=int, choices=(1, 2), required=True)
    parser.add_argument("--widths", type=int, nargs="+", default=(64, 256))
    parser.add_argument(
        "--polynomials", nargs="+", default=("quadratic_gate", "swim 6", "swim 14", "swim 30")
    )
    parser.add_argument("--actions", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = []
    for name, width in itertools.product(args.polynomials, args.widths):
        rows.append(measured(args.hidden, width, name, args.actions))
        row, seconds = rows[-1], rows[-1]["seconds"]
        print(
            f"| {args.hidden} | {width} | {name} | 2^{row['log_ring']} | {row['levels']} "
            f"| {1e3 * np.median(seconds['server_s']):.0f} | {1e3 * np.median(seconds['encrypt_s']):.1f} "
            f"| {1e3 * np.median(seconds['whole_s']):.0f} | {row['key_bytes'] / 1e6:.0f} "
            f"| 2^-{row['error_bits']} |",
            flush=True,
        )
    args.out.mkdir(parents=True, exist_ok=True)
    content = {"host": host_facts(), "versions": library_versions(), "actions": args.actions, "rows": rows}
    (args.out / f"latency-{args.hidden}.json").write_text(
        json.dumps(content, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()

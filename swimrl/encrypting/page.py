"""The page of encrypted episodes: whether the policy is fast enough, what it earns, and the parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swimrl.colours import ACCENT, SOFT
from swimrl.encrypting.record import SECURITY, spread, verdict
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.page import Part, rendered
from swimrl.reporting.section import Section
from swimrl.reporting.tables.table import Column, Table

if TYPE_CHECKING:
    from swimrl.encrypting.api import Encrypted

_LONGEST_NAME = 40


def returns_table(result: Encrypted) -> Table:
    """Return one row for each episode."""
    return Table(
        Section.SCORES,
        "returns",
        "Return with and without encryption",
        (
            Column("episode", "episode"),
            Column("encrypted", "encrypted", "{:,.1f}".format),
            Column("plain", "not encrypted", "{:,.1f}".format),
            Column("steps", "steps", "{:,}".format),
            Column("plain_steps", "steps, not encrypted", "{:,}".format),
        ),
        tuple(
            (number, float(a), float(b), int(c), int(d))
            for number, (a, b, c, d) in enumerate(
                zip(
                    result.played.returns,
                    result.plain.returns,
                    result.played.lengths,
                    result.plain.lengths,
                    strict=True,
                ),
                start=1,
            )
        ),
        note=(
            "The same polynomial policy from the same start. Both round actions to "
            f"2^-{result.settings.round_bits}."
        ),
    )


def times_table(result: Encrypted) -> Table:
    """Return what an action takes, in milliseconds."""
    names = {
        "whole_s": "observation to action",
        "encrypt_s": "client: encrypt",
        "server_s": "server: processor time",
        "decrypt_s": "client: decrypt",
    }
    return Table(
        Section.ENCRYPTION,
        "times",
        "Milliseconds of an action",
        (
            Column("part", "part", is_left=True),
            Column("median", "median", "{:.1f}".format),
            Column("high", "99 %", "{:.1f}".format),
            Column("largest", "largest", "{:.1f}".format),
        ),
        tuple(
            (title, *(1e3 * value for value in spread(getattr(result.times, key)).values()))
            for key, title in names.items()
        ),
        note="The first action, which prepares the server, is left out.",
    )


def figure(result: Encrypted) -> Figure:
    """Return the time of each action, with the control interval."""

    def draw() -> Any:
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas(figsize=(6.4, 2.8), layout="constrained")
        axes = canvas.add_subplot()
        times = 1e3 * np.asarray(result.times.whole_s)
        axes.plot(np.arange(1, len(times) + 1), times, ".", color=ACCENT, markersize=2.5)
        if result.control_s is not None:
            axes.axhline(1e3 * result.control_s, color=SOFT, linewidth=1.0, label="control interval")
            axes.legend()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("action")
        axes.set_ylabel("ms")
        return canvas

    return Figure(
        Section.ENCRYPTION, "action-times", "Time from the observation to the action, in milliseconds.", draw
    )


def facts(result: Encrypted) -> list[str]:
    """Return the parameters and what was exchanged, one line each."""
    policy, plan = result.policy, result.policy.plan
    network = policy.network
    sizes = " to ".join(map(str, (network.inputs, *(len(layer.bias) for layer in network.layers))))
    mask = ", clearing the slots between units 1" if network.is_masked else ""
    error = (
        ""
        if result.error_bits is None
        else f"encryption changes actions by less than 2^-{result.error_bits}; "
    )
    count = int(result.played.lengths.sum())
    components = count * policy.packing.actions
    of_activations = plan.levels - len(network.layers) - network.is_masked
    keys = f"{result.key_s:.1f} s and {result.key_bytes / 1e6:.0f} MB, sent once"
    return [
        f"{result.run.env_id}, {sizes}, {', '.join(_activations(result))}.",
        f"Ring: {plan.sentence}. Scale 2^{plan.scale_bits}.",
        f"Levels: {plan.levels}; layers use {len(network.layers)}, activations {of_activations}{mask}.",
        f"Keys: {keys}, for {len(policy.packing.rotations)} rotations. The secret key stays in the client.",
        f"Each action: {result.up_bytes / 1e6:.2f} MB to the server, {result.down_bytes / 1e6:.2f} MB back.",
        f"Errors: {error}{result.equal:.2%} of {components:,} rounded numbers are the same without it.",
        f"Bounds: at {result.outside} of {count:,} actions a number left its bound; nothing is clipped.",
    ]


def _activations(result: Encrypted) -> list[str]:
    """Return the activation of each hidden layer; of a long expression its degree."""
    return [
        spec.canonical
        if len(spec.canonical) <= _LONGEST_NAME
        else f"polynomial of degree {gate.series.degree}"
        for spec, gate in zip(result.actor.activations, result.policy.gates, strict=True)
    ]


def write_page(result: Encrypted) -> Path:
    """Write index.html and its figure; return the page.

    Raises:
        InputError: If matplotlib or jinja2 is not installed.
    """
    folder = result.page.parent
    drawn = figure(result)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    drawn.save(folder / "figures", ["svg"])
    sections = [
        Part(Section.SCORES, (returns_table(result),), ()),
        Part(Section.ENCRYPTION, (times_table(result),), (drawn,)),
    ]
    result.page.write_text(
        rendered(
            f"{result.run.env_id} on encrypted observations",
            [verdict(result)],
            facts(result),
            sections,
            folder,
            warnings=[sentence.removesuffix(".") for sentence in SECURITY],  # the page adds it
        ),
        encoding="utf-8",
    )
    return result.page

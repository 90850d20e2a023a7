"""Print the short verdict on runs: which arm is better, by how much, how sure.

examples:
  swimrl compare runs/hopper
  swimrl compare runs/a runs/b --baseline swish --metric final100
  swimrl compare runs/hopper --json
"""

from __future__ import annotations

from dataclasses import dataclass

from swimrl.cli.report import Selection, compared, print_verdict


@dataclass(frozen=True)
class Args(Selection):
    """What to compare."""

    json: bool = False
    """Print JSON: what `swimrl report` writes as summary.json."""


def run(args: Args) -> None:
    """Compare and print."""
    report = compared(args)
    if not args.json:
        print_verdict(report)
        return
    import json

    from swimrl.reporting.summary import summary

    print(json.dumps(summary(report.contents), indent=2))

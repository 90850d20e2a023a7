"""Make a study of made-up runs, to measure commands on many of them.

    python benchmarks/made_up_study.py /tmp/made-up --runs 10000
    time swimrl status /tmp/made-up > table

Each run has a run.json and 20 evaluations of ten episodes, as a run of 100,000 steps leaves them. Of 50
runs one has not begun, one failed and one was interrupted; the others are done.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.sweeps.study_record import SharedChoices, StudyRecord, write_study_record

STEPS = 100_000
EVERY = 5_000
ENVIRONMENTS = ("Ant-v4", "HalfCheetah-v4", "Hopper-v4", "Walker2d-v4")
ARMS = 25
"""Activations: swim with so many values of k."""

TEMPLATE = Path(__file__).parents[1] / "tests/golden/v1/finished/run.json"
STATUS = {1: "failed", 2: "interrupted"}


def make(folder: Path, runs: int) -> None:
    """Write the study.

    Args:
        folder: Where; it must not exist.
        runs: How many runs.
    """
    folder.mkdir(parents=True)
    template = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    generator = np.random.default_rng(0)
    names = {}
    for number in range(runs):
        seed, arm = divmod(number, len(ENVIRONMENTS) * ARMS)
        env, k = ENVIRONMENTS[arm // ARMS], 1 + arm % ARMS
        name = f"{env}/swim-k-{k}-{arm:08x}/seed-{seed}"
        names[name] = STEPS
        if number % 50:
            config = template["config"] | {"env": env, "act": f"swim(k={k})", "seed": seed, "steps": STEPS}
            status = STATUS.get(number % 50, "done")
            record = template | {"config": config, "status": status, "steps_done": STEPS}
            record["reason"] = "the critics' loss is nan" if status == "failed" else None
            _write_run(folder / name, record, generator)
    write_study_record(folder, StudyRecord(SharedChoices(folder.name), {}, names))


def _write_run(path: Path, record: dict[str, Any], generator: np.random.Generator) -> None:
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(record, indent=2))
    lines = ["step,episode,return,length"]
    for step in range(0, STEPS, EVERY):
        returns = step / 30 + generator.normal(size=10) * 100
        lines += [f"{step},{episode},{value},1000" for episode, value in enumerate(returns.tolist())]
    (path / "evaluations.csv").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Make the study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where; it must not exist")
    parser.add_argument("--runs", type=int, default=10_000)
    arguments = parser.parse_args()
    make(arguments.folder, arguments.runs)


if __name__ == "__main__":
    main()

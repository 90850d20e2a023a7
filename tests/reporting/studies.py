"""Small studies made by hand: run directories without a training, and runs in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.activations.language.names import parse_name
from swimrl.reporting.analysis import analyse
from swimrl.reporting.findings import Analysis
from swimrl.reporting.read import Collection, Run
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import RunRecord

STEPS = np.arange(0, 60_001, 5_000)
PRIMARY = {
    "metric": "last10",
    "baseline": "relu",
    "comparisons": ["swim"],
    "environments": ["Hopper-v4"],
    "planned_seeds": 4,
}
DIVERGED: Mapping[str, Any] = {
    "status": "failed",
    "failure": "diverged",
    "reason": "the critics' loss is nan after 20 updates; the first tensor that is not finite is critic",
}
"""Fields of a run that diverged."""


def rising(level: float, seed: int = 0) -> np.ndarray:
    """A curve from 0 to about ``level`` at the end, over `STEPS`."""
    noise = np.random.RandomState(seed).randn(len(STEPS))
    return level * np.minimum(STEPS / 30_000, 1) + noise


def run(env: str = "Hopper-v4", arm: str = "relu", seed: int = 0, level: float = 100.0, **fields: Any) -> Run:
    """A run in memory."""
    fields = {"steps": STEPS, "returns": rising(level, seed), "values": (arm,), **fields}
    return Run(env=env, arm=arm, seed=seed, source=Path(f"{env}/{arm}/seed-{seed}"), **fields)


def runs(levels: Mapping[tuple[str, str], Sequence[float]], **fields: Any) -> list[Run]:
    """Runs of several tasks and arms, one for each level."""
    return [
        run(env, arm, seed, level, **fields)
        for (env, arm), several in levels.items()
        for seed, level in enumerate(several)
    ]


def analysis_of(runs: Sequence[Run], **arguments: Any) -> Analysis:
    """What these runs say, a random policy scoring 10 on Hopper and -20 on Ant."""
    zero = {"Hopper-v4": 10.0, "Ant-v4": -20.0}
    return analyse(Collection(tuple(runs), ()), **{"random_returns": zero, **arguments})


def two_arms() -> list[Run]:
    """Two tasks; swim is far above relu on Hopper, and like it on Ant."""
    return runs(
        {
            ("Hopper-v4", "relu"): [100, 110, 120, 130, 140],
            ("Hopper-v4", "swim"): [200, 210, 220, 230, 240],
            ("Ant-v4", "relu"): [50, 60, 70, 80, 90],
            ("Ant-v4", "swim"): [55, 58, 72, 77, 93],
        }
    )


def record(
    *,
    env: str,
    act: str,
    seed: int,
    lr: float = 3e-4,
    primary: Mapping[str, Any] | None = None,
    **fields: Any,
) -> RunRecord:
    """A record as a run writes it."""
    layers = [parse_name(act).describe()]
    study: dict[str, Any] = {"name": "test"}
    if primary is not None:
        text = json.dumps(primary, sort_keys=True)
        study |= {"primary": primary, "primary_sha256": hashlib.sha256(text.encode()).hexdigest()}
    values: dict[str, Any] = {
        "config": {
            "env": env,
            "act": act,
            "act_actor": None,
            "act_critic": None,
            "steps": 60_000,
            "seed": seed,
            "net": "16x16",
            "td3": {"lr": lr, "batch_size": 256},
        },
        "activations": {"actor": layers, "critic": layers},
        "network": {},
        "environment": {"id": env},
        "versions": {"swimrl": "0.1.0", "torch": "2.13.0", "mujoco": "3.17.0", "gymnasium": "1.4.0"},
        "host": {"processor": "a processor"},
        "engine": {"name": "fused", "precision": "float32"},
        "study": study,
        "status": "done",
        "metrics": {"final100": 123.0},
    }
    return RunRecord(**{**values, **fields})


def write_run(
    folder: Path,
    *,
    env: str = "Hopper-v4",
    act: str = "relu",
    seed: int = 0,
    level: float = 100.0,
    until: int = 60_000,
    diagnostics: Mapping[str, float] | None = None,
    **fields: Any,
) -> Path:
    """Write a run directory and return it."""
    lr = fields.get("lr", 3e-4)
    directory = RunDirectory(folder / env / f"{act}-{lr:g}" / f"seed-{seed}")
    directory.path.mkdir(parents=True)
    directory.record_file.write_text(record(env=env, act=act, seed=seed, **fields).to_json())
    returns, looks = ["step,episode,return,length"], ["step,series,value"]
    for step, value in zip(STEPS.tolist(), rising(level, seed).tolist(), strict=True):
        if step <= until:
            returns += [f"{step},0,{value - 1!r},10", f"{step},1,{value + 1!r},10"]
            looks += [f"{step},{name},{number}" for name, number in (diagnostics or {}).items()]
    directory.evaluations_file.write_text("\n".join(returns) + "\n")
    if diagnostics:
        directory.diagnostics_file.write_text("\n".join(looks) + "\n")
    return directory.path


def write_study(folder: Path, *, seeds: int = 4, primary: Mapping[str, Any] | None = None) -> Path:
    """Write a study of relu and swim on Hopper, in which swim is far above."""
    for seed in range(seeds):
        for act, level in (("relu", 100.0), ("swim", 200.0)):
            learned = {"parameter/k/actor.layer1": 1.5} if act == "swim" else {}
            write_run(
                folder,
                act=act,
                seed=seed,
                level=level + 10 * seed,
                primary=primary,
                diagnostics={"units/dead/actor.layer1": 0.25, "units/dead/actor.layer2": 0.75, **learned},
            )
    return folder

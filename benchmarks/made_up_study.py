"""Write a study that nobody ran: run directories with made-up learning curves, to try commands at any size.

    python benchmarks/made_up_study.py made-up --arms 12 --tasks 5 --seeds 10
    swimrl report made-up --out report
    python benchmarks/made_up_study.py sweep --arms 25 --tasks 4 --seeds 100 --evaluations 20 --unfinished
    time swimrl status sweep > table

The same arguments give the same files. Arms differ a little in level and spread, and on each task; every 50th
run diverges. Every run.json says `"made_up": true` under `study`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.activations.language.names import parse_name
from swimrl.envs.random_policy import random_returns
from swimrl.runs.declaration import sha256_of
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import RunRecord, Status
from swimrl.sweeps.study_record import SharedChoices, StudyRecord, write_study_record

TASKS: Mapping[str, float] = {
    "HalfCheetah-v4": 9600.0,
    "Hopper-v4": 3500.0,
    "Walker2d-v4": 4700.0,
    "Ant-v4": 4400.0,
    "Swimmer-v4": 110.0,
    "Humanoid-v4": 5200.0,
    "HalfCheetah-v5": 9700.0,
    "Hopper-v5": 3400.0,
    "Walker2d-v5": 4600.0,
    "Ant-v5": 4300.0,
}
"""Made-up level at the end of training, by task."""

ARMS = (
    *("relu", "leaky_relu", "elu", "gelu", "swish", "mish"),
    *("tanh", "swim", "ulu", "aulu", "xielu", "taaf(swim)"),
)
STEPS = 1_000_000
"""Environment steps of a whole run."""

_EVERY = 50
"""Every run of this number diverges."""


def arm_names(count: int) -> list[str]:
    """Return the names of so many activations; beyond those of `ARMS`, Swim with other constants."""
    return [*ARMS[:count], *(f"swim(k={0.5 + place / 50:g})" for place in range(count - len(ARMS)))]


def write_study(
    folder: Path,
    *,
    arms: int = 12,
    tasks: int = 5,
    seeds: int = 10,
    evaluations: int = 41,
    episodes: int = 10,
    with_diagnostics: bool = False,
    primary: Mapping[str, Any] | None = None,
    unfinished: bool = False,
    seed: int = 0,
) -> None:
    """Write a made-up study.

    Args:
        folder: The folder of the study.
        arms: The number of activations.
        tasks: The number of tasks, at most 10.
        seeds: Runs of each activation on each task.
        evaluations: Evaluations of a run, with that before training.
        episodes: Episodes of an evaluation.
        with_diagnostics: Whether runs have a diagnostics.csv.
        primary: The declaration in every run.
        unfinished: Whether, of 50 runs, one has not begun and one was interrupted.
        seed: Seed of everything that is made up.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    names, chosen = arm_names(arms), list(TASKS)[:tasks]
    layers = {name: [parse_name(name).describe()] for name in names}
    quality = dict(zip(names, generator.normal(1.0, 0.06, arms), strict=True))
    zero, count, planned = random_returns(), 0, {}
    steps = np.linspace(0, STEPS, evaluations).astype(int)
    for task in chosen:
        for name in names:
            level = quality[name] * generator.normal(1.0, 0.05) * (TASKS[task] - zero[task])
            for run in range(seeds):
                count += 1
                directory = RunDirectory(folder / task / name / f"seed-{run}")
                planned[directory.path.relative_to(folder).as_posix()] = STEPS
                if unfinished and count % _EVERY == 1:
                    continue
                end = level * generator.normal(1.0, 0.12)
                rise = 1 - np.exp(-steps / generator.uniform(1.2e5, 4e5))
                noise = generator.normal(0, 0.04 * level, (evaluations, episodes))
                returns = zero[task] + end * rise[:, None] + noise * (0.1 + rise[:, None])
                status: Status = "failed" if count % _EVERY == 0 else "done"
                if unfinished and count % _EVERY == 2:
                    status = "interrupted"
                last = evaluations if status == "done" else evaluations // 2
                directory.path.mkdir(parents=True, exist_ok=True)
                record = _record(task, name, run, layers[name], primary, status, int(steps[last - 1]))
                directory.record_file.write_text(record.to_json(), encoding="utf-8")
                directory.evaluations_file.write_text(_evaluations(steps[:last], returns), encoding="utf-8")
                if with_diagnostics:
                    text = _diagnostics(steps[:last], generator)
                    directory.diagnostics_file.write_text(text, encoding="utf-8")
    write_study_record(folder, StudyRecord(SharedChoices("made-up", primary=primary), {}, planned))


def _evaluations(steps: np.ndarray, returns: np.ndarray) -> str:
    lines = ["step,episode,return,length"]
    for step, of_step in zip(steps.tolist(), returns.tolist(), strict=False):
        lines += [f"{step},{episode},{value!r},1000" for episode, value in enumerate(of_step)]
    return "\n".join(lines) + "\n"


def _diagnostics(steps: np.ndarray, generator: np.random.Generator) -> str:
    series = [f"units/dead/{net}.layer{layer}" for net in ("actor", "critic1") for layer in (1, 2)]
    series += ["rank/effective/actor", "rank/effective/critic1", "value/bias"]
    lines = ["step,series,value"]
    for step in steps.tolist():
        lines += [f"{step},{tag},{value!r}" for tag, value in _drawn(series, generator).items()]
    return "\n".join(lines) + "\n"


def _drawn(series: Sequence[str], generator: np.random.Generator) -> dict[str, float]:
    return dict(zip(series, generator.random(len(series)).tolist(), strict=True))


def _record(
    task: str,
    name: str,
    seed: int,
    layers: list[dict[str, Any]],
    primary: Mapping[str, Any] | None,
    status: Status,
    steps_done: int,
) -> RunRecord:
    declared = {} if primary is None else {"primary": dict(primary), "primary_sha256": sha256_of(primary)}
    return RunRecord(
        config={
            "env": task,
            "act": name,
            "act_actor": None,
            "act_critic": None,
            "steps": STEPS,
            "seed": seed,
            "net": "256x256",
            "engine": "fused",
            "precision": "float32",
            "threads": 1,
            "td3": {"lr": 3e-4, "batch_size": 256, "gamma": 0.99, "tau": 0.005, "policy_delay": 2},
        },
        activations={"actor": layers, "critic": layers},
        network={"actor_parameters": 70_000, "critic_parameters": 140_000},
        environment={"id": task},
        versions={"swimrl": "made up", "torch": "made up", "mujoco": "made up", "gymnasium": "made up"},
        host={"processor": "a made-up processor"},
        engine={"name": "fused", "precision": "float32", "threads": 1},
        study={"name": "made-up", "made_up": True, **declared},
        status=status,
        failure="diverged" if status == "failed" else None,
        reason="the loss of the critics is nan" if status == "failed" else None,
        steps_done=steps_done,
        wall_clock_s={"total": (1500.0 + 10 * len(name) + seed) * steps_done / STEPS},
    )


def main() -> None:
    """Write the study that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, default in (("arms", 12), ("tasks", 5), ("seeds", 10), ("evaluations", 41), ("episodes", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--diagnostics", action="store_true", help="write diagnostics.csv too")
    parser.add_argument("--unfinished", action="store_true", help="let some runs not have begun or ended")
    args = vars(parser.parse_args())
    write_study(args.pop("folder"), with_diagnostics=args.pop("diagnostics"), **args)


if __name__ == "__main__":
    main()

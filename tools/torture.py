"""Kills real runs with SIGKILL at random moments, resumes them, compares them with runs left alone.

`scripts/torture --kills 100` is the full proof; `test_resume.py` does the same with a few kills.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from swimrl.runs.checkpoint import CheckpointFolder

# Small networks and frequent evaluations and checkpoints, so that a moment is as likely in one as in another.
# The replay buffer overflows, so that its files are deleted on the way.
COMMON = [
    *("--steps", "1200", "--net", "16x16", "--td3.batch-size", "16", "--td3.learning-starts", "200"),
    *("--td3.buffer-size", "600", "--checkpoint-every", "50", "--eval-every", "200", "--eval-episodes", "2"),
    *("--final-episodes", "2"),
]

WORLDS = {
    "hopper": ["--env", "Hopper-v4", "--act", "swim(k=trainable)"],
    "ant": ["--env", "Ant-v4", "--act", "relu"],
    "normalised, side by side": [
        "--env",
        "Walker2d-v4",
        "--act",
        "swish",
        "--normalize-obs",
        "--n-envs",
        "2",
    ],
    "sb3": ["--env", "Reacher-v4", "--act", "swim", "--engine", "sb3"],
    "two threads": ["--env", "Hopper-v4", "--act", "relu", "--td3.layer-norm", "--threads", "2"],
    "module called by autograd": ["--env", "Reacher-v4", "--act", "rrelu"],
}

# Seconds that a session took, and what follows from them.
TIMES = {
    *("update_s", "total_s", "evaluation_s", "diagnosis_s", "checkpoint_s"),
    *("started", "lengths", "t"),
}


def start(arguments: list[str]) -> subprocess.Popen[str]:
    """Start ``swimrl``."""
    command = [sys.executable, "-m", "swimrl", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a process that should succeed; return what it said."""
    said, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: {said}")
    return said


def run_directory(study: Path) -> Path:
    """Return the only run of a study."""
    (file,) = study.glob("*/*/seed-*/run.json")
    return file.parent


def left_alone(world: list[str], study: Path) -> Path:
    """Train without any disturbance; return the run's directory."""
    finish(start(["train", *world, *COMMON, "--out", str(study)]))
    return run_directory(study)


def killed(
    world: list[str], study: Path, kills: int, longest_s: float, dice: random.Random
) -> tuple[Path, list[str]]:
    """Train, kill and resume until the run is done.

    Args:
        world: Environment, activation and the like.
        study: Where the run goes.
        kills: How often to kill, at most; a run that is done cannot be killed.
        longest_s: How long a session lives at most after it began to train.
        dice: Draws how long each lives.

    Returns:
        The run's directory, and for each kill what the run was doing, as far as the disk tells.
    """
    moments: list[str] = []
    process = start(["train", *world, *COMMON, "--out", str(study)])
    while len(moments) < kills:
        if not wait_until_it_trains(process, study):
            break
        time.sleep(dice.uniform(0, longest_s))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        moments.append(_moment(run_directory(study)))
        process = start(["resume", str(run_directory(study))])
    assert process.stdout is not None
    if not process.stdout.closed:  # it was not killed
        finish(process)
    return run_directory(study), moments


def wait_until_it_trains(process: subprocess.Popen[str], study: Path) -> bool:
    """Return whether the process trains; it does from when it has written a TensorBoard file of its own."""
    before = set(study.glob("*/*/*/events.*"))
    while process.poll() is None:
        if set(study.glob("*/*/*/events.*")) - before:
            return True
        time.sleep(0.01)
    if process.returncode:
        raise RuntimeError(process.communicate()[0])
    return False


def _moment(run: Path) -> str:
    if (run / "checkpoint" / "new").exists():
        return "in a checkpoint"
    return "before the first checkpoint" if not list(run.glob("checkpoint/0*")) else "between checkpoints"


def differences(left: Path, right: Path) -> list[str]:
    """Return in what two finished runs differ; nothing, if one is the other's continuation, bit for bit."""
    found = [
        name
        for name in (
            *("evaluations.csv", "final.csv", "diagnostics.csv"),
            *("policy.safetensors", "policy-best.safetensors"),
        )
        if (left / name).read_bytes() != (right / name).read_bytes()
    ]
    with np.load(left / "evaluations.npz") as a, np.load(right / "evaluations.npz") as b:
        found += [f"evaluations.npz: {name}" for name in a if a[name].tobytes() != b[name].tobytes()]
    a, b = (_last_checkpoint(run) for run in (left, right))
    found += [f"checkpoint: {name}" for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    a, b = (_scalars(run) for run in (left, right))
    found += [f"TensorBoard: {name}" for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return found


def _last_checkpoint(run: Path) -> dict[str, Any]:
    """Return all of the last checkpoint that is no time: numbers, arrays, the buffer's seals."""
    folder = run / "checkpoint"
    found = CheckpointFolder(folder).read()
    assert found is not None
    last = max(folder.glob("0*"))
    content: dict[str, Any] = dict(_numbers(json.loads((last / "state.json").read_bytes()), ""))
    for name, array in safetensors.numpy.load_file(last / "arrays.safetensors").items():
        content[f"array {name}"] = (array.dtype, array.shape, array.tobytes())
    return content | {f"replay {name}": seal for name, seal in found.shared.items()}


def _numbers(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in TIMES:
                yield from _numbers(item, f"{name}/{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _numbers(item, f"{name}/{number}")
    else:
        yield name, value


def _scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each TensorBoard curve, every one, sorted by step.

    TensorBoard itself takes files in the order of the seconds in their names, in which two sessions of a test
    can begin together.
    """
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: sorted((point.step, point.value) for point in events.Scalars(tag))
        for tag in events.Tags()["scalars"]
        if tag != "time/fps"
    }


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Torture runs until enough were killed, and say what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many kills in all")
    parser.add_argument("--seed", type=int, default=0, help="decides when they come")
    parser.add_argument("--out", type=Path, help="where to write the result, as JSON")
    args = parser.parse_args()
    dice, moments, broken, runs = random.Random(args.seed), Counter[str](), [], 0
    with tempfile.TemporaryDirectory() as folder:
        alone = {}
        for name, world in WORLDS.items():
            say(f"leaving alone: {name}")
            alone[name] = left_alone(world, Path(folder, "alone", str(len(alone))))
        for number, name in enumerate(itertools.cycle(WORLDS)):
            left = args.kills - moments.total()
            if not left:
                break
            trained_s = json.loads((alone[name] / "run.json").read_text())["wall_clock_s"]["total"]
            study = Path(folder, "killed", str(number))
            run, died = killed(WORLDS[name], study, min(left, 10), trained_s / 3, dice)
            found = differences(alone[name], run)
            runs += 1
            moments.update(died)
            broken += [f"run {number} ({name}): {difference}" for difference in found]
            say(f"killed {len(died)} times: {name}: {'; '.join(found) or 'equal'}")
    result = {
        "kills": moments.total(),
        "moments": dict(moments),
        "runs": runs,
        "seed": args.seed,
        "differences": broken,
    }
    say(json.dumps(result, indent=2))
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()

"""The repaired policy as files of a run directory, so that eval, export and repair work on it."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from swimrl.repairing.places import Place, patched
from swimrl.runs.directory import RunDirectory, replace, writing
from swimrl.runs.weights import read_weights
from swimrl.td3.agent import TD3
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.training import Run
from swimrl.training.policy_function import save_policy


def write_policy(
    run: Run, folder: Path, policy: TD3Policy, places: Sequence[Place], values: np.ndarray, *, best: bool
) -> None:
    """Write run.json, policy.safetensors and, if the run has one, policy.zip.

    run.json has no scores, because those of the run are of the policy before the repair. The zip is the run's
    with the repaired weights.

    Args:
        run: The run that was repaired.
        folder: The folder of the repair.
        policy: The policy before the repair.
        places: The changed weights, D.
        values: Their new values, [D].
        best: Whether the policy is the one of the run's best evaluation.

    Raises:
        StorageError: If a file cannot be written.
    """
    there = RunDirectory(folder)
    about = f"{len(places)} weights of the {'best' if best else 'last'} policy were repaired; see repair.json"
    record = dataclasses.replace(run.record, status="done", reason=about, metrics={}, study={})
    _, normalisation = read_weights(run.weights_file(best=best))
    (actor,) = perceptrons(policy.actor)
    (target,) = perceptrons(policy.actor_target)
    with patched(actor, places, values), patched(target, places, values):
        save_policy(there.policy_file, policy, normalisation)
        zipped = run.path / there.sb3_file.name
        if zipped.exists():
            agent = TD3.load(zipped, device="cpu")
            agent.policy.load_state_dict(policy.state_dict())
            buffer = io.BytesIO()
            agent.save(buffer)
            with writing(there.sb3_file):
                replace(there.sb3_file, buffer.getvalue())
    statistics = run.path / "vecnormalize.pkl"
    with writing(folder):
        if statistics.exists():
            shutil.copyfile(statistics, folder / statistics.name)
    there.write_record(record)

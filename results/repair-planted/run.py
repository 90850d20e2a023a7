"""Plant a fault in good controllers, look for it, and repair it.

python results/repair-planted/run.py plant RUN OUT --seed 0      # a copy of RUN with one wrong weight
python results/repair-planted/run.py repair OUT                  # localise, repair, write planted.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

import swimrl
from swimrl.repairing import Place, patched, write
from swimrl.repairing.localisation import pareto_levels
from swimrl.repairing.places import linear_layers, read
from swimrl.repairing.policies import PatchedPolicies
from swimrl.rollouts import lockstep, play
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.training.policy_function import save_policy

SETTINGS = {
    "repair_starts": 24,
    "test_starts": 100,
    "population": 20,
    "generations": 12,
    "null_draws": 20,
}
STARTS = 20
"""Starts on which a fault must raise the rate of falls."""

LEAST, MOST = 0.2, 0.8
"""By how much it must raise it."""

FIRST_SEED = 2**29
"""Of the starts for planting, which the repair uses for nothing."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    plant_parser = commands.add_parser("plant")
    plant_parser.add_argument("run", type=Path)
    plant_parser.add_argument("out", type=Path)
    plant_parser.add_argument("--seed", type=int, default=0)
    repair_parser = commands.add_parser("repair")
    repair_parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "plant":
        plant(arguments.run, arguments.out, arguments.seed)
    else:
        repair(arguments.run)


def plant(path: Path, out: Path, seed: int) -> None:
    """Change one weight until the policy falls more often, and write a copy of the run with it."""
    run = swimrl.open_run(path)
    policy, normalisation = run.td3_policy()
    (actor,) = perceptrons(policy.actor)
    generator = np.random.default_rng(seed)
    with closing(run.make_environment()) as env:
        places = lockstep(env, STARTS)
        unpatched = PatchedPolicies(policy, normalisation)
        starts = range(FIRST_SEED, FIRST_SEED + STARTS)
        episodes = play(unpatched.unpatched, places, starts, keep=("observations",))
        before = float(episodes.terminated.mean())
        candidates = above_average(policy, np.concatenate(episodes.observations))
        while True:
            place = candidates[generator.integers(len(candidates))]
            value = shifted(actor, place, generator)
            with patched(actor, (place,), value):
                after = float(play(unpatched.unpatched, places, starts).terminated.mean())
            print(f"{place}: falls {before:.2f} to {after:.2f}", flush=True)
            if after - before >= LEAST and after <= MOST:
                break
    right = float(read(actor, (place,))[0])
    write(actor, (place,), value)
    out.mkdir(parents=True)
    shutil.copy(run.path / "run.json", out / "run.json")
    save_policy(out / "policy.safetensors", policy, normalisation)
    fault = {**place._asdict(), "right": right, "wrong": float(value[0]), "falls": [before, after]}
    (out / "fault.json").write_text(json.dumps(fault, indent=2) + "\n")


def above_average(policy: TD3Policy, observations: np.ndarray) -> list[Place]:
    """Return the weights whose gradient of the actor's loss is above average."""
    (actor,) = perceptrons(policy.actor)
    states = torch.as_tensor(observations[:: max(1, len(observations) // 500)], dtype=torch.float32)
    loss = -perceptrons(policy.critic)[0](torch.cat([states, actor(states)], dim=1)).sum()
    weights = [layer.weight for layer in linear_layers(actor)]
    gradients = [gradient.abs().numpy() for gradient in torch.autograd.grad(loss, weights)]
    least = np.concatenate([gradient.ravel() for gradient in gradients]).mean()
    return [
        Place(layer, *map(int, at))
        for layer, gradient in enumerate(gradients)
        for at in np.argwhere(gradient > least)
    ]


def shifted(actor: torch.nn.Module, place: Place, generator: np.random.Generator) -> np.ndarray:
    """Return a value within three deviations and within the range of the weight's matrix, [1]."""
    weight = linear_layers(actor)[place.layer].weight.detach()
    low = max(weight.min(), weight.mean() - 3 * weight.std())
    high = min(weight.max(), weight.mean() + 3 * weight.std())
    return np.array([generator.uniform(float(low), float(high))])


def repair(path: Path) -> None:
    """Repair the planted fault, and write its rank and the rates before and after."""
    fault = json.loads((path / "fault.json").read_text())
    place = Place(fault["layer"], fault["row"], fault["column"])
    repaired = swimrl.repair(path, settings=None, **SETTINGS)
    gradient, impact = repaired.costs.flat()
    at = repaired.costs.number(place)
    fresh = repaired.assessment.fresh
    row = {
        "run": path.name,
        "weights": len(gradient),
        "rank_bidirectional": rank(-pareto_levels(gradient, impact), at),
        "rank_gradient": rank(gradient, at),
        "is_on_the_front": place in repaired.patch.places,
        "places": len(repaired.patch.places),
        "falls_while_planting": fault["falls"],
        "fresh_before": fresh.counts.fails_before,
        "fresh_after": fresh.counts.fails_after,
        "fresh_starts": fresh.counts.starts,
        "p_value": fresh.counts.p_value,
        "null_p_value": repaired.assessment.null_p_value,
        "is_established": repaired.assessment.is_established,
    }
    with (path / "planted.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerow(row)
    print(json.dumps(row, indent=2), repaired.verdict, sep="\n")


def rank(scores: np.ndarray, at: int) -> float:
    """Return the rank of one score among all, 1 for the largest; equal scores share their mean rank."""
    return 1 + float((scores > scores[at]).sum()) + ((scores == scores[at]).sum() - 1) / 2


if __name__ == "__main__":
    main()

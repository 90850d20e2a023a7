"""Repair classifiers of handwritten digits as Arachne does, and find planted faults.

    python results/repair-digits/run.py --out results/repair-digits

Two tables and two CSV files are written. About three minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import swimrl
from swimrl.repairing import (
    Costs,
    Labels,
    Place,
    SearchSettings,
    SearchSpace,
    localise,
    patched,
    sample_passing,
    search,
    write,
)
from swimrl.repairing.localisation import Batch, pareto_levels
from swimrl.repairing.places import linear_layers

TRAINING_IMAGES = 100
"""So few that enough errors of one kind remain."""

CONFUSIONS = 3
"""The most frequent confusions of each model that are repaired."""

ARMS = {
    "bidirectional, alpha 10": ("bidirectional", 10.0),
    "bidirectional, alpha 1": ("bidirectional", 1.0),
    "gradient, alpha 10": ("gradient", 10.0),
    "random places, alpha 10": ("random", 10.0),
}


@dataclass(frozen=True)
class Data:
    """Images [N, 64], their labels, and which half each belongs to."""

    images: torch.Tensor
    labels: torch.Tensor
    predicted: torch.Tensor
    is_seen: torch.Tensor

    @property
    def right(self) -> torch.Tensor:
        """Which images the unpatched network has right."""
        return self.predicted == self.labels

    def part(self, which: torch.Tensor) -> Batch:
        """Return the images and labels where ``which`` is true."""
        return self.images[which], self.labels[which]


@dataclass(frozen=True)
class Repair:
    """One repair of one confusion by one arm, in counts of images."""

    activation: str
    model: int
    confusion: str
    arm: str
    places: int
    generations: int
    seen_wrong: int
    seen_repaired: int
    unseen_wrong: int
    unseen_repaired: int
    unseen_confused_after: int
    """Unseen images of the confusion after the repair, new ones among them."""
    unseen_right: int
    unseen_broken: int
    unseen_images: int
    unseen_right_after: int


@dataclass(frozen=True)
class Fault:
    """One planted fault, and the rank of its weight among all; 1 is the best."""

    activation: str
    fault: int
    changed_predictions: int
    weights: int
    rank_bidirectional: float
    rank_gradient: float
    rank_random: float


def main() -> None:
    """Read the command line, repair, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--act", nargs="+", default=["relu", "swim"])
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--faults", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    repairs = [
        repair for act in arguments.act for seed in range(arguments.models) for repair in repaired(act, seed)
    ]
    faults = [planted(act, number) for act in arguments.act for number in range(arguments.faults)]
    write_csv(arguments.out / "repairs.csv", repairs)
    write_csv(arguments.out / "faults.csv", faults)
    text = f"{repair_table(repairs)}\n{fault_table(faults)}"
    (arguments.out / "tables.md").write_text(text)
    print(text)


def trained(act: str, seed: int) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """Return a network trained on a few images, and the other images [N, 64] with their labels."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    images = torch.from_numpy(digits.data[order] / 16).float()
    labels = torch.from_numpy(digits.target[order]).long()
    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Linear(64, 32), swimrl.activation(act)),
        *(nn.Linear(32, 32), swimrl.activation(act)),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[:TRAINING_IMAGES]), labels[:TRAINING_IMAGES]).backward()
        optimizer.step()
    return model, images[TRAINING_IMAGES:], labels[TRAINING_IMAGES:]


def halved(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Data:
    """Divide the images in two: each kind of error, and the right ones label by label, in turn."""
    with torch.no_grad():
        predicted = model(images).argmax(dim=1)
    order = np.lexsort((predicted, labels, predicted == labels))
    is_seen = torch.zeros(len(labels), dtype=torch.bool)
    is_seen[torch.from_numpy(order[::2].copy())] = True
    return Data(images, labels, predicted, is_seen)


def repaired(act: str, seed: int) -> Iterator[Repair]:
    """Yield the repairs of one model by every arm."""
    model, images, labels = trained(act, seed)
    data = halved(model, images, labels)
    kinds = (data.labels * 10 + data.predicted)[data.is_seen & ~data.right]
    counts = torch.bincount(kinds, minlength=100)
    for kind in torch.argsort(counts, descending=True, stable=True)[:CONFUSIONS].tolist():
        for arm, (where, alpha) in ARMS.items():
            yield one_repair(model, data, act, seed, divmod(kind, 10), arm, where, alpha)


def one_repair(
    model: nn.Sequential,
    data: Data,
    act: str,
    seed: int,
    confusion: tuple[int, int],
    arm: str,
    where: str,
    alpha: float,
) -> Repair:
    """Repair the confusion of one digit with another, and count on both halves."""
    true, mistaken = confusion
    wrong = (data.labels == true) & (data.predicted == mistaken)
    failing, passing = data.part(data.is_seen & wrong), data.part(data.is_seen & data.right)
    generator = np.random.default_rng([seed, true, mistaken])
    sample = sample_passing(passing[1].numpy(), len(failing[0]), generator)
    costs = localise(model, failing, (passing[0][sample], passing[1][sample]))
    places = chosen_places(costs, where, generator)
    patch = search(
        SearchSpace.of(model, places),
        Labels(model, places, failing, passing, alpha),
        SearchSettings(population=100, generations=100, seed=seed),
    )
    with patched(model, places, patch.after), torch.no_grad():
        after = model(data.images).argmax(dim=1)
    unseen, is_right = ~data.is_seen, after == data.labels
    return Repair(
        activation=act,
        model=seed,
        confusion=f"{true} as {mistaken}",
        arm=arm,
        places=len(places),
        generations=len(patch.history) - 1,
        seen_wrong=len(failing[0]),
        seen_repaired=int((data.is_seen & wrong & is_right).sum()),
        unseen_wrong=int((unseen & wrong).sum()),
        unseen_repaired=int((unseen & wrong & is_right).sum()),
        unseen_confused_after=int((unseen & (data.labels == true) & (after == mistaken)).sum()),
        unseen_right=int((unseen & data.right).sum()),
        unseen_broken=int((unseen & data.right & ~is_right).sum()),
        unseen_images=int(unseen.sum()),
        unseen_right_after=int((unseen & is_right).sum()),
    )


def chosen_places(costs: Costs, where: str, generator: np.random.Generator) -> tuple[Place, ...]:
    """Return the front, or as many weights by another rule."""
    front = costs.front()
    if where == "gradient":
        return costs.best_by_gradient(len(front))
    return costs.random(len(front), generator) if where == "random" else front


def planted(act: str, number: int) -> Fault:
    """Change one weight of a trained network as Arachne's first experiment does, and look for it.

    The weight has an above-average gradient. Its new value lies within three standard deviations of its
    matrix and within the matrix's range, and changes at least 0.1 % of the predictions.
    """
    model, images, _ = trained(act, number)
    generator = np.random.default_rng(number)
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
    nn.functional.cross_entropy(model(images), labels, reduction="sum").backward()
    layers = linear_layers(model)
    gradients = [layer.weight.grad.abs().numpy() for layer in layers]
    model.zero_grad()
    least = np.concatenate([gradient.ravel() for gradient in gradients]).mean()
    candidates = [
        Place(layer, *map(int, at))
        for layer, gradient in enumerate(gradients)
        for at in np.argwhere(gradient > least)
    ]
    while True:
        place = candidates[generator.integers(len(candidates))]
        weight = layers[place.layer].weight.detach()
        low = max(weight.min(), weight.mean() - 3 * weight.std())
        high = min(weight.max(), weight.mean() + 3 * weight.std())
        value = np.array([generator.uniform(float(low), float(high))])
        with patched(model, (place,), value), torch.no_grad():
            changed = model(images).argmax(dim=1) != labels
        if changed.float().mean() >= 0.001:
            break
    write(model, (place,), value)
    passing = images[~changed], labels[~changed]
    sample = sample_passing(passing[1].numpy(), int(changed.sum()), generator)
    costs = localise(model, (images[changed], labels[changed]), (passing[0][sample], passing[1][sample]))
    gradient, impact = costs.flat()
    at = costs.number(place)
    return Fault(
        act,
        number,
        int(changed.sum()),
        len(gradient),
        rank(-pareto_levels(gradient, impact), at),
        rank(gradient, at),
        float(generator.integers(1, len(gradient) + 1)),
    )


def rank(scores: np.ndarray, at: int) -> float:
    """Return the rank of one score among all, 1 for the largest; equal scores share their mean rank."""
    return 1 + float((scores > scores[at]).sum()) + ((scores == scores[at]).sum() - 1) / 2


def write_csv(path: Path, rows: list[Repair] | list[Fault]) -> None:
    """Write one line for each row."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(rows[0])], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, rows))


def repair_table(repairs: list[Repair]) -> str:
    """Return the rates of each arm, ratios of sums over all repairs, in Markdown."""
    lines = [
        "| activation | arm | repairs | places | seen | unseen, paper's count | unseen | broken | accuracy |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for act, arm in dict.fromkeys((r.activation, r.arm) for r in repairs):
        rows = [r for r in repairs if (r.activation, r.arm) == (act, arm)]
        total = {
            f.name: sum(getattr(r, f.name) for r in rows) for f in fields(Repair) if f.type in ("int", int)
        }
        points = 100 * (total["unseen_right_after"] - total["unseen_right"]) / total["unseen_images"]
        lines.append(
            f"| {act} | {arm} | {len(rows)} | {total['places'] / len(rows):.1f} "
            f"| {percent(total['seen_repaired'], total['seen_wrong'])} "
            f"| {percent(total['unseen_wrong'] - total['unseen_confused_after'], total['unseen_wrong'])} "
            f"| {percent(total['unseen_repaired'], total['unseen_wrong'])} "
            f"| {percent(total['unseen_broken'], total['unseen_right'])} | {points:+.2f} points |"
        )
    return "\n".join(lines) + "\n"


def fault_table(faults: list[Fault]) -> str:
    """Return area under the ROC curve and mean reciprocal rank of each way to rank, in Markdown."""
    lines = [
        "| activation | ranked by | faults | AUC | mean reciprocal rank | median rank |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for act in dict.fromkeys(fault.activation for fault in faults):
        rows = [fault for fault in faults if fault.activation == act]
        for by in ("bidirectional", "gradient", "random"):
            ranks = np.array([getattr(fault, f"rank_{by}") for fault in rows])
            auc = np.mean([1 - (r - 1) / (fault.weights - 1) for r, fault in zip(ranks, rows, strict=True)])
            lines.append(
                f"| {act} | {by} | {len(rows)} | {auc:.3f} | {np.mean(1 / ranks):.3f} "
                f"| {np.median(ranks):.0f} of {rows[0].weights:,} |"
            )
    return "\n".join(lines) + "\n"


def percent(part: int, whole: int) -> str:
    """Return a share of a count, both shown."""
    return f"{100 * part / whole:.1f} % ({part}/{whole})"


if __name__ == "__main__":
    main()

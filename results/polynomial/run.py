"""How precise must polynomials in place of a controller's activations be? The study of declaration.md.

python results/polynomial/run.py train WORK             # every run, in WORK/polynomial and beside it
python results/polynomial/run.py measure WORK           # the episodes of every finished run, in WORK/measured
python results/polynomial/run.py publish WORK FOLDER    # records and tables.md

Every command can be interrupted; the same command continues. Several processes may measure at once.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import swimrl
from swimrl.approximating import Measured, Settings, answer_from, measure_each
from swimrl.approximating.equivalence import MARGIN, percent
from swimrl.errors import InputError, RunExistsError, TrainingError, UndeterminedError
from swimrl.runs.lock import locked
from swimrl.runs.record import read_record
from swimrl.stats.comparison import holm, stratified_paired
from swimrl.stats.interval import mean_student
from swimrl.sweeps.axes import parse_seeds
from swimrl.sweeps.config import PlannedRun, SweepConfig
from swimrl.sweeps.study_file import read_study
from swimrl.training.config import TrainConfig

STUDIES = Path(__file__).parents[2] / "configs" / "studies"
PARTS = ("polynomial", "polynomial-remedies", "polynomial-continued")
"""Folders of WORK with runs, in the order of their training."""

CONTINUED_STEPS = 10_000
FIXED = "40"
"""The bound of all layers in the cells that are called fixed."""

PLAIN = ("relu", "swish", "swim", "tanh", "ulu")
DECAYED = ("relu, weight decay", "swim, weight decay")
REMEDIES = (
    "relu, leaky_relu in the actor",
    "relu, range penalty",
    "relu, noise",
    "relu, noise on negative inputs",
)
FROM_START = {
    "quadratic_gate": "swim",
    "poly(swim, degree=6, bound=8)": "swim",
    "relu, continued": "relu",
}
"""Arms whose actor is a polynomial when training ends, and the arm that each is compared with."""

ARMS = (*PLAIN, *DECAYED, *REMEDIES, *FROM_START)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    train_parser, measure_parser, publish_parser = map(commands.add_parser, ("train", "measure", "publish"))
    for one in (train_parser, measure_parser, publish_parser):
        one.add_argument("work", type=Path)
        one.add_argument("--steps", type=int, help="steps of a run; for a trial of the script")
        one.add_argument("--seeds", help="such as 0-3; all when not given")
    train_parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    train_parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    measure_parser.add_argument("--threads", type=int, default=1, help="for the simulation")
    measure_parser.add_argument("--episodes", type=int, default=50, help="of each policy")
    publish_parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    studies = studies_of(arguments.work, arguments.steps, arguments.seeds)
    if arguments.command == "train":
        for part in arguments.parts:
            try:
                swimrl.sweep(studies[part], out=arguments.work / part, jobs=arguments.jobs)
            except TrainingError as error:  # a run that diverges is a result, and the others are done
                print(error, flush=True)
    elif arguments.command == "measure":
        measure(arguments.work, studies, arguments.threads, arguments.episodes)
    else:
        publish(arguments.work, studies, arguments.folder)


# ------------------------------------------------------------------------------------------------- train


def studies_of(work: Path, steps: int | None, seeds: str | None) -> dict[str, SweepConfig]:
    """Return the studies by the names of their folders."""
    changes: dict[str, Any] = {"seeds": seeds}
    if steps is not None:
        starts = min(steps // 2, 5_000)
        changes |= {"steps": steps, "eval_every": steps, "td3": {"learning_starts": starts}}
    given = {name: changed(read_study(STUDIES / f"{name}.yaml"), changes) for name in PARTS[:2]}
    return {**given, PARTS[2]: continued(given[PARTS[0]], work / PARTS[0])}


def changed(study: SweepConfig, changes: Mapping[str, Any]) -> SweepConfig:
    """Return a study with other settings and seeds."""
    settings = {key: value for key, value in changes.items() if key != "seeds"}
    study = study.with_settings(settings) if settings else study
    return study if changes["seeds"] is None else replace(study, seeds=parse_seeds([changes["seeds"]]))


def continued(study: SweepConfig, folder: Path) -> SweepConfig:
    """Return the study that goes on from the relu runs of another one, with polynomials in the actor."""
    starts = {
        run.config.env: str(run.directory.path.parent.absolute() / "seed-{seed}")
        for run in study.runs(folder)
        if arm_of(run.config) == "relu"
    }
    steps = min(CONTINUED_STEPS, study.base.steps)
    base = replace(
        study.base,
        act="relu",
        act_actor="poly(relu, degree=6, bound=20)",
        steps=steps,
        eval_every=steps,
        td3=replace(study.base.td3, learning_starts=min(1_000, steps // 2)),
    )
    points = tuple({"env": env, "start_from": start} for env, start in starts.items())
    return SweepConfig(base, {}, study.seeds, points)


def arm_of(config: TrainConfig) -> str:
    """Return the name of a run's arm, one of `ARMS`."""
    td3 = config.td3
    act, actor = (name.partition("(")[0] for name in (config.act, config.act_actor or config.act))
    if config.start_from is not None:
        return "relu, continued"
    if actor == "poly":
        return "poly(swim, degree=6, bound=8)"
    if actor == "leaky_relu":
        return REMEDIES[0]
    if td3.range_penalty:
        return REMEDIES[1]
    if td3.activation_noise:
        return REMEDIES[3 if td3.noise_side == "negative" else 2]
    return f"{act}, weight decay" if td3.weight_decay else actor


# ----------------------------------------------------------------------------------------------- measure


def settings_of(arm: str, episodes: int) -> dict[str, Settings]:
    """Return what is measured of the policies of an arm, by the names of the cells without their degree."""
    few = max(2, 2 * episodes // 5)
    layer = Settings(degrees=(6, 14, 30), episodes=episodes)
    fixed = replace(layer, range=FIXED)
    if arm in FROM_START:  # the polynomial again, of which nothing is lost, in its own range
        own = {"poly(swim, degree=6, bound=8)": "8", "relu, continued": "20"}.get(arm, "layer")
        return {"layer": replace(layer, degrees=(6,), range=own)}
    cells = {"layer": layer, "fixed": fixed}
    if arm in PLAIN:
        cells["layer"] = replace(layer, degrees=(6, 14, 30, 62))
        one = replace(fixed, degrees=(6,), episodes=few)
        for errors in ("negative", "positive", "shift", "noise"):
            cells[errors] = replace(one, errors=errors)
    if arm == "relu":
        cells["composite"] = replace(layer, fit="composite", degrees=(6, 9))
    return cells


def measure(work: Path, studies: Mapping[str, SweepConfig], threads: int, episodes: int) -> None:
    """Measure every finished run that is not measured yet; other processes may do the same at once."""
    for planned in runs_of(work, studies):
        arm, file = arm_of(planned.config), file_of(work, planned.config)
        if status_of(planned) != "done" or file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with locked(file.parent):
                if file.exists():
                    continue
                started = time.monotonic()
                cells = measured_cells(planned, settings_of(arm, episodes), threads)
                new = file.with_suffix(".new")
                new.write_text(json.dumps(cells) + "\n")
                new.replace(file)
        except RunExistsError:
            continue
        seconds = time.monotonic() - started
        print(planned.config.env, arm, "seed", planned.config.seed, f"{seconds:.0f} s", flush=True)


def runs_of(work: Path, studies: Mapping[str, SweepConfig]) -> Iterator[PlannedRun]:
    """Return all planned runs, seed after seed, so that a study that ends early is balanced."""
    runs = [run for name, study in studies.items() for run in study.runs(work / name)]
    yield from sorted(runs, key=lambda run: (run.config.seed, ARMS.index(arm_of(run.config))))


def file_of(work: Path, config: TrainConfig) -> Path:
    """Return where the episodes of a run are recorded."""
    arm = "".join(c if c.isalnum() else "-" for c in arm_of(config))
    return work / "measured" / config.env / arm / f"seed-{config.seed}" / "cells.json"


def status_of(planned: PlannedRun) -> str:
    """Return ``done``, ``diverged`` or ``left``."""
    if not planned.directory.record_file.exists():
        return "left"
    record = read_record(planned.directory.record_file)
    return "diverged" if record.failure == "diverged" else ("done" if record.status == "done" else "left")


def measured_cells(
    planned: PlannedRun, settings: Mapping[str, Settings], threads: int
) -> list[dict[str, Any]]:
    """Return one record for each policy: the exact one, and one for each cell and degree."""
    run = swimrl.open_run(planned.directory.path)
    together = measure_each(run, list(settings.values()), threads=threads)
    cells = [cell("exact", together[0], 0)]
    for name, measured in zip(settings, together, strict=True):
        cells += [
            cell(f"{name} {arm.arm.degree}", measured, place)
            for place, arm in enumerate(measured.arms)
            if place
        ]
    return cells


def cell(name: str, measured: Measured, place: int) -> dict[str, Any]:
    """Return the record of one policy."""
    episodes = measured.arms[place]
    first = episodes.first_outside[episodes.first_outside >= 0]
    largest = float(episodes.worst.max())
    uppers = [layer.upper for layer in episodes.arm.layers]
    return {
        "cell": name,
        "depth": episodes.arm.depth,
        "largest_error": max(uppers, default=None),
        "share_outside": float(episodes.share_outside.mean()),
        "worst": largest if np.isfinite(largest) else "inf",
        "first_outside": int(first.min()) if len(first) else None,
        "failures": episodes.failures,
        "largest_z": [layer[3] for layer in measured.quantiles],
        "median_z": [layer[0] for layer in measured.quantiles],
        "returns": [round(value, 2) for value in episodes.returns.tolist()],
    }


# ----------------------------------------------------------------------------------------------- publish

Cell = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """What was measured.

    Args:
        cells: By task, arm, seed and the name of the cell.
        diverged: The seeds of the runs whose training diverged, by task and arm.
        planned: The number of runs that are planned, by task and arm.
    """

    cells: dict[tuple[str, str], dict[int, dict[str, Cell]]]
    diverged: dict[tuple[str, str], list[int]]
    planned: dict[tuple[str, str], int]

    @property
    def tasks(self) -> list[str]:
        """The environments."""
        return sorted({task for task, _ in self.planned})

    def seeds(self, task: str, *arms: str) -> list[int]:
        """Return the seeds that all these arms have been measured with."""
        return sorted(set.intersection(*(set(self.cells.get((task, arm), {})) for arm in arms)))

    def returns(self, task: str, arm: str, name: str, seed: int) -> np.ndarray:
        """Return the returns of one policy, [E]."""
        return np.array(self.cells[task, arm][seed][name]["returns"], float)

    def exact(self, task: str, arm: str) -> np.ndarray:
        """Return the mean return of the exact policy of each seed."""
        return np.array([self.returns(task, arm, "exact", seed).mean() for seed in self.seeds(task, arm)])

    def lost(self, task: str, arm: str, name: str, seed: int) -> float:
        """Return the share of the arm's exact return that a policy loses, from the same starts.

        Raises:
            UndeterminedError: If the arm's mean exact return is not positive.
        """
        whole = self.exact(task, arm).mean()
        if whole <= 0:
            raise UndeterminedError(f"{arm} earns {whole:.0f} on {task}")
        returns = self.returns(task, arm, name, seed)
        exact = self.returns(task, arm, "exact", seed)[: len(returns)]
        return float((exact.mean() - returns.mean()) / whole)

    def losses(self, task: str, arm: str, name: str) -> np.ndarray:
        """Return the lost share of each seed."""
        return np.array([self.lost(task, arm, name, seed) for seed in self.seeds(task, arm)])


def publish(work: Path, studies: Mapping[str, SweepConfig], target: Path) -> None:
    """Write the records and the tables of everything that was measured."""
    results = Results({}, {}, {})
    rows: list[Sequence[Any]] = []
    for planned in runs_of(work, studies):
        key, seed = (planned.config.env, arm_of(planned.config)), planned.config.seed
        results.planned[key] = results.planned.get(key, 0) + 1
        results.diverged.setdefault(key, [])
        if status_of(planned) == "diverged":
            results.diverged[key].append(seed)
        file = file_of(work, planned.config)
        if file.exists():
            cells = json.loads(file.read_text())
            results.cells.setdefault(key, {})[seed] = {one["cell"]: one for one in cells}
            rows += [(*key, seed, *map(text_of, one.values())) for one in cells]
    if not rows:
        raise InputError(f"nothing of {work} is measured yet; run `measure` first")
    (target / "records").mkdir(parents=True, exist_ok=True)
    names = next(iter(next(iter(results.cells.values())).values()))["exact"]
    with (target / "records" / "cells.csv").open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["environment", "arm", "seed", *names])
        writer.writerows(rows)
    (target / "tables.md").write_text(tables(results))


def text_of(value: Any) -> Any:
    """Return a value of a record as a cell of CSV."""
    if isinstance(value, list):
        return " ".join(f"{one:.5g}" for one in value)
    return f"{value:.5g}" if isinstance(value, float) else value


def tables(results: Results) -> str:
    """Return the tables and the declared tests."""
    missing = sum(
        results.planned[key] - len(results.diverged[key]) - len(results.cells.get(key, {}))
        for key in results.planned
    )
    total = sum(results.planned.values())
    lines = [f"**INTERIM**: {missing} of {total} runs are not measured yet.", ""] if missing else []
    lines += ["## Policies, and the share of the return that polynomials lose", "", *loss_table(results)]
    lines += ["", "## Precision needed", "", *precision_table(results)]
    for title, family in families().items():
        lines += ["", f"## {title}", "", *family_table(results, family)]
    lines += ["", "## The pilot", "", *pilot(results)]
    return "\n".join(lines) + "\n"


COLUMNS = ("layer 6", "layer 14", "layer 30", "layer 62", "fixed 6", "fixed 14", "fixed 30")


def loss_table(results: Results) -> list[str]:
    """Return one row for each task and arm."""
    lines = [
        f"| task | arm | runs | return, 95 % interval | largest abs(z) by layer | {' | '.join(COLUMNS)} |",
        f"|---|---|---:|---:|---:|{'---:|' * len(COLUMNS)}",
    ]
    for task in results.tasks:
        for arm in ARMS:
            seeds = results.seeds(task, arm)
            diverged = len(results.diverged.get((task, arm), []))
            count = f"{len(seeds)}" + (f", {diverged} diverged" if diverged else "")
            if not seeds:
                lines.append(f"| {task} | {arm} | {count} |" + " |" * (len(COLUMNS) + 2))
                continue
            of_arm = results.cells[task, arm]
            z = np.mean([of_arm[seed]["exact"]["largest_z"] for seed in seeds], axis=0)
            losses = [loss_text(results, task, arm, name) for name in COLUMNS]
            lines.append(
                f"| {task} | {arm} | {count} | {with_interval(results.exact(task, arm), '{:,.0f}')} | "
                f"{', '.join(f'{value:.0f}' for value in z)} | {' | '.join(losses)} |"
            )
    return lines


def loss_text(results: Results, task: str, arm: str, name: str) -> str:
    """Return the mean lost share of a cell, with its failures; empty where the arm does not have the cell."""
    seeds = [seed for seed in results.seeds(task, arm) if name in results.cells[task, arm][seed]]
    if not seeds:
        return ""
    failures = sum(results.cells[task, arm][seed][name]["failures"] for seed in seeds)
    try:
        text = f"{results.losses(task, arm, name).mean():+.0%}"
    except UndeterminedError:
        text = "undetermined"
    return text + (f", {failures} not finite" if failures else "")


def with_interval(values: np.ndarray, form: str) -> str:
    """Return a mean with its 95 % interval, which one value alone does not have."""
    text = form.format(values.mean())
    try:
        interval = mean_student(values)
    except UndeterminedError:
        return text
    return f"{text} [{form.format(interval.low)}, {form.format(interval.high)}]"


def precision_table(results: Results) -> list[str]:
    """Return the answer of each task and activation."""
    lines = [f"A loss of {percent(MARGIN)} of the return is accepted.", ""]
    lines += ["| task | arm | range | runs | answer |", "|---|---|---|---:|---|"]
    for task in results.tasks:
        for arm in (*PLAIN, *DECAYED, *REMEDIES):
            for kind in ("layer", "fixed", *(["composite"] if arm == "relu" else [])):
                seeds = results.seeds(task, arm)
                lines.append(
                    f"| {task} | {arm} | {kind} | {len(seeds)} | {precision(results, task, arm, kind)} |"
                )
    return lines


def precision(results: Results, task: str, arm: str, kind: str) -> str:
    """Return the precision that the policies of an arm need, in a sentence."""
    seeds = results.seeds(task, arm)
    if len(seeds) < 2:
        return "Undetermined: fewer than two runs."
    cells = results.cells[task, arm]
    exact = [results.returns(task, arm, "exact", seed) for seed in seeds]
    if worst := [seed for seed, one in zip(seeds, exact, strict=True) if one.mean() <= 0]:
        return f"Undetermined: the exact policy of seed {worst[0]} earns nothing."
    names = [name for name in cells[seeds[0]] if name.startswith(f"{kind} ")]
    degrees = {int(name.rpartition(" ")[2]): name for name in names}
    returns = {d: [results.returns(task, arm, name, seed) for seed in seeds] for d, name in degrees.items()}
    failures = {d: sum(cells[seed][name]["failures"] for seed in seeds) for d, name in degrees.items()}
    size = "alpha" if kind == "composite" else "degree"
    sentence = answer_from(exact, returns, failures, size=size).sentence
    return sentence.replace(f"; a loss up to {percent(MARGIN)} is accepted", "")


@dataclass(frozen=True)
class Difference:
    """A declared difference between two quantities of the same seed.

    Args:
        name: What is compared.
        first: Arm and cell; the cell ``exact`` stands for the return, every other for the lost share.
        second: The same of what is subtracted.
    """

    name: str
    first: tuple[str, str]
    second: tuple[str, str]

    def of(self, results: Results, task: str) -> np.ndarray:
        """Return the difference of each seed that both have."""
        first, second = values(results, task, self.first), values(results, task, self.second)
        return np.array([first[seed] - second[seed] for seed in sorted({*first} & {*second})])


def values(results: Results, task: str, of: tuple[str, str]) -> dict[int, float]:
    """Return, by seed, the return of the exact policies, or the lost share of others.

    A run whose training diverged has the return 0 and no lost share.
    """
    arm, name = of
    seeds = results.seeds(task, arm)
    if name != "exact":
        return {seed: results.lost(task, arm, name, seed) for seed in seeds}
    diverged = dict.fromkeys(results.diverged.get((task, arm), []), 0.0)
    return diverged | {seed: float(results.returns(task, arm, name, seed).mean()) for seed in seeds}


def families() -> dict[str, list[Difference]]:
    """Return the families of tests of declaration.md."""
    ranges = ("layer 6", "fixed 6")
    return {
        "Sides: errors on negative inputs less errors on positive ones, in lost share": [
            Difference(arm, (arm, "negative 6"), (arm, "positive 6")) for arm in PLAIN
        ],
        "Shift: a constant shift less noise of the same size, in lost share": [
            Difference(arm, (arm, "shift 6"), (arm, "noise 6")) for arm in PLAIN
        ],
        "Weight decay 0.1 less none, in lost share": [
            Difference(f"{arm.partition(',')[0]}, {name}", (arm, name), (arm.partition(",")[0], name))
            for arm in DECAYED
            for name in ranges
        ],
        "Remedies: less relu, in lost share": [
            Difference(f"{arm.partition(', ')[2]}, {name}", (arm, name), ("relu", name))
            for arm in REMEDIES
            for name in ranges
        ],
        "From the start: less its baseline, in return": [
            Difference(f"{arm} less {baseline}", (arm, "exact"), (baseline, "exact"))
            for arm, baseline in FROM_START.items()
        ],
        "Price: less its baseline, in return": [
            Difference(arm, (arm, "exact"), (arm.partition(",")[0], "exact")) for arm in (*REMEDIES, *DECAYED)
        ],
    }


def family_table(results: Results, family: Sequence[Difference]) -> list[str]:
    """Return one row for each member, with Holm's correction over them."""
    p_values = p_values_of(results, family)
    adjusted = holm(p_values)
    titles = " | ".join(f"{task}: mean, 95 % interval" for task in results.tasks)
    lines = [
        f"| difference | {titles} | pairs | p | p, Holm | |",
        f"|---|{'---:|' * len(results.tasks)}---:|---:|---:|---|",
    ]
    for one in family:
        cells, pairs = [], 0
        for task in results.tasks:
            try:
                differences = one.of(results, task)
            except UndeterminedError as error:
                cells.append(f"undetermined: {error}")
                continue
            pairs += len(differences)
            form = "{:+,.0f}" if one.first[1] == "exact" else "{:+.1%}"
            cells.append(with_interval(differences, form) if len(differences) else "")
        p, corrected = (texts.get(one.name) for texts in (p_values, adjusted))
        verdict = "" if corrected is None else ("established" if corrected < 0.05 else "not established")
        numbers = ["" if one is None else p_value(one) for one in (p, corrected)]
        lines.append(f"| {one.name} | {' | '.join(cells)} | {pairs} | {' | '.join(numbers)} | {verdict} |")
    return lines


def p_value(value: float) -> str:
    """Return a p-value in four digits."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def p_values_of(results: Results, family: Sequence[Difference]) -> dict[str, float]:
    """Return the p-values of the members that have a pair on every task."""
    p_values = {}
    for one in family:
        try:
            p_values[one.name] = stratified_paired(
                {task: one.of(results, task) for task in results.tasks}
            ).p_value
        except UndeterminedError:
            continue
    return p_values


def pilot(results: Results) -> list[str]:
    """Return whether each suggestion of the pilot is confirmed."""
    sides, shift, decay, _, start, _ = families().values()
    lines = ["| suggestion | result |", "|---|---|"]
    for one in sides:
        lines.append(f"| errors on negative inputs hurt {one.name} more | {direction(results, sides, one)} |")
    swim = next(one for one in shift if one.name == "swim")
    lines.append(f"| swim minds a shift more than noise | {direction(results, shift, swim)} |")
    for one in decay:
        text = direction(results, decay, one)
        swapped = {"confirmed": "contradicted: it does", "contradicted": "confirmed: it helps"}
        lines.append(f"| weight decay does no harm: {one.name} | {swapped.get(text, text)} |")
    for one in start:
        is_worse = direction(results, start, one) == "contradicted"
        text = "contradicted: it earns less" if is_worse else nothing_lost(results, one)
        lines.append(f"| nothing is lost: {one.name} | {text} |")
    return lines


def direction(results: Results, family: Sequence[Difference], one: Difference) -> str:
    """Return whether a difference is established to be above 0 (confirmed) or below it (contradicted)."""
    corrected = holm(p_values_of(results, family)).get(one.name)
    if corrected is None or corrected >= 0.05:
        return "open"
    scaled = [d.mean() / np.sqrt(np.mean(d**2)) for d in (one.of(results, task) for task in results.tasks)]
    return "confirmed" if sum(scaled) > 0 else "contradicted"


def nothing_lost(results: Results, one: Difference) -> str:
    """Return whether a loss above 5 % of the baseline's return is excluded on every task."""
    texts, excluded = [], []
    for task in results.tasks:
        try:
            low = mean_student(one.of(results, task), 0.9).low
        except UndeterminedError:
            return "open"
        whole = np.mean([*values(results, task, one.second).values()])
        if whole <= 0:
            return "open"
        limit = -low / whole
        excluded.append(limit < MARGIN)
        texts.append(f"{task} {percent(max(limit, 0.0))}")
    verdict = "confirmed" if all(excluded) else "open"
    return f"{verdict}: loses at most (95 % limit) {', '.join(texts)}"


if __name__ == "__main__":
    main()

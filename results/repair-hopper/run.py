"""Repair controllers that fall on some starts, beside other ways to spend the same effort.

python results/repair-hopper/run.py choose WORK --runs RUNS --kept KEPT    # rates of falls, and a choice
python results/repair-hopper/run.py repair WORK                            # every arm on every policy
python results/repair-hopper/run.py publish WORK FOLDER                    # records and tables.md
python results/repair-hopper/run.py across FOLDER...                       # over published folders

RUNS has run directories <env>/<activation>-*/seed-N, and KEPT what `keep_policies.py` wrote,
<env>/<activation>/seed-N/steps-N.safetensors. Every command can be interrupted; the same command continues.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fine_tuning import fine_tuned

import swimrl
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.rates import Counts
from swimrl.repairing.starts import noisy_starts, seeds
from swimrl.rollouts import lockstep, play
from swimrl.stats.comparison import holm
from swimrl.stats.interval import difference_welch, mean_student
from swimrl.training.build import policy_kwargs
from swimrl.training.policy_function import load_policy

SETTINGS: dict[str, Any] = {
    "repair_starts": 24,
    "validation_starts": 0,
    "test_starts": 100,
    "population": 20,
    "generations": 12,
    "seed": 0,
}
RANDOM_SEARCH = "random-search"
"""Values at random for the bidirectional places, as many candidates as in the other searches."""

CHANGES: dict[str, dict[str, Any]] = {
    "bidirectional": {"places": "bidirectional"},
    "random": {"places": "random"},
    "gradient": {"places": "gradient"},
    RANDOM_SEARCH: {"population": 20 * 13, "generations": 0},
}
"""The settings of each search that differ."""

NULL_DRAWS = {"bidirectional": 20}
"""Random changes of equal size; only the verdict of the first search needs more than one."""

VALIDATED = "validated"
"""The bidirectional search of the first arm, of whose best candidates whole episodes choose one or none."""

VALIDATION_STARTS = 60

FINE_TUNING = "fine-tuning"
ARMS = ("bidirectional", VALIDATED, "random", "gradient", RANDOM_SEARCH, FINE_TUNING)
"""In the order of `tables.md`."""

DECLARED = {"Hopper-v4": ("bidirectional",), "Walker2d-v4": (VALIDATED, "bidirectional")}
"""The arms whose success was declared beforehand, for each environment."""

FEWEST, MOST = 0.2, 0.6
"""Rates of falls between which a policy is repaired."""

NOISES = (0.0, 0.3)
"""Noise on the first actions of the starts; the second where no policy of a seed qualifies without."""

CHOICE_STARTS = range(10_000, 10_020)
"""Reset seeds on which policies are chosen."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    choose_parser, repair_parser, publish_parser = map(commands.add_parser, ("choose", "repair", "publish"))
    across_parser = commands.add_parser("across")
    across_parser.add_argument("folders", type=Path, nargs="+")
    for one in (choose_parser, repair_parser, publish_parser):
        one.add_argument("work", type=Path)
        one.add_argument("--env", default="Hopper-v4")
    choose_parser.add_argument("--runs", type=Path, required=True)
    choose_parser.add_argument("--kept", type=Path, required=True)
    repair_parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=ARMS)
    repair_parser.add_argument("--policies", nargs="*", help="such as swim-2; all when not given")
    publish_parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "across":
        print("\n".join(across(arguments.folders)))
        return
    torch.set_num_threads(1)
    work = arguments.work / arguments.env
    if arguments.command == "choose":
        choose(work, arguments.runs / arguments.env, arguments.kept / arguments.env)
    elif arguments.command == "repair":
        repair(work, arguments.arms, arguments.policies)
    else:
        publish(work, arguments.folder)


# ------------------------------------------------------------------------------------------------ choose


@dataclass(frozen=True)
class Rate:
    """How often a kept policy falls."""

    activation: str
    seed: int
    steps: int
    noise: float
    falls: float

    @property
    def qualifies(self) -> bool:
        """Whether the rate lies in the declared range."""
        return FEWEST <= self.falls <= MOST


def choose(work: Path, runs: Path, kept: Path) -> None:
    """Measure how often the kept policies fall, and copy one of each training seed that qualifies."""
    rates = measured(work / "rates.csv", runs, kept)
    for activation, seed in sorted({(rate.activation, rate.seed) for rate in rates}):
        of_seed = [rate for rate in rates if (rate.activation, rate.seed) == (activation, seed)]
        chosen = choice(of_seed)
        print(activation, seed, chosen or "none qualifies")
        if chosen is not None:
            copy_policy(work / "policies" / f"{activation}-{seed}", runs, kept, chosen)


def choice(rates: Iterable[Rate]) -> Rate | None:
    """Return the policy of one seed to repair: the rate nearest to 40 %, without noise if one qualifies."""
    fit = [rate for rate in rates if rate.qualifies]
    return min(fit, key=lambda rate: (rate.noise, abs(rate.falls - 0.4), rate.steps), default=None)


def measured(path: Path, runs: Path, kept: Path) -> list[Rate]:
    """Return the rates of all kept policies; those that ``path`` has are not measured again."""
    rates = read_rates(path)
    done = {(rate.activation, rate.seed, rate.steps, rate.noise) for rate in rates}
    path.parent.mkdir(parents=True, exist_ok=True)
    for file in sorted(kept.glob("*/seed-*/steps-*.safetensors")):
        activation, seed, steps = file.parts[-3], number(file.parts[-2]), number(file.stem)
        for noise in NOISES:
            plain = [r for r in rates if (r.activation, r.seed, r.steps) == (activation, seed, steps)]
            # Noise makes starts harder, so it is of no use to a policy that falls often without.
            if (activation, seed, steps, noise) in done or any(r.falls >= FEWEST for r in plain):
                continue
            falls = rate_of_falls(source(runs, activation, seed), file, noise)
            rates.append(Rate(activation, seed, steps, noise, falls))
            with path.open("a", newline="") as handle:
                csv.writer(handle, lineterminator="\n").writerow(vars(rates[-1]).values())
    return rates


def read_rates(path: Path) -> list[Rate]:
    """Return the rates in a file; none if there is no file."""
    if not path.exists():
        return []
    with path.open() as file:
        return [Rate(a, int(b), int(c), float(d), float(e)) for a, b, c, d, e in csv.reader(file)]


def number(name: str) -> int:
    """Return N of ``word-N``."""
    return int(name.rpartition("-")[2])


def source(runs: Path, activation: str, seed: int) -> Path:
    """Return the run of an activation and a seed."""
    (path,) = runs.glob(f"{activation}-*/seed-{seed}")
    return path


def rate_of_falls(run_path: Path, weights: Path, noise: float) -> float:
    """Return the share of the starts of the choice on which a kept policy falls."""
    run = swimrl.open_run(run_path)
    with closing(run.make_environment()) as env:
        policy = PatchedPolicies(*load_policy(weights, env, policy_kwargs(run.config))).unpatched
        places = lockstep(env, len(CHOICE_STARTS))
        starts = noisy_starts(policy, places, list(CHOICE_STARTS), noise, env.action_space)
        return float(play(policy, places, starts).terminated.mean())


def copy_policy(folder: Path, runs: Path, kept: Path, chosen: Rate) -> None:
    """Write a kept policy as a run directory, with the rate by which it was chosen."""
    choice_file = folder / "choice.json"
    if choice_file.exists():  # a policy is chosen once, when its training has ended
        return
    folder.mkdir(parents=True, exist_ok=True)
    record = json.loads((source(runs, chosen.activation, chosen.seed) / "run.json").read_text())
    record |= {"steps_done": chosen.steps, "metrics": {}}
    (folder / "run.json").write_text(json.dumps(record))
    seed_folder = kept / chosen.activation / f"seed-{chosen.seed}"
    shutil.copy(seed_folder / f"steps-{chosen.steps}.safetensors", folder / "policy.safetensors")
    choice_file.write_text(json.dumps(vars(chosen)) + "\n")


# ------------------------------------------------------------------------------------------------ repair


def repair(work: Path, arms: Iterable[str], policies: Collection[str] | None) -> None:
    """Do every repair that is not finished, one arm after the other."""
    for arm in arms:
        for folder in sorted((work / "policies").iterdir()):
            if policies and folder.name not in policies:
                continue
            noise = json.loads((folder / "choice.json").read_text())["noise"]
            if arm == FINE_TUNING:
                tune(folder, noise)
            elif arm == VALIDATED:
                validate(folder, noise)
            elif not is_done(folder / "repairs" / arm):
                swimrl.repair(
                    folder,
                    out=folder / "repairs" / arm,
                    jobs=1,
                    start_noise=noise,
                    null_draws=NULL_DRAWS.get(arm, 1),
                    **{**SETTINGS, **CHANGES[arm]},
                )
            print(time.strftime("%H:%M:%S"), folder.name, arm, flush=True)


def is_done(folder: Path) -> bool:
    """Whether a finished repair is in a folder."""
    file = folder / "repair.json"
    return file.exists() and json.loads(file.read_text())["status"] == "done"


def validate(folder: Path, noise: float) -> None:
    """Choose among the candidates of the bidirectional search: its log is continued, not repeated."""
    target, first = folder / "repairs" / VALIDATED, folder / "repairs" / "bidirectional"
    if is_done(target) or not is_done(first):
        return
    if not (target / "search.json").exists():
        target.mkdir(parents=True)
        log = json.loads((first / "search.json").read_text())
        log["settings"]["validation_starts"] = VALIDATION_STARTS
        (target / "search.json").write_text(json.dumps(log))
    settings = {**SETTINGS, "validation_starts": VALIDATION_STARTS}
    draws = NULL_DRAWS["bidirectional"]
    swimrl.repair(folder, out=target, jobs=1, start_noise=noise, null_draws=draws, **settings)


def tune(folder: Path, noise: float) -> None:
    """Fine-tune for the processor seconds of the bidirectional search, and play the fresh starts."""
    target, rival = folder / "repairs" / FINE_TUNING, folder / "repairs" / "bidirectional"
    if (target / "fine_tuning.json").exists() or not is_done(rival):
        return
    searched = json.loads((rival / "repair.json").read_text())["search"]["processor_s"]
    run = swimrl.open_run(folder)
    result = fine_tuned(run, noise, SETTINGS["repair_starts"], searched, SETTINGS["seed"])
    with closing(run.make_environment()) as env:
        before, after = (PatchedPolicies(p, None).unpatched for p in (run.td3_policy()[0], result.policy))
        places = lockstep(env, 128)
        fresh = seeds("test", SETTINGS["test_starts"], SETTINGS["seed"])
        starts = noisy_starts(before, places, fresh, noise, env.action_space)
        episodes = play(after, places, starts)
    target.mkdir(parents=True, exist_ok=True)
    with (target / "starts.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["set", "seed", "failed_after", "returns_after", "lengths_after"])
        for seed, *row in zip(fresh, episodes.terminated, episodes.returns, episodes.lengths, strict=True):
            writer.writerow(["test", seed, int(row[0]), repr(float(row[1])), int(row[2])])
    (target / "fine_tuning.json").write_text(json.dumps(result.facts, indent=2) + "\n")


# ------------------------------------------------------------------------------------------------ publish


@dataclass(frozen=True)
class Result:
    """One arm on one policy: fresh starts before and after."""

    policy: str
    arm: str
    failed_before: np.ndarray
    failed_after: np.ndarray
    returns_before: np.ndarray
    returns_after: np.ndarray
    content: dict[str, Any]

    @property
    def counts(self) -> Counts:
        """How many fresh starts were repaired and broken."""
        return Counts.of(self.failed_before, self.failed_after)


def publish(work: Path, target: Path) -> None:
    """Copy the records of everything that is finished, and write the tables."""
    results: list[Result] = []
    policies = sorted((work / "policies").iterdir())
    for folder in policies:
        record = target / "records" / folder.name
        record.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "choice.json", record)
        for arm in ARMS:
            content = folder / "repairs" / arm / file_of(arm)
            if not content.exists() or (arm != FINE_TUNING and not is_done(content.parent)):
                continue
            for file in (content, content.with_name("starts.csv")):
                (record / arm).mkdir(exist_ok=True)
                shutil.copy(file, record / arm)
            results.append(result_of(record, arm))
    shutil.copy(work / "rates.csv", target / "records")
    (target / "tables.md").write_text(tables(work.name, [folder.name for folder in policies], results))


def file_of(arm: str) -> str:
    """Return the name of the file that says what an arm did."""
    return "fine_tuning.json" if arm == FINE_TUNING else "repair.json"


def result_of(record: Path, arm: str) -> Result:
    """Return one arm's fresh starts; fine-tuning shares the episodes before with the bidirectional repair.

    Args:
        record: The published folder of a policy, with one folder for each arm.
        arm: The arm.
    """

    def column(of: str, name: str) -> np.ndarray:
        with (record / of / "starts.csv").open() as file:
            return np.array([float(row[name]) for row in csv.DictReader(file) if row["set"] == "test"])

    before = "bidirectional" if arm == FINE_TUNING else arm
    return Result(
        record.name,
        arm,
        column(before, "failed_before") == 1,
        column(arm, "failed_after") == 1,
        column(before, "returns_before"),
        column(arm, "returns_after"),
        json.loads((record / arm / file_of(arm)).read_text()),
    )


def tables(env: str, policies: list[str], results: list[Result]) -> str:
    """Return the tables and the declared tests."""
    missing = len(policies) * len(ARMS) - len(results)
    lines = (
        [f"**INTERIM**: {missing} of {len(policies) * len(ARMS)} cells are not finished.\n"]
        if missing
        else []
    )
    lines += [
        "| policy | arm | places | falls of 100 | after | repaired | broken | p | null | return | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
        *(row(result) for result in results),
        "",
        "| arm | policies | falls before | after | change, 95 % interval | exact McNemar p | mean return |",
        "|---|---:|---:|---:|---|---:|---|",
        *(
            pooled(arm, [r for r in results if r.arm == arm])
            for arm in ARMS
            if any(r.arm == arm for r in results)
        ),
        "",
        *declared(results, DECLARED[env]),
        "",
        *(against(results, arm) for arm in ARMS[1:]),
        "",
        *(line for arm in ARMS[:2] for line in by_activation(arm, [r for r in results if r.arm == arm])),
    ]
    return "\n".join(lines).rstrip() + "\n"


def row(result: Result) -> str:
    """Return the line of one arm on one policy."""
    counts, content = result.counts, result.content
    null, verdict, places = "", "", ""
    if result.arm != FINE_TUNING:
        places = str(len(content["patch"]["weights"]))
    if result.arm in ("bidirectional", VALIDATED):
        draws, own = content["null"]["draws"], content["null"]["repair_on_the_same_starts"]
        as_good = sum(fails(draw) <= fails(own) for draw in draws)
        null = f"{as_good} of {len(draws)}" if draws else ""
        verdict = content["verdict"].partition(".")[0].partition(":")[0]
    returns = f"{result.returns_before.mean():,.0f} to {result.returns_after.mean():,.0f}"
    return (
        f"| {result.policy} | {result.arm} | {places} | {counts.fails_before} | {counts.fails_after} | "
        f"{counts.repaired} | {counts.broken} | {p_value(counts.p_value)} | {null} | {returns} | {verdict} |"
    )


def fails(counts: dict[str, int]) -> int:
    """Return how many starts failed after a change."""
    return counts["fails_before"] - counts["repaired"] + counts["broken"]


def p_value(value: float) -> str:
    """Return a p-value in four digits."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def pooled(arm: str, results: list[Result]) -> str:
    """Return the line of one arm over all its policies."""
    counts = all_starts(results)
    low, high = counts.interval
    returns = [
        np.mean([r.returns_before.mean() for r in results]),
        np.mean([r.returns_after.mean() for r in results]),
    ]
    return (
        f"| {arm} | {len(results)} | {counts.fails_before} of {counts.starts} | {counts.fails_after} | "
        f"{100 * counts.change:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] | "
        f"{p_value(counts.p_value)} | {returns[0]:,.0f} to {returns[1]:,.0f} |"
    )


def declared(results: list[Result], arms: tuple[str, ...]) -> list[str]:
    """Return one sentence for each declared test, Holm over all of them."""
    of_arm = {arm: [result for result in results if result.arm == arm] for arm in arms}
    counts = {arm: all_starts(those) for arm, those in of_arm.items() if those}
    lines = []
    for arm, p in holm({arm: of.p_value for arm, of in counts.items()}).items():
        change = "fewer" if counts[arm].change < 0 else "more"
        answer = f"{change} falls than before" if p < 0.05 else "nothing is established"
        lines.append(f"Declared test of the arm {arm}: {answer}, p {p_value(p)} (Holm over {len(arms)}).")
    return lines


def all_starts(results: list[Result]) -> Counts:
    """Return the counts over the starts of all policies together."""
    before, after = (
        np.concatenate([getattr(result, name) for result in results])
        for name in ("failed_before", "failed_after")
    )
    return Counts.of(before, after)


def against(results: list[Result], arm: str) -> str:
    """Return one sentence that compares the bidirectional repair with another arm on the same policies."""
    other = {result.policy: result for result in results if result.arm == arm}
    pairs = [(r, other[r.policy]) for r in results if r.arm == "bidirectional" and r.policy in other]
    if not pairs:
        return f"Bidirectional against {arm}: no policy has both yet.  "
    theirs = np.concatenate([pair[1].failed_after for pair in pairs])
    counts = Counts.of(theirs, np.concatenate([pair[0].failed_after for pair in pairs]))
    return (
        f"Bidirectional against {arm}, policies: {len(pairs)}; {counts.fails_after} falls against "
        f"{counts.fails_before} of {counts.starts}, exact McNemar p {p_value(counts.p_value)}.  "
    )


def by_activation(arm: str, results: list[Result]) -> list[str]:
    """Return the change of the rate of falls by activation and over all, with intervals over policies."""
    if not results:
        return []
    lines = [
        f"| {arm} | policies | change of the rate of falls, mean over policies with 95 % interval |",
        "|---|---:|---|",
    ]
    for activation in (*sorted({result.policy.partition("-")[0] for result in results}), "all"):
        changes = np.array(
            [100 * r.counts.change for r in results if activation in ("all", r.policy.partition("-")[0])]
        )
        text = f"{changes.mean():+.1f} points"
        if len(changes) > 2:
            interval = mean_student(changes)
            text += f" [{interval.low:+.1f}, {interval.high:+.1f}]"
        lines.append(f"| {activation} | {len(changes)} | {text} |")
    return [*lines, ""]


def across(folders: list[Path]) -> list[str]:
    """Return the change of the rate of falls by activation, over the policies of published folders."""
    lines = []
    for arm in ARMS[:2]:
        policies = [
            p for folder in folders for p in sorted((folder / "records").iterdir()) if (p / arm).exists()
        ]
        results = [result_of(policy, arm) for policy in policies]
        lines += by_activation(arm, results)
        changes = [
            np.array([100 * r.counts.change for r in results if r.policy.startswith(activation)])
            for activation in ("swim", "relu")
        ]
        if min(map(len, changes)) > 2:
            of = difference_welch(*changes)
            lines += [f"Swim minus ReLU: {of.estimate:+.1f} points [{of.low:+.1f}, {of.high:+.1f}]", ""]
    return lines


if __name__ == "__main__":
    main()

"""Make the record of one kind of processor for results/training-speed, in parts of at most 150 s each.

    benchmarks/setup-peers PEERS
    python benchmarks/record.py results/training-speed/amd-epyc --peers PEERS

does the parts that are missing in the folder, so it can be interrupted. Each part is a command of ``swimrl
bench`` whose record is ``PART-SET.json``; the sets of a part are merged. At the end it writes two files:
tables.txt has what ``swimrl bench show`` prints of each part, aims.md has what was aimed at and what was
reached. ``--list`` prints the commands. ``--part NAME`` does one part, for a machine that others use too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import swimrl
from swimrl.bench.records import BenchRecord
from swimrl.bench.training.results import STEPS, UPDATES, TrainingSpeeds
from swimrl.bench.whole_run.config import COLD, WARM
from swimrl.bench.whole_run.results import RunTimes
from swimrl.timing.ratio import Ratio

OURS = "swimrl-fused"
SMALL, LARGE = "64x64", "256x256"
_PEERS = "--against sb3 sbx rltools"

PARTS = {
    f"train-{SMALL}": f"train --net {SMALL} --act relu swim --engine fused {_PEERS}",
    f"train-{LARGE}-relu": f"train --net {LARGE} --act relu --engine fused {_PEERS}",
    f"train-{LARGE}-swim": f"train --net {LARGE} --act swim --engine fused {_PEERS}",
    f"threads-{SMALL}": f"train --net {SMALL} --act relu --engine fused fused@2 --against sb3 sb3@2",
    f"threads-{LARGE}": f"train --net {LARGE} --act relu --engine fused fused@2 bf16 --against sb3 sb3@2",
    f"run-{SMALL}": f"run --net {SMALL} --steps 1000 --rounds 2 --warm-only {_PEERS}",
    f"run-{LARGE}": f"run --net {LARGE} --steps 1000 --rounds 1 --warm-only {_PEERS}",
    f"whole-{SMALL}": f"run --net {SMALL} --steps 100000 --rounds 1 --warm-only --against none",
    f"cold-{SMALL}": f"run --net {SMALL} --steps 400 --rounds 1 --against rltools",
}
"""The commands after ``swimrl bench``, by part."""

TRAINED = {f"train-{SMALL}": SMALL, f"train-{LARGE}-relu": LARGE, f"train-{LARGE}-swim": LARGE}
"""The network of each part that compares all libraries."""

_ROUNDS = ["--rounds", "6", "--processes", "1"]
"""Of the parts with many readings."""


@dataclass(frozen=True)
class Aim:
    """What was aimed at, and what was reached."""

    what: str
    aim: str
    reached: str
    is_reached: bool


def command(part: str, number: int, folder: Path, peers: Path) -> list[str]:
    """Return the command that does one set of a part."""
    words = PARTS[part].split()
    if words[0] == "train":
        words += _ROUNDS
    if "sbx" in words or "rltools" in words:
        names = [name for name in ("sbx", "rltools") if name in words]
        words += ["--peer-python", *(f"{name}={peers / name / 'bin/python'}" for name in names)]
    out = ["--seed", str(number), "--json", str(folder / f"{part}-{number}.json")]
    return [sys.executable, "-m", "swimrl", "bench", *words, *out]


def merged(folder: Path, part: str) -> BenchRecord | None:
    """Return the record of all sets of a part that are done; None if there is none."""
    files = sorted(folder.glob(f"{part}-*.json"))
    return swimrl.bench.merge(*map(swimrl.bench.read, files)) if files else None


def aims(folder: Path) -> Iterator[Aim]:
    """Yield each aim whose part has been measured."""
    for part, net in TRAINED.items():
        record = merged(folder, part)
        if record is not None:
            yield from _speeds(TrainingSpeeds(record.timing), net)
    for net in (SMALL, LARGE):
        record = merged(folder, f"threads-{net}")
        if record is not None:
            ratio = TrainingSpeeds(record.timing).speedup(f"{OURS}@2", OURS, "relu", STEPS)
            yield from _at_least(f"{net}: steps/s of two threads, times one", 1.5, ratio)
    for part, work, limit in ((f"run-{SMALL}", WARM, 4.0), (f"cold-{SMALL}", COLD, 15.0)):
        record = merged(folder, part)
        seconds = None if record is None else RunTimes(record.timing).first_step_s(OURS, SMALL, work)
        if seconds is not None:
            yield Aim(
                f"s to the first step, {work} caches", f"<= {limit:g}", f"{seconds:.1f}", seconds <= limit
            )


def _speeds(speeds: TrainingSpeeds, net: str) -> Iterator[Aim]:
    if net == SMALL:
        for peer, work, least in (("rltools", STEPS, 1.2), ("sbx", STEPS, 2.5), ("sbx", UPDATES, 1.5)):
            ratio = speeds.speedup(OURS, peer, "relu", work)
            yield from _at_least(f"{net}: {work}/s, times {peer}'s", least, ratio)
    for act, most in (("relu", 1.15), ("swim", 1.25)):
        if net == LARGE:
            over = speeds.update_over_floor(OURS, act)
            if over is not None:
                yield Aim(
                    f"{net}: update with {act}, times its products",
                    f"<= {most}",
                    _text(over),
                    over.value <= most,
                )
        loop = speeds.loop_s(OURS, act)
        if loop is not None:
            milliseconds = 1e3 * loop
            yield Aim(
                f"{net}: ms of a step with {act} beyond update and bare environment",
                "<= 0.35",
                f"{milliseconds:.2f}",
                milliseconds <= 0.35,
            )


def _at_least(what: str, least: float, ratio: Ratio | None) -> Iterator[Aim]:
    if ratio is not None:
        yield Aim(what, f">= {least}", _text(ratio), ratio.value >= least)


def _text(ratio: Ratio) -> str:
    if ratio.interval is None:
        return f"{ratio.value:.2f}"
    return f"{ratio.value:.2f} [{ratio.interval[0]:.2f}, {ratio.interval[1]:.2f}]"


def write_tables(folder: Path) -> None:
    """Write tables.txt and aims.md from the parts that are done."""
    shown = []
    for part in PARTS:
        record = merged(folder, part)
        if record is not None:
            shown.append(f"$ swimrl bench {PARTS[part]}\n\n{record}\n")
    (folder / "tables.txt").write_text("\n\n".join(shown), encoding="utf-8")
    rows = [
        f"| {one.what} | {one.aim} | {one.reached} | {'yes' if one.is_reached else 'no'} |"
        for one in aims(folder)
    ]
    head = ["| what | aim | reached | |", "|---|---|---|---|"]
    (folder / "aims.md").write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def do(
    part: str, number: int, folder: Path, peers: Path, run: Callable[..., object] = subprocess.run
) -> bool:
    """Do one set of a part if it is missing; return whether it was done now."""
    if (folder / f"{part}-{number}.json").exists():
        return False
    words = command(part, number, folder, peers)
    try:
        run(words, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{part} failed, for the reason above; try it again: {' '.join(words)}") from error
    return True


def main() -> None:
    """Do the missing parts, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of the record, such as results/training-speed/amd-epyc")
    parser.add_argument("--peers", type=Path, required=True, help="the folder that setup-peers filled")
    parser.add_argument("--sets", type=int, default=2, help="how often each part is done")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; can be repeated")
    parser.add_argument("--list", action="store_true", help="print the commands and end")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, arguments.sets + 1):
        for part in arguments.part or PARTS:
            if arguments.list:
                print(" ".join(command(part, number, arguments.folder, arguments.peers)))
            else:
                do(part, number, arguments.folder, arguments.peers)
    if not arguments.list:
        write_tables(arguments.folder)
        print((arguments.folder / "aims.md").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()

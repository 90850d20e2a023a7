"""Read learning curves: run directories of swimrl, Stable-Baselines3's and rl-zoo's logs, and tidy CSV files.

What cannot be read is listed with the reason and never stops a report.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.errors import DamagedFileError, InputError, closest
from swimrl.fields import flatten
from swimrl.runs.directory import read_evaluations
from swimrl.runs.naming import STUDY_FILE
from swimrl.runs.record import Failure, RunRecord, read_record

CSV_COLUMNS = ("env", "activation", "seed", "step", "mean_return_10_episodes")
"""Of a tidy CSV file, one line for each evaluation of each run. A column ``paired`` may hold ``yes``: equal
seeds of different activations then are pairs."""


@dataclass(frozen=True)
class Run:
    """One run: a learning curve, and where there is one, its record."""

    env: str

    arm: str
    """The name under which it is compared, such as its activation."""

    seed: int

    steps: np.ndarray
    """Environment steps of the evaluations, ascending, [E]."""

    returns: np.ndarray
    """Mean return of each evaluation's episodes, [E]."""

    source: Path

    final100: float | None = None
    """Mean return of the fresh episodes after training, if these were run."""

    status: str = "done"

    failure: Failure | None = None
    """The kind of failure of a run that failed."""

    reason: str | None = None
    """Why it failed or ended early."""

    values: tuple[Any, ...] = ()
    """The values of the configuration by which arms are told apart."""

    is_paired: bool = False
    """Whether its source declares equal seeds to be pairs."""

    note: str | None = None
    """What had to be assumed to read it."""

    record: RunRecord | None = field(default=None, repr=False)

    @property
    def has_diverged(self) -> bool:
        """Whether it failed because its numbers were no longer finite, not for want of a disk or the like."""
        return self.failure == "diverged"


@dataclass(frozen=True)
class Excluded:
    """A file or a run that was left out, and why."""

    source: str
    why: str


@dataclass(frozen=True)
class Collection:
    """The runs that were read, and what was left out."""

    runs: tuple[Run, ...]
    excluded: tuple[Excluded, ...]

    planned: int = 0
    """How many runs study.json plans; 0 without study.json."""

    not_begun: int = 0
    """How many of them have no evaluation yet."""


def collect(paths: Sequence[Path], by: Sequence[str] = ("act",)) -> Collection:
    """Read everything below ``paths``.

    Args:
        paths: Run directories or folders of them, evaluations.npz files, CSV files.
        by: Keys of the configuration that tell the arms apart, such as ``act`` and ``td3.lr``.

    Raises:
        InputError: If a path does not exist, a key is in no run's configuration, or nothing can be read.
    """
    runs: list[Run] = []
    excluded: list[Excluded] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist; name run directories, a study's folder or a CSV file")
        for source, readings in _sources(path, by):
            try:
                runs += [*readings()]
            except DamagedFileError as error:
                excluded.append(Excluded(str(source), str(error)))
    planned = {directory for path in paths for directory in _planned(path)}
    not_begun = sum(not (directory / "evaluations.csv").exists() for directory in planned)
    runs, twice = _without_duplicates(runs)
    if not runs:
        why = f": {excluded[0].why}" if excluded else ""
        raise InputError(
            f"nothing to report in {', '.join(map(str, paths))}{why}; expected run directories (run.json), "
            f"evaluations.npz files or a CSV file with the columns {', '.join(CSV_COLUMNS)}"
        )
    return Collection(tuple(runs), (*excluded, *twice), len(planned), not_begun)


def _planned(path: Path) -> list[Path]:
    """Return the directories of the runs that the study in a folder plans; none without study.json."""
    try:
        content = json.loads((path / STUDY_FILE).read_text(encoding="utf-8"))
        return [path / name for name in content["runs"]]
    except (OSError, ValueError, KeyError, TypeError):  # `swimrl sweep` says what is wrong with it
        return []


def _sources(path: Path, by: Sequence[str]) -> Iterator[tuple[Path, Callable[[], Iterator[Run]]]]:
    """Yield every source below ``path`` and what reads it."""
    if path.is_file():
        if path.suffix == ".npz":
            yield path, partial(_read_npz, path)
        elif path.name == "run.json":
            yield path.parent, partial(_read_run, path.parent, by)
        else:
            yield path, partial(_read_csv, path)
        return
    # A repaired policy is no run of the study, although its folder can be opened as one.
    records = sorted(file for file in path.rglob("run.json") if not (file.parent / "repair.json").exists())
    for record in records:
        yield record.parent, partial(_read_run, record.parent, by)
    ours = {record.parent for record in records}
    for npz in sorted(path.rglob("evaluations.npz")):
        if npz.parent not in ours:
            yield npz, partial(_read_npz, npz)


def _read_run(folder: Path, by: Sequence[str]) -> Iterator[Run]:
    record = read_record(folder / "run.json")
    evaluations = folder / "evaluations.csv"
    if not evaluations.exists():
        raise DamagedFileError(f"{folder} has no evaluation yet ({record.status})")
    steps, returns, _ = read_evaluations(evaluations)
    final = record.metrics.get("final100")
    yield Run(
        env=record.config["env"],
        arm=label(record.config, by),
        values=tuple(value_of(record.config, key) for key in by),
        seed=int(record.config["seed"]),
        steps=steps,
        returns=returns.mean(axis=1),
        source=folder,
        final100=None if final is None else float(final),
        status=record.status,
        failure=record.failure,
        reason=record.reason,
        record=record,
    )


def label(config: Mapping[str, Any], by: Sequence[str]) -> str:
    """Return the name of a run's arm: the value of the first key, then ``key=value`` of the others.

    Raises:
        InputError: If the configuration has no such key.

    Example:
        >>> label({"act": "swim", "td3": {"lr": 0.001}}, ["act", "td3.lr"])
        'swim, lr=0.001'
    """
    first, *others = [(key, value_of(config, key)) for key in by]
    named = [f"{key.rpartition('.')[2]}={_shown(value)}" for key, value in others]
    return ", ".join([_shown(first[1]), *named])


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_of(config: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key with dots; for ``act``, also that of the critics if it differs.

    Raises:
        InputError: If there is no such key.
    """
    value: Any = config
    for name in key.replace("-", "_").split("."):
        if not isinstance(value, Mapping) or name not in value:
            guesses = closest(key, flatten(config), 1)
            guess = f"; did you mean {guesses[0]!r}?" if guesses else ";"
            raise InputError(
                f"--by {key!r} is not a key of a run's configuration{guess} run.json lists the keys under "
                "config"
            )
        value = value[name]
    if key == "act" and config.get("act_critic"):
        return f"{value} (critics {config['act_critic']})"
    return value


def _read_npz(path: Path) -> Iterator[Run]:
    """Read what Stable-Baselines3's EvalCallback wrote; in rl-zoo's logs the folder is ``<env>_<number>``."""
    try:
        with np.load(path) as content:
            steps, returns = content["timesteps"], content["results"]
        means = np.asarray(returns, float).reshape(len(steps), -1).mean(axis=1)
        if not len(steps):
            raise ValueError("it holds no evaluation")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DamagedFileError(f"{path} is not an evaluations.npz of Stable-Baselines3: {error}") from error
    folder = path.parent
    named = re.fullmatch(r"(?P<env>.+-v\d+)_(?P<number>\d+)", folder.name)
    env, number = (named["env"], int(named["number"])) if named else (folder.parent.name, 0)
    seed = re.search(r"seed[-_]?(\d+)", folder.name)
    arm = folder.parent.name if named else re.sub(r"[-_]?seed[-_]?\d+", "", folder.name) or "sb3"
    yield Run(env, arm, int(seed[1]) if seed else number, np.asarray(steps), means, path, values=(arm,))


def _read_csv(path: Path) -> Iterator[Run]:
    curves: dict[tuple[str, str, int], list[dict[float, float]]] = defaultdict(lambda: [{}])
    paired: set[tuple[str, str, int]] = set()
    line = 1
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            for row in reader:
                line = reader.line_num
                key = (row["env"], row["activation"], int(row["seed"]))
                step = float(row["step"])
                runs = curves[key]
                if runs[-1] and step == next(iter(runs[0])):
                    runs.append({})
                if step in runs[-1]:
                    raise ValueError(f"a second line for step {step:,.0f} of this run")
                runs[-1][step] = float(row["mean_return_10_episodes"])
                if row.get("paired") == "yes":
                    paired.add(key)
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DamagedFileError(
            f"{path}, line {line}, cannot be read ({error}); expected the columns {', '.join(CSV_COLUMNS)}"
        ) from error
    if not curves:
        raise DamagedFileError(f"{path} holds no evaluation; expected the columns {', '.join(CSV_COLUMNS)}")
    for key, runs in curves.items():
        env, arm, seed = key
        note = None
        if len(runs) > 1:
            note = (
                f"in {path.name}, {len(runs)} runs of {arm} on {env} have seed {seed}; they count as "
                "separate runs"
            )
        taken = {s for e, a, s in curves if (e, a) == (env, arm)}
        free = (s for s in itertools.count(seed) if s == seed or s not in taken)
        for points, number in zip(runs, free, strict=False):
            steps, returns = np.array(sorted(points.items())).T
            is_paired = key in paired and len(runs) == 1
            yield Run(env, arm, number, steps, returns, path, values=(arm,), is_paired=is_paired, note=note)


def _without_duplicates(runs: Iterable[Run]) -> tuple[list[Run], list[Excluded]]:
    """Keep one run for each task, arm and seed: the first that is done, else the first."""
    kept: dict[tuple[str, str, int], Run] = {}
    excluded = []
    for run in runs:
        key = (run.env, run.arm, run.seed)
        other = kept.get(key)
        if other is None:
            kept[key] = run
            continue
        loser = other if run.status == "done" and other.status != "done" else run
        kept[key] = run if loser is other else other
        excluded.append(
            Excluded(
                str(loser.source),
                f"a second run of {run.arm} on {run.env} with seed {run.seed}, beside {kept[key].source}; "
                "tell them apart with --by",
            )
        )
    return list(kept.values()), excluded

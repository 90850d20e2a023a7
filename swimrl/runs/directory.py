"""The directory of one run: made once, written while the run goes on, never overwritten silently."""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swimrl.errors import ConfigError, DamagedFileError, RunExistsError, StorageError
from swimrl.runs.lock import LOCK_NAME, locked
from swimrl.runs.record import RunRecord, read_record

EVALUATION_COLUMNS = ("step", "episode", "return", "length")
DIAGNOSTICS_COLUMNS = ("step", "series", "value")


@dataclass(frozen=True)
class Episode:
    """One episode of an evaluation."""

    undiscounted_return: float
    """Sum of the rewards."""

    length: int
    """Environment steps."""


class RunDirectory:
    """The files of one run.

    Args:
        path: The directory; its files need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "run.json"
        self.evaluations_file = path / "evaluations.csv"
        self.evaluations_npz = path / "evaluations.npz"
        self.final_file = path / "final.csv"
        self.diagnostics_file = path / "diagnostics.csv"
        self.policy_file = path / "policy.safetensors"
        self.best_policy_file = path / "policy-best.safetensors"
        self.sb3_file = path / "policy.zip"
        self.checkpoint_folder = path / "checkpoint"
        self._is_ours = False

    @contextmanager
    def at_work(self, *, patience_s: float = 0.0) -> Iterator[None]:
        """Make the directory if need be, and keep other processes from working in it. May be nested.

        Args:
            patience_s: Seconds to wait for another process that is at work there.

        Raises:
            RunExistsError: If another process is still at work there.
            ConfigError: If it cannot be made or written.
        """
        if self._is_ours:
            yield
            return
        with ExitStack() as stack:
            with self._making():
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.path, patience_s=patience_s))
            self._is_ours = True
            try:
                yield
            finally:
                self._is_ours = False

    def create(self, *, overwrite: bool) -> None:
        """Make the directory, or check that it is free.

        Raises:
            RunExistsError: If it holds files already and ``overwrite`` is off.
            ConfigError: If it cannot be made, or if ``overwrite`` is on and it is not the directory of a run.
        """
        with self._making():
            self.path.mkdir(parents=True, exist_ok=True)
            entries = [entry for entry in self.path.iterdir() if entry.name != LOCK_NAME]
            # A process that is killed while it writes its first run.json leaves a part of it in run.json.new.
            if any(entry.suffix != ".new" for entry in entries):
                if not overwrite:
                    raise RunExistsError(self._what_is_there())
                if not self.record_file.exists():
                    raise ConfigError(
                        f"{self.path} is not a run of swimrl (it has no run.json), so --overwrite leaves it "
                        "alone; name another --out"
                    )
                for entry in entries:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            if not os.access(self.path, os.W_OK):
                raise self._unwritable(os.strerror(errno.EACCES))

    @contextmanager
    def _making(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error.strerror) from error

    def _unwritable(self, reason: str | None) -> ConfigError:
        return ConfigError(
            f"cannot write to {self.path}: {reason}; name a folder that can be written with --out"
        )

    def _what_is_there(self) -> str:
        if not self.record_file.exists():
            return f"{self.path} holds files but no run.json; name another --out"
        try:
            record = read_record(self.record_file)
            state = f"a run that is {record.status!r} after {record.steps_done:,} steps"
        except DamagedFileError:
            state = "a run whose run.json is damaged"
        return (
            f"{self.path} holds {state}; continue it with --resume, choose another --seed, "
            "or --overwrite it to start again"
        )

    def lengths(self) -> dict[str, int]:
        """Flush the files that grow during the run to the disk; return the bytes of each by its name."""
        lengths = {}
        with writing(self.path):
            for path in self._growing():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    lengths[path.name] = os.fstat(file.fileno()).st_size
        return lengths

    def rewind(self, lengths: Mapping[str, int]) -> None:
        """Remove what was written after ``lengths`` were recorded, so that no evaluation counts twice.

        Raises:
            DamagedFileError: If evaluations.csv is shorter than it was then.
        """
        sizes = {path: path.stat().st_size for path in self._growing()}
        expected = lengths.get(self.evaluations_file.name, 0)
        if sizes.get(self.evaluations_file, 0) < expected:
            raise DamagedFileError(
                f"{self.evaluations_file} is missing or cut off: it had {expected:,} bytes at the "
                "checkpoint; restore it from a copy, or train again with --overwrite"
            )
        with writing(self.path):
            for path, size in sizes.items():
                if path.name in lengths:
                    os.truncate(path, min(size, lengths[path.name]))
                else:
                    path.unlink()
            self._write_npz()

    def _growing(self) -> list[Path]:
        patterns = (self.evaluations_file.name, self.diagnostics_file.name, "events.out.tfevents.*")
        return sorted(path for pattern in patterns for path in self.path.glob(pattern))

    def write_record(self, record: RunRecord) -> None:
        """Replace run.json atomically."""
        with writing(self.record_file):
            replace(self.record_file, record.to_json().encode())

    def append_evaluation(self, step: int, episodes: Sequence[Episode]) -> None:
        """Add the episodes of one evaluation to evaluations.csv and evaluations.npz."""
        path = self.evaluations_file
        with writing(path):
            before = path.read_bytes() if path.exists() else _csv([EVALUATION_COLUMNS])
            replace(path, before + _csv(_rows(step, episodes)))
            self._write_npz()

    def append_diagnostics(self, step: int, values: Mapping[str, float | None]) -> None:
        """Add values by the tags of their series to diagnostics.csv; None becomes an empty field.

        Lines are appended: with a short interval the file grows too long to be rewritten each time.
        """
        path = self.diagnostics_file
        size = path.stat().st_size if path.exists() else 0
        header = [] if size else [DIAGNOSTICS_COLUMNS]
        rows = [(step, name, "" if value is None else repr(value)) for name, value in values.items()]
        with writing(path):
            try:
                with path.open("ab") as file:
                    file.write(_csv([*header, *rows]))
            except OSError:
                os.truncate(path, size)  # so that no reader sees half a line
                raise

    def write_final(self, step: int, episodes: Sequence[Episode]) -> None:
        """Write the fresh episodes after training to final.csv, in place of those of a shorter training."""
        with writing(self.final_file):
            replace(self.final_file, _csv([EVALUATION_COLUMNS, *_rows(step, episodes)]))

    def _write_npz(self) -> None:
        """Write the content of evaluations.csv to evaluations.npz."""
        if not self.evaluations_file.exists():
            self.evaluations_npz.unlink(missing_ok=True)
            return
        steps, returns, lengths = read_evaluations(self.evaluations_file)
        buffer = io.BytesIO()
        # The layout of Stable-Baselines3's EvalCallback, which rl-zoo's plotting tools read.
        np.savez(buffer, timesteps=steps, results=returns, ep_lengths=lengths)
        replace(self.evaluations_npz, buffer.getvalue())


def _rows(step: int, episodes: Sequence[Episode]) -> list[tuple[object, ...]]:
    # repr of a float holds all its digits, so that equal runs give equal files.
    return [
        (step, number, repr(float(episode.undiscounted_return)), episode.length)
        for number, episode in enumerate(episodes)
    ]


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def read_evaluations(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return steps [E], returns [E, episodes] and lengths [E, episodes] of an evaluations.csv.

    Raises:
        DamagedFileError: If the file cannot be read or has other columns.
    """
    table = _whole_evaluations(path)
    if table is not None:
        steps = table[:, 0, 0].astype(int)
        return steps, table[..., 2].copy(), table[..., 3].astype(int)
    by_step: dict[int, list[tuple[float, int]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                episode = (float(row["return"]), int(row["length"]))
                by_step.setdefault(int(row["step"]), []).append(episode)
        values = np.array(list(by_step.values()), dtype=np.float64).reshape(len(by_step), -1, 2)
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is damaged; expected the columns {', '.join(EVALUATION_COLUMNS)}"
        ) from error
    return np.array(list(by_step)), values[..., 0], values[..., 1].astype(int)


def _whole_evaluations(path: Path) -> np.ndarray | None:
    """Return the numbers of an evaluations.csv, [E, episodes, columns]; None if it is not as runs write it.

    NumPy reads them several times as fast as the csv module does.
    """
    try:
        header, _, body = path.read_text(encoding="utf-8").partition("\n")
        if header.split(",") != [*EVALUATION_COLUMNS] or not body:
            return None
        rows = np.loadtxt(io.StringIO(body), delimiter=",", ndmin=2)
        steps, counts = np.unique(rows[:, 0], return_counts=True)
    except (OSError, ValueError, IndexError):
        return None
    has_order = rows.shape[1] == len(EVALUATION_COLUMNS) and bool((np.diff(rows[:, 0]) >= 0).all())
    if not has_order or len({*counts.tolist()}) != 1:
        return None
    return rows.reshape(len(steps), -1, len(EVALUATION_COLUMNS))


def read_last_returns(path: Path) -> list[float]:
    """Return the returns of the last evaluation in an evaluations.csv; empty if there is none yet.

    It reads only the end of the file, because the status of a study reads this file of each of its hundreds
    of runs.

    Raises:
        DamagedFileError: If the file cannot be read or has other columns.
    """
    try:
        with path.open("rb") as file:
            size, length = file.seek(0, io.SEEK_END), 0
            while True:
                length = min(max(4096, 4 * length), size)
                file.seek(size - length)
                # The first line is the header, or may be cut off.
                rows = [line.split(b",") for line in file.read(length).splitlines()[1:]]
                last = [row for row in rows if row[0] == rows[-1][0]] if rows else []
                if length == size or len(last) < len(rows):
                    return [float(row[2]) for row in last]
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise DamagedFileError(
            f"{path} is damaged; expected the columns {', '.join(EVALUATION_COLUMNS)}"
        ) from error


def read_diagnostics(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return steps [D] and values [D] of each series of a diagnostics.csv; undetermined values are NaN.

    A killed run can leave a last line without its end; such a line is not read.

    Raises:
        DamagedFileError: If the file cannot be read or has other columns.
    """
    series: dict[str, list[tuple[int, float]]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines.pop()
        for row in csv.DictReader(lines):
            value = float("nan") if row["value"] == "" else float(row["value"])
            series.setdefault(row["series"], []).append((int(row["step"]), value))
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is damaged; expected the columns {', '.join(DIAGNOSTICS_COLUMNS)}"
        ) from error
    curves = {name: np.array(points, dtype=np.float64) for name, points in series.items()}
    return {name: (points[:, 0].astype(int), points[:, 1]) for name, points in curves.items()}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write ``path`` into a `StorageError` that says why."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; what was written before is kept; "
            "make room or name another folder with --out"
        ) from error


def replace(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step: readers see the old or the new file, also on a full disk."""
    aside = path.with_name(path.name + ".new")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise

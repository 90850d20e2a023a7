"""From a run to files that other programs run: ``swimrl.export``."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.envs.make import Env
from swimrl.errors import InputError, UnknownNameError
from swimrl.exporting import loading
from swimrl.exporting.c_compiler import compiler, memory_of_c
from swimrl.exporting.c_file import c_header, c_source
from swimrl.exporting.card import write_card
from swimrl.exporting.closed_loop import ClosedLoop, PolicyEpisodes, closed_loop, policy_episodes
from swimrl.exporting.controller import Controller, controller_of
from swimrl.exporting.loading import Batch
from swimrl.exporting.metadata import metadata_of
from swimrl.exporting.numpy_file import numpy_arrays, numpy_module
from swimrl.exporting.onnx_file import IR_VERSION, OPSET, onnx_bytes
from swimrl.exporting.verification import (
    Reference,
    Verification,
    difficult_observations,
    reference_of,
    verify,
)
from swimrl.training import Run, open_run
from swimrl.training.evaluation import Transition, run_episodes
from swimrl.training.policy_function import Policy

FORMATS = ("onnx", "c", "numpy", "card")
_SELF_TEST = 16
"""Observations that a C file carries."""


@dataclass(frozen=True)
class ExportedFile:
    """One format that was written and checked."""

    format: str
    paths: tuple[Path, ...]
    """The files; those of a rejected export end in ``.rejected``."""

    verification: Verification | None
    """None for C on a machine without a compiler."""

    closed_loop: ClosedLoop | None
    """Episodes that the file played by itself, on the seeds of the score final100."""

    notes: tuple[str, ...] = ()
    """What else to know about it, such as the memory that a C file needs."""

    def as_json(self) -> dict[str, Any]:
        """Return what the summary says of the file."""
        return {
            "format": self.format,
            "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.paths},
            "bytes": sum(path.stat().st_size for path in self.paths),
            "verification": None if self.verification is None else self.verification.as_json(),
            "closed_loop_returns": None if self.closed_loop is None else self.closed_loop.returns.tolist(),
            "closed_loop": None if self.closed_loop is None else self.closed_loop.as_json(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Exported:
    """All that one call wrote."""

    folder: Path
    files: tuple[ExportedFile, ...]
    metadata: dict[str, Any]

    card: Path | None
    """The folder for a model hub, if it was asked for."""

    notes: tuple[str, ...]
    """What could not be added to the card, with the reason."""

    def as_json(self) -> dict[str, Any]:
        """Return metadata and files, as NAME.json has them."""
        return {**self.metadata, "files": [file.as_json() for file in self.files]}

    @property
    def is_right(self) -> bool:
        """Whether every file that could be checked does what the policy does."""
        return all(file.verification is None or file.verification.is_right for file in self.files)


def export(
    run: Run | str | Path,
    to: Sequence[str] = FORMATS,
    *,
    best: bool = False,
    out: str | Path | None = None,
    name: str = "policy",
    opset: int = OPSET,
    verify_steps: int = 5000,
    verify_episodes: int = 10,
    force: bool = False,
) -> Exported:
    """Write a run's policy for other programs, and check that each written file does what the policy does.

    A file takes the environment's observation and returns the action in the environment's units; it contains
    the normalisation. The check asks the file, at observations that the policy visits and at noise.

    Args:
        run: The run, or its directory.
        to: ``"onnx"`` (one file), ``"c"`` (source and header), ``"numpy"`` (Python and arrays), ``"card"`` (a
            folder for a model hub, with copies of the other files).
        best: Export the policy of the best evaluation instead of the last.
        out: The folder; ``export`` in the run's directory when not given.
        name: Name of the files, without ending.
        opset: Version of the ONNX operators; a policy with layer norm needs 17.
        verify_steps: Environment steps at whose observations the files are checked.
        verify_episodes: Episodes that each file plays by itself; 0 leaves them out.
        force: Whether to replace files that exist.

    Returns:
        What was written. A file that fails the check is named ``.rejected``; see ``is_right``.

    Raises:
        InputError: If there is no policy, it has no formula, a library is missing, the opset does not fit, or
            a file exists.

    Example:
        >>> import swimrl
        >>> exported = swimrl.export("runs/my-study/Hopper-v4/swim-1a2b3c4d/seed-0")  # doctest: +SKIP
        >>> exported.files[0].verification.largest_difference  # doctest: +SKIP
        3.1e-07
    """
    for kind in to:
        if kind not in FORMATS:
            raise UnknownNameError("format", kind, FORMATS, "swimrl export --help")
    if verify_steps < 1 or verify_episodes < 0:
        raise InputError(
            f"{verify_steps} verification steps and {verify_episodes} episodes were asked for; expected at "
            "least 1 step and 0 episodes"
        )
    if not name.isidentifier():
        raise InputError(
            f"--name {name!r} is no name for files and functions; use letters, digits and underscores"
        )
    run = run if isinstance(run, Run) else open_run(run)
    policy, normalisation = run.td3_policy(best=best)
    controller = controller_of(policy, normalisation, run.path)
    folder = Path(out).expanduser() if out is not None else run.path / "export"
    paths = {kind: _paths(folder, name, kind) for kind in dict.fromkeys(to) if kind != "card"}
    _check_free([path for kind in paths.values() for path in kind], force=force)
    if "onnx" in paths:
        onnx_bytes(controller, {}, opset)  # refuses an opset before episodes are played

    env = run.make_environment()
    try:
        metadata = metadata_of(controller, run, env, best=best)
        policy_of_run = run.best_policy if best else run.policy
        visited = _visited(policy_of_run, env, verify_steps)
        observations: Any = env.observation_space
        reference = reference_of(controller, difficult_observations(visited, observations))
        of_policy = policy_episodes(run, env, verify_episodes, best=best) if verify_episodes else None
        _make(folder)
        files = []
        for kind, places in paths.items():
            _write(kind, controller, metadata, places, reference, opset)
            files.append(_checked(kind, controller, places, reference, env, of_policy, opset))
    finally:
        env.close()
    card: Path | None = None
    notes: tuple[str, ...] = ()
    if "card" in to:
        copies = [path for file in files for path in file.paths if path.suffix != ".rejected"]
        card, notes = write_card(run, folder, metadata, copies, best=best)
    exported = Exported(folder, tuple(files), metadata, card, notes)
    summary = json.dumps(exported.as_json(), indent=2) + "\n"
    (folder / f"{name}.json").write_text(summary, encoding="utf-8")
    return exported


def _paths(folder: Path, name: str, kind: str) -> tuple[Path, ...]:
    endings = {"onnx": (".onnx",), "c": (".c", ".h"), "numpy": (".py", ".npz")}[kind]
    return tuple(folder / f"{name}{ending}" for ending in endings)


def _check_free(paths: Sequence[Path], *, force: bool) -> None:
    for path in paths:
        if path.exists() and not force:
            raise InputError(f"{path} exists; name another folder with --out, or replace it with --force")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write to {folder}: {error.strerror}; name another folder with --out"
        ) from error


def _visited(policy: Policy, env: Env, steps: int) -> np.ndarray:
    """Return the observations of the policy's own episodes, [steps, O]; resets have the seeds 0, 1, ..."""
    seen: list[np.ndarray] = []

    def keep(transition: Transition) -> None:
        seen.append(np.asarray(transition.observation, np.float64))

    first_seed = 0
    while len(seen) < steps:
        run_episodes(policy, env, episodes=1, seed=first_seed, on_step=keep)
        first_seed += 1
    return np.array(seen[:steps])


def _write(
    kind: str,
    controller: Controller,
    metadata: dict[str, Any],
    paths: tuple[Path, ...],
    reference: Reference,
    opset: int,
) -> None:
    if kind == "onnx":
        contents = [onnx_bytes(controller, metadata, opset)]
    elif kind == "numpy":
        arrays = numpy_arrays(controller, metadata)
        contents = [numpy_module(controller, paths[1].name).encode(), arrays]
    else:
        chosen = slice(None, None, max(1, len(reference.observations) // _SELF_TEST))
        observations = reference.observations[chosen][:_SELF_TEST]
        actions = reference.actions[chosen][:_SELF_TEST]
        contents = [
            c_source(controller, observations, actions, reference.allowed, name=paths[0].stem).encode(),
            c_header(controller, metadata, name=paths[0].stem).encode(),
        ]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)


def _checked(
    kind: str,
    controller: Controller,
    paths: tuple[Path, ...],
    reference: Reference,
    env: Env,
    of_policy: PolicyEpisodes | None,
    opset: int,
) -> ExportedFile:
    if kind == "c" and compiler() is None:
        return ExportedFile(kind, paths, None, None)
    load: dict[str, Callable[[], Batch]] = {
        "onnx": lambda: loading.load_onnx(paths[0])[0],
        "numpy": lambda: loading.load_numpy(paths[0]),
        "c": lambda: loading.load_c(paths[0], controller),
    }
    act = load[kind]()
    notes = memory_of_c(paths[0], controller) if kind == "c" else ()
    if kind == "onnx":
        notes = (f"opset {opset}, IR version {IR_VERSION}",)
    result = verify(reference, act)
    if not result.is_right:
        rejected = tuple(path.with_name(f"{path.name}.rejected") for path in paths)
        for path, other in zip(paths, rejected, strict=True):
            shutil.move(path, other)
        return ExportedFile(kind, rejected, result, None)
    played = None if of_policy is None else closed_loop(act, env, of_policy)
    return ExportedFile(kind, paths, result, played, notes)

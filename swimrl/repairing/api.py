"""From a run to a repaired policy: ``swimrl.repair``."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from swimrl.errors import ConfigError, InputError
from swimrl.repairing.assessment import Assessment, Played
from swimrl.repairing.evolution import FitnessLog, Generation, Patch, SearchSettings, search
from swimrl.repairing.failure import Failure, Fall, ReturnBelow
from swimrl.repairing.localisation import Batch, Costs, localise
from swimrl.repairing.null import action_change, random_patch
from swimrl.repairing.outputs import write_policy
from swimrl.repairing.page import write_page
from swimrl.repairing.places import Place, SearchSpace
from swimrl.repairing.progress import SilentProgress, TerminalProgress
from swimrl.repairing.rates import Counts
from swimrl.repairing.record import SCHEMA, Effort, RepairFolder, assessment_as_json, patch_as_json
from swimrl.repairing.settings import RepairSettings
from swimrl.repairing.starts import Collection, check_enough, collect, seeds
from swimrl.repairing.task import Task, Values
from swimrl.repairing.validation import FINALISTS, Validation
from swimrl.repairing.windows import WindowTests
from swimrl.rollouts import Rollouts, Start, lockstep, never_terminates
from swimrl.runs.weights import read_weights
from swimrl.td3.policy import perceptrons
from swimrl.training import Run, open_run

_PLACES = 128
"""Episodes that are stepped together."""

_MOST_PLAYED = 10
"""Starts that are played at most to find those of the search, as a multiple of their number."""

_PLAYED_TO_REFUSE = 4
"""Starts after which a policy that always fails or always passes is refused, as such a multiple."""

_NULL_STARTS = 60
"""Fresh starts on which each random change is played."""


@dataclass(frozen=True)
class Repaired:
    """A finished or interrupted repair."""

    folder: Path
    """Where its files are; it is a run directory, so `swimrl.open_run` reads it."""

    patch: Patch
    """The changed weights."""

    assessment: Assessment | None
    """What it changed on fresh starts; None if the search was interrupted."""

    costs: Costs
    """Both costs of every weight of the actor."""

    content: dict[str, Any]
    """The content of repair.json."""

    @property
    def verdict(self) -> str:
        """What can be concluded."""
        if self.assessment is None:
            return "The search was interrupted; the same command continues it."
        return self.assessment.verdict


def repair(
    run: Run | str | Path,
    *,
    settings: RepairSettings | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    **changes: Any,
) -> Repaired:
    """Find the few weights that make a controller fail, search new values for them, and assess the result.

    Args:
        run: The run, or its directory. A repair's folder is one too.
        settings: The settings; the defaults of `RepairSettings` when not given.
        out: The folder of the repair; ``repairs/<places>-seed-<seed>`` in the run's directory when not given.
            A search that was interrupted there is continued.
        jobs: Threads that simulate; all cores when not given. Results do not depend on it.
        progress: Whether to show how far the repair is.
        **changes: Settings that differ, such as ``places="random"`` or ``test_starts=100``.

    Returns:
        The repair. After Ctrl-C it holds the best weights so far and no assessment.

    Raises:
        InputError: If a setting is wrong, there is no policy, too few starts fail or pass, or a finished
            repair is in the folder.
        StorageError: If a file cannot be written.

    Example:
        >>> import swimrl
        >>> repaired = swimrl.repair("runs/default/Hopper-v4/swim-1a2b3c4d/seed-0")  # doctest: +SKIP
        >>> repaired.verdict  # doctest: +SKIP
        'Nothing is established: the difference on fresh starts can be chance. ...'
    """
    try:
        wanted = RepairSettings(**{**vars(settings or RepairSettings()), **changes})
    except TypeError as error:
        known = ", ".join(vars(RepairSettings()))
        raise ConfigError(f"{error.args[0].split(') ')[-1]}; the settings of a repair are {known}") from error
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs is {jobs}; expected a whole number of at least 1")
    run = run if isinstance(run, Run) else open_run(run)
    folder = RepairFolder(_folder(run, wanted, out))
    shown = TerminalProgress() if progress else SilentProgress()
    _check_critics(run.weights_file(best=wanted.best))
    policy, normalisation = run.td3_policy(best=wanted.best)
    with closing(run.make_environment()) as env, shown:
        if wanted.quantile is None and never_terminates(env):
            raise InputError(
                f"{run.env_id} ends no episode before its time limit, so no start fails by a fall; use "
                "--failure return-below=0.3: the lowest 30 % of the policy's returns"
            )
        places = lockstep(env, _PLACES, threads=jobs or os.cpu_count() or 1)
        task = Task(policy, normalisation, places, env.action_space, wanted, shown)
        return _Repair(run, folder, task).done()


def _check_critics(path: Path) -> None:
    """Check that a policy's file, if there is one, has the critics, whose values find the weights.

    Raises:
        InputError: If not.
    """
    if not path.exists():
        return
    tensors, _ = read_weights(path)
    if not any(name.startswith("critic.") for name in tensors):
        raise InputError(
            f"{path} has no critics, only {len(tensors)} other tensors; a repair needs the critics to find "
            "the weights, so give it a run whose policy.safetensors is the one that `swimrl train` wrote"
        )


def _folder(run: Run, settings: RepairSettings, out: str | Path | None) -> Path:
    if out is not None:
        return Path(out).expanduser()
    return run.path / "repairs" / f"{settings.places}-seed-{settings.seed}"


class _Repair:
    """One repair, from the first start to the page."""

    def __init__(self, run: Run, folder: RepairFolder, task: Task) -> None:
        self._run = run
        self._folder = folder
        self._task = task
        self._settings = task.settings
        self._seconds: dict[str, float] = {}

    def done(self) -> Repaired:
        """Repair, write the files, and return the result."""
        settings, task = self._settings, self._task
        weights = self._run.weights_file(best=settings.best)
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        log, effort = self._folder.begin(settings, sha256)
        failure, collection = self._collected()
        began = time.perf_counter()
        costs = _localised(task, collection)
        places = chosen_places(costs, settings)
        self._seconds["localisation"] = time.perf_counter() - began

        patch, effort = self._searched(failure, collection, places, log, effort, sha256)
        self._write_policy(patch)
        validation = None
        if settings.validation_starts and patch.stopped != "interrupted":
            patch, validation = self._validated(failure, patch)
            self._write_policy(patch)
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "status": "interrupted" if patch.stopped == "interrupted" else "done",
            "environment": self._run.env_id,
            "policy_sha256": sha256,
            "settings": vars(settings),
            "failure": str(failure),
            "starts": {
                "played": collection.played,
                "failed": collection.failed,
                "failing_windows": sum(window.fails for window in collection.windows),
                "passing_windows": sum(not window.fails for window in collection.windows),
            },
            "all_weights": len(costs.flat()[0]),
            "patch": patch_as_json(patch),
            "search": vars(effort),
            "validation": None if validation is None else {**vars(validation), "chosen": validation.chosen},
            "seconds": self._seconds,
        }
        if patch.stopped == "interrupted":
            self._folder.write_record(content)
            return Repaired(self._folder.path, patch, None, costs, content)

        assessment, reset_seeds = self._assessed(failure, collection, costs, patch, validation)
        content |= assessment_as_json(assessment)
        self._folder.write_starts(
            [
                ("search", reset_seeds[0], assessment.seen),
                ("test", reset_seeds[1], assessment.fresh),
            ]
        )
        write_page(self._folder.path, self._run.env_id, content, assessment, patch)
        self._folder.write_record(content)
        return Repaired(self._folder.path, patch, assessment, costs, content)

    def _write_policy(self, patch: Patch) -> None:
        rounded = patch.after.astype(np.float32).astype(np.float64)
        best = self._settings.best
        write_policy(self._run, self._folder.path, self._task.policy, patch.places, rounded, best=best)

    def _collected(self) -> tuple[Failure, Collection]:
        """Play starts until enough of them fail and pass."""
        settings, task = self._settings, self._task
        began = time.perf_counter()
        quantile = settings.quantile
        half, most = settings.repair_starts // 2, _MOST_PLAYED * settings.repair_starts
        batch = most if quantile is not None else 2 * settings.repair_starts
        starts: list[Start] = []
        parts: list[Rollouts] = []
        failure: Failure = Fall()
        while True:
            more = task.starts("search", len(starts), min(batch, most - len(starts)))
            starts += more
            parts.append(task.play("starts of the search", more))
            if quantile is not None:
                failure = _return_below(parts[0].returns, quantile)
            failed = np.concatenate([failure.failed(part) for part in parts])
            if min(failed.sum(), (~failed).sum()) >= half or len(starts) >= most:
                break
            if len(starts) >= _PLAYED_TO_REFUSE * settings.repair_starts and len(set(failed)) == 1:
                break
        check_enough(failed, settings.repair_starts, str(failure))
        rollouts = _joined(parts)
        collection = collect(
            task.unpatched,
            task.lockstep,
            starts,
            failure,
            rollouts,
            count=settings.repair_starts,
            lead=settings.lead,
            window=settings.window,
        )
        self._seconds["starts"] = time.perf_counter() - began
        return failure, collection

    def _searched(
        self,
        failure: Failure,
        collection: Collection,
        places: tuple[Place, ...],
        log: FitnessLog,
        earlier: Effort,
        sha256: str,
    ) -> tuple[Patch, Effort]:
        settings, task = self._settings, self._task
        windows = collection.windows
        tests = WindowTests(task.policies(places), task.lockstep, windows, failure, settings.alpha)
        fails = np.array([window.fails for window in windows])
        most_steps = settings.population * (settings.generations + 1) * sum(w.steps or 1000 for w in windows)
        task.progress.estimate(len(places), most_steps, task.steps / max(task.seconds, 1e-9))
        began, processor_began = time.perf_counter(), time.process_time()
        with task.progress.searching(settings.generations, tests.most) as on_generation:

            def effort() -> Effort:
                return earlier + Effort(tests.steps, tests.skipped, time.process_time() - processor_began)

            def generation_ended(generation: Generation) -> None:
                self._folder.write_log(log, effort(), settings, sha256)
                passed = tests.best_passed
                on_generation(
                    generation,
                    None if passed is None else int((passed & fails).sum()),
                    None if passed is None else int((~passed & ~fails).sum()),
                )

            patch = search(
                SearchSpace.of(task.actor, places),
                tests,
                SearchSettings(settings.population, settings.generations, settings.seed),
                log=log,
                on_generation=generation_ended,
            )
        self._seconds["search"] = time.perf_counter() - began
        return patch, effort()

    def _validated(self, failure: Failure, patch: Patch) -> tuple[Patch, Validation]:
        """Return the patch with the values of the finalist that fails on the fewest other starts.

        Where none fails on fewer starts than the policy as it is, the values are those before.
        """
        settings, task = self._settings, self._task
        began = time.perf_counter()
        starts = task.starts("validation", 0, settings.validation_starts)

        def fails(values: np.ndarray, number: int) -> int:
            title = f"validation, {number} of {1 + len(finalists)}"
            return int(failure.failed(task.play(title, starts, (patch.places, values))).sum())

        finalists = [values for values in patch.bests if (values != patch.before).any()][:FINALISTS]
        fails_before = fails(patch.before, 1)
        validation = Validation(
            len(starts),
            fails_before,
            tuple(fails(values, number) for number, values in enumerate(finalists, 2)),
        )
        chosen = validation.chosen
        self._seconds["validation"] = time.perf_counter() - began
        after = patch.before if chosen is None else finalists[chosen]
        return dataclasses.replace(patch, after=after), validation

    def _assessed(
        self,
        failure: Failure,
        collection: Collection,
        costs: Costs,
        patch: Patch,
        validation: Validation | None,
    ) -> tuple[Assessment, tuple[list[int], list[int]]]:
        """Play the starts of the search and fresh ones, before and after, and the null."""
        settings, task = self._settings, self._task
        began = time.perf_counter()
        fresh_starts = task.starts("test", 0, settings.test_starts)
        changed: Values = (patch.places, patch.after.astype(np.float32).astype(np.float64))
        is_unchanged = validation is not None and validation.chosen is None

        def played(title: str, starts: Sequence[Start]) -> Played:
            before = task.play(f"{title}, before", starts)
            after = before if is_unchanged else task.play(f"{title}, after", starts, changed)
            return Played(
                failure.failed(before),
                failure.failed(after),
                before.returns,
                after.returns,
                before.lengths,
                after.lengths,
            )

        seen = played("starts of the search", collection.starts)
        fresh = played("fresh starts", fresh_starts)
        self._seconds["fresh starts"] = time.perf_counter() - began
        began = time.perf_counter()
        inputs = task.inputs(np.concatenate([collection.failing_states, collection.passing_states]))
        change = action_change(task.actor, *changed, inputs)
        null_starts = fresh_starts[:_NULL_STARTS]
        generator = np.random.Generator(np.random.PCG64([settings.seed, 1]))
        null = []
        for number in range(0 if is_unchanged else settings.null_draws):
            drawn = random_patch(task.actor, costs, len(patch.places), change, inputs, generator)
            after = task.play(f"null {number + 1} of {settings.null_draws}", null_starts, drawn)
            null.append(Counts.of(fresh.failed_before[: len(null_starts)], failure.failed(after)))
        self._seconds["null"] = time.perf_counter() - began
        played_seeds = seeds("search", collection.played, settings.seed)
        seen_seeds = [played_seeds[number] for number in collection.numbers]
        test_seeds = seeds("test", settings.test_starts, settings.seed)
        assessment = Assessment(seen, fresh, tuple(null), len(null_starts), validation)
        return assessment, (seen_seeds, test_seeds)


def _return_below(returns: np.ndarray, quantile: float) -> ReturnBelow:
    spread = float(returns.std())
    if spread == 0:
        raise InputError(
            f"all {len(returns)} starts give the same return, {returns[0]:,.1f}, so none is worse than "
            "others; try harder starts with --start-noise 0.3"
        )
    return ReturnBelow(float(np.quantile(returns, quantile)), spread)


def _joined(parts: Sequence[Rollouts]) -> Rollouts:
    return Rollouts(
        np.concatenate([part.returns for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.terminated for part in parts]),
        np.concatenate([part.truncated for part in parts]),
    )


def _localised(task: Task, collection: Collection) -> Costs:
    """Return the costs of the actor's weights; its loss is TD3's, -Q1(s, pi(s)), and needs no labels."""
    critic = perceptrons(task.policy.critic)[0]

    def loss(outputs: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, -critic(torch.cat([inputs, torch.tanh(outputs)], dim=1)).sum())

    failing, passing = task.inputs(collection.failing_states), task.inputs(collection.passing_states)
    batches: list[Batch] = [(inputs, inputs) for inputs in (failing, passing)]
    return localise(_before_tanh(task.actor), *batches, loss=loss)


def _before_tanh(actor: nn.Sequential) -> nn.Sequential:
    """Return the actor without its last tanh, whose saturation would hide the gradients."""
    return nn.Sequential(*list(actor)[:-1])


def chosen_places(costs: Costs, settings: RepairSettings) -> tuple[Place, ...]:
    """Return the weights to search, as the settings ask.

    Raises:
        InputError: If more weights are asked for than there are.
    """
    how, count = settings.places, len(costs.flat()[0])
    if how.isdecimal():
        if int(how) > count:
            raise InputError(f"--places is {how}, but the actor has {count:,} weights; give a smaller number")
        return costs.best(int(how))
    if how == "last-layer":
        return costs.layer(-1)
    front = costs.front()
    if how == "gradient":
        return costs.best_by_gradient(len(front))
    if how == "random":
        return costs.random(len(front), np.random.Generator(np.random.PCG64([settings.seed, 2])))
    return front

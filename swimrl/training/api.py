"""Trains, opens, scores and resumes runs. The commands train, resume and eval call these functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from swimrl.envs.make import Env
from swimrl.errors import ConfigError, InputError
from swimrl.runs.directory import RunDirectory, read_diagnostics, read_evaluations
from swimrl.runs.naming import DEFAULT_STUDY
from swimrl.runs.record import RunRecord, Status, read_record
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy
from swimrl.training import build, config_file
from swimrl.training.callbacks import Callbacks, assigned, given_callbacks
from swimrl.training.config import TrainConfig, with_absolute_files, with_settings
from swimrl.training.evaluation import Episodes, Transition, run_episodes
from swimrl.training.policy_function import Policy, load_policy, policy_function
from swimrl.training.resolved import directory_of, resolve
from swimrl.training.resume import recorded_config
from swimrl.training.start import activations_of, start


class Evaluations(NamedTuple):
    """The evaluations of a run."""

    steps: np.ndarray
    """Environment step of each evaluation, int [E]."""

    returns: np.ndarray
    """Undiscounted return of each episode, float64 [E, episodes]."""

    lengths: np.ndarray
    """Environment steps of each episode, int [E, episodes]."""


class Series(NamedTuple):
    """One series of diagnostics (docs/monitoring.md)."""

    steps: np.ndarray
    """Environment step of each value, int [D]."""

    values: np.ndarray
    """float64 [D]; NaN where the value is not determined."""


class Run:
    """A run on disk, finished or still in progress.

    The properties read the files each time, so they follow a run in progress. Policies are read once.

    Args:
        path: The directory of the run.

    Raises:
        DamagedFileError: If there is no run.json that can be read.

    Attributes:
        path: The directory of the run.

    Example:
        >>> import swimrl, tempfile
        >>> small = dict(steps=20, net="8x8", eval_every=20, eval_episodes=1, final_episodes=0, seed=1)
        >>> run = swimrl.train(env="Pendulum-v1", act="swim", out=tempfile.mkdtemp(), progress=False, **small)
        >>> run.status, run.config.seed, run.evaluations.returns.shape
        ('done', 1, (2, 1))
        >>> run.policy(np.zeros(3, np.float32)).shape
        (1,)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = _path(path, "path")
        self._directory = RunDirectory(self.path)
        read_record(self._directory.record_file)

    @property
    def record(self) -> RunRecord:
        """The content of run.json."""
        return read_record(self._directory.record_file)

    @property
    def config(self) -> TrainConfig:
        """The settings of the run, resolved."""
        return recorded_config(self._directory)

    @property
    def env_id(self) -> str:
        """Id of the environment."""
        return self.config.env

    @property
    def status(self) -> Status:
        """Such as ``"running"`` or ``"done"``."""
        return self.record.status

    @property
    def scores(self) -> dict[str, float | None]:
        """The scores of a run that has ended, by their names, such as ``last10`` and ``final100``."""
        return self.record.metrics

    @property
    def evaluations(self) -> Evaluations:
        """The evaluations so far."""
        return Evaluations(*read_evaluations(self._directory.evaluations_file))

    @property
    def diagnostics(self) -> dict[str, Series]:
        """The diagnostics so far, by the name of the series; empty if none were wanted."""
        file = self._directory.diagnostics_file
        if not file.exists():
            return {}
        return {name: Series(*series) for name, series in read_diagnostics(file).items()}

    @cached_property
    def policy(self) -> Policy:
        """The last policy: a function from an observation [O] to an action [A] in the environment's units.

        Raises:
            InputError: If the run has no policy yet.
            DamagedFileError: If the weights cannot be read.
        """
        return policy_function(*self.td3_policy())

    @cached_property
    def best_policy(self) -> Policy:
        """The policy of the best evaluation; it was selected by its score, so that score is too good.

        Raises:
            InputError: If the run has no policy yet.
            DamagedFileError: If the weights cannot be read.
        """
        return policy_function(*self.td3_policy(best=True))

    def make_environment(self, *, render_mode: str | None = None) -> Env:
        """Return a new environment of the run, without the wrappers that training adds.

        Raises:
            InputError: If it cannot be made or drawn.
        """
        config = self.config
        build.import_modules(config)
        return build.build_environment(config, render_mode=render_mode)

    def evaluate(
        self,
        episodes: int = 100,
        *,
        seed: int | None = None,
        best: bool = False,
        on_step: Callable[[Transition], None] | None = None,
        threads: int = 1,
    ) -> Episodes:
        """Return the scores of the policy on fresh episodes.

        Args:
            episodes: Number of episodes, N.
            seed: Reset seed of the first episode; the next has seed + 1 and so on. When not given, the seeds
                of the score ``final100``, which are the same for every run and were used by no training.
            best: Take the policy of the best evaluation instead of the last.
            on_step: Receives each transition.
            threads: Threads of the processor that simulate, with the same numbers.

        Raises:
            InputError: If an argument is out of range, or the run has no policy yet.
            DamagedFileError: If the weights cannot be read.
        """
        policy = self.best_policy if best else self.policy
        env = self.make_environment()
        try:
            return run_episodes(policy, env, episodes=episodes, seed=seed, on_step=on_step, threads=threads)
        finally:
            env.close()

    def resume(
        self,
        *,
        steps: int | None = None,
        checkpoint_every: int | None = None,
        callback: Callbacks = (),
        progress: bool = True,
    ) -> Run:
        """Continue the run from its last checkpoint, exactly as if it had never stopped.

        A run that is done is left unchanged, unless more ``steps`` are asked for.

        Args:
            steps: Environment steps in all, to go on further than planned.
            checkpoint_every: Environment steps between checkpoints from now on.
            callback: The callback objects that the run was started with. Those that it had by name are made
                again.
            progress: Whether to show how far the run is.

        Returns:
            The run, read anew.

        Raises:
            SwimrlError: If the run cannot be continued, or failed; run.json then says why.
            KeyboardInterrupt: If it was interrupted; it can be continued again.
        """
        changes = {"steps": steps, "checkpoint_every": checkpoint_every}
        config = with_settings(
            self.config,
            {name: value for name, value in changes.items() if value is not None},
            source="resume",
        )
        build.import_modules(config)
        objects = assigned(config.callback, given_callbacks(callback))
        start(resolve(config), self._directory, objects, resume=True, progress=progress)
        return Run(self.path)

    def weights_file(self, *, best: bool = False) -> Path:
        """Return the safetensors file of the last policy, or of the one of the best evaluation."""
        return self._directory.best_policy_file if best else self._directory.policy_file

    def td3_policy(self, *, best: bool = False) -> tuple[TD3Policy, Normalisation | None]:
        """Return the policy as PyTorch modules, and the normalisation of its observations, if it has one.

        Raises:
            InputError: If the run has no policy yet.
            DamagedFileError: If the weights cannot be read.
        """
        record, config, weights = self.record, self.config, self.weights_file(best=best)
        if not weights.exists():
            raise InputError(
                f"{self.path} has no {weights.name}: the run is {record.status!r} after "
                f"{record.steps_done:,} steps; wait until it is done, or use --best for the best policy so "
                "far"
            )
        env = self.make_environment()
        try:
            return load_policy(weights, env, build.policy_kwargs(config))
        finally:
            env.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}): {self.status} after {self.record.steps_done:,} steps"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self._rows()
        )
        return f"<table>{rows}</table>"

    def _rows(self) -> Iterator[tuple[str, str]]:
        record, config = self.record, self.config
        yield "run", str(self.path)
        yield "environment", config.env
        yield "activation", activations_of(config)
        yield "seed", str(config.seed)
        yield "status", f"{record.status} after {record.steps_done:,} steps"
        if record.reason:
            yield "reason", record.reason
        for name, value in record.metrics.items():
            if value is not None:
                yield name, f"{value:,.1f}"


def open_run(path: str | Path) -> Run:
    """Return the run in the directory ``path``.

    Raises:
        DamagedFileError: If there is no run.json that can be read; the message says what to name instead.
    """
    return Run(path)


def train(
    *,
    config: TrainConfig | str | Path | None = None,
    out: str | Path = DEFAULT_STUDY,
    overwrite: bool = False,
    resume: bool = False,
    callback: Callbacks = (),
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train a TD3 agent, write a run directory, and return the run.

    Args:
        config: Settings to start from: a `TrainConfig`, or the path of a YAML file. The defaults of
            `TrainConfig` when not given.
        out: Folder of the study; the run goes to ``out/<env>/<activation>-<hash>/seed-<n>``.
        overwrite: Delete an existing run in the same place first.
        resume: Continue the run in the same place from its last checkpoint; see also `Run.resume`.
        callback: Callbacks of Stable-Baselines3: objects, classes, or names such as ``package.module:Class``.
            An object must be given again to `Run.resume`.
        progress: Whether to show how far the run is: a bar in a terminal and in a notebook, elsewhere a line
            for each evaluation.
        **settings: Any setting of `TrainConfig`, such as ``env="Hopper-v4"``, ``act="swim(k=1)"``,
            ``steps=100_000``, ``seed=1``, ``net="64x64"``, ``env_kwargs={"ctrl_cost_weight": 0.05}``;
            ``td3`` is a `TD3Config`, or a mapping such as ``{"lr": 1e-3}``. They win over ``config``.

    Returns:
        The run, whose status is ``done``.

    Raises:
        SwimrlError: If a setting is wrong, the run is there already, or it failed; run.json then says why,
            and everything written so far is kept.
        KeyboardInterrupt: If it was interrupted (Ctrl-C, SIGTERM); it can be resumed.

    Example:
        >>> import swimrl, tempfile
        >>> run = swimrl.train(
        ...     env="Pendulum-v1", act="expr: x*sigmoid(b*x); b=1", steps=20, seed=1, td3={"batch_size": 8},
        ...     eval_every=10, eval_episodes=1, final_episodes=2, out=tempfile.mkdtemp(), progress=False,
        ... )
        >>> run.evaluations.steps
        array([ 0, 10, 20])
        >>> run.evaluate(episodes=2).returns.mean() == run.scores["final100"]
        np.True_
    """
    if resume and overwrite:
        raise InputError("--resume continues a run and --overwrite deletes it; give one of the two")
    given = given_callbacks(callback)
    if given.names:
        settings["callback"] = list(given.names)
    wanted = with_absolute_files(with_settings(_base(config), settings, source="swimrl.train"))
    build.import_modules(wanted)
    resolved = resolve(wanted)
    directory = directory_of(resolved, _path(out, "out"))
    objects = assigned(wanted.callback, given)
    start(resolved, directory, objects, overwrite=overwrite, resume=resume, progress=progress)
    return Run(directory.path)


def _base(config: TrainConfig | str | Path | None) -> TrainConfig:
    if isinstance(config, TrainConfig):
        return config
    return TrainConfig() if config is None else config_file.load(_path(config, "config"), TrainConfig)


def _path(value: str | Path, name: str) -> Path:
    if not isinstance(value, str | Path):
        raise ConfigError(f"{name} is {value!r}; expected a path, such as 'runs/default'")
    return Path(value).expanduser()

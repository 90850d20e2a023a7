"""`tune`: the function that tunes activations fairly, called from Python and by the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from swimrl.errors import ConfigError
from swimrl.fields import flatten, to_mapping
from swimrl.runs.directory import replace as replace_file
from swimrl.runs.directory import writing
from swimrl.runs.scores import METRICS, Metric
from swimrl.runs.tuning_origin import TunedArm, TuningOrigin
from swimrl.sweeps.api import sweep
from swimrl.sweeps.axes import parse_seeds
from swimrl.sweeps.config import SweepConfig, replaced
from swimrl.sweeps.display import print_line
from swimrl.sweeps.study_file import text_of
from swimrl.training.config import TrainConfig
from swimrl.tuning import choice, tpe
from swimrl.tuning.page import write_page
from swimrl.tuning.plan import Plan, Sampler, Stage
from swimrl.tuning.record import TuningRecord, begun, write_record
from swimrl.tuning.space import Point
from swimrl.tuning.trials import Trial, by_point, csv_of, trials_of


@dataclass(frozen=True)
class Tuning:
    """A tuning that is done."""

    folder: Path
    plan: Plan
    trials: tuple[Trial, ...]
    """All runs with their scores. Tuning scores are no results: the choice has profited from chance."""

    choice: Mapping[str, int]
    """The number of the chosen point by activation."""

    @property
    def settings(self) -> dict[str, Point]:
        """The chosen settings by activation; empty where the settings as given were best."""
        return {act: self.plan.points_of(act)[number] for act, number in self.choice.items()}

    @property
    def origin(self) -> TuningOrigin:
        """What each activation was tuned with and what that cost, for the reports on the chosen settings."""
        plan = self.plan
        arms = {}
        # The runs of the first seed have the settings as run.json will hold them.
        for act, run in zip(self.choice, plan.tuned(self.choice).runs(self.folder), strict=False):
            settings = flatten(to_mapping(run.config))
            trials = [trial for trial in self.trials if trial.act == act]
            arms[run.config.act] = TunedArm(
                {one.key: settings[one.key] for one in plan.dimensions},
                runs=len(trials),
                steps=sum(trial.steps for trial in trials),
                core_hours=round(sum(trial.core_hours for trial in trials), 4),
            )
        return TuningOrigin(
            study=self.folder.name,
            env=str(plan.base.env),
            metric=plan.metric,
            space=plan.space,
            sampler=plan.sampler,
            points=plan.trials,
            kept=plan.keep,
            seeds=plan.seeds[: 1 + plan.repeats],
            arms=arms,
        )

    @property
    def study_file(self) -> Path:
        """The study of the chosen settings on reporting seeds, for `swimrl sweep --config`."""
        return self.folder / "tuned.yaml"


def tune(
    config: TrainConfig | None = None,
    *,
    act: str | Sequence[str],
    space: str | Sequence[str],
    trials: int = Plan.trials,
    keep: int = Plan.keep,
    repeats: int = Plan.repeats,
    tuning_seeds: str | Iterable[int | str] = "1000-1999",
    metric: Metric = "last10",
    sampler: Sampler = Plan.sampler,
    out: str | os.PathLike[str] | None = None,
    executor: Literal["local", "ray"] = "local",
    jobs: int | None = None,
    ray_address: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> Tuning:
    """Tune settings for each activation: the same points, the same budget and the same seeds for all.

    First every activation trains once at every point, all on one tuning seed. Then the best points of each
    are trained on fresh tuning seeds, and the best mean over these seeds alone is the choice. The folder gets
    tuned.yaml (a study of the choice on reporting seeds), trials.csv, tuning.json and tuning.html. The same
    call again does only what is left.

    Args:
        config: The settings of all trials; the defaults when not given. What follows wins over it.
        act: Activation, or several.
        space: What is tried, such as ``["td3.lr=1e-5..2e-3:log", "td3.batch_size=64,128,256"]``.
        trials: Points of the first stage; the first one is the settings as given.
        keep: How many points of each activation go on to the second stage.
        repeats: Seeds of each of them there.
        tuning_seeds: Seeds, from 1000 on; reports refuse them beside lower ones.
        metric: The score of a trial.
        sampler: Where the points come from: ``"sobol"``, the same points for all activations, or ``"tpe"``,
            which after ten of these proposes points for each activation from its scores (needs optuna).
        out: The folder; ``runs/tuning`` when not given.
        executor: As for `swimrl.sweep`.
        jobs: As for `swimrl.sweep`.
        ray_address: As for `swimrl.sweep`.
        progress: Whether to show the progress.
        **settings: Settings of all trials, such as ``env="Hopper-v4"`` or ``steps=100_000``.

    Raises:
        InputError: If a setting is wrong.
        TrainingError: If runs failed twice; the others are done. The same call tries again.
        KeyboardInterrupt: If it was interrupted. The same call goes on.

    Example:
        >>> import swimrl
        >>> tuning = swimrl.tune(  # doctest: +SKIP
        ...     env="Pendulum-v1", act=["swim", "relu"], space="td3.lr=1e-4..1e-2:log", trials=8, steps=5000
        ... )
        >>> sorted(tuning.settings)  # doctest: +SKIP
        ['relu', 'swim']
    """
    plan = planned(
        replaced(config or TrainConfig(), settings),
        act=[act] if isinstance(act, str) else act,
        space=[space] if isinstance(space, str) else space,
        trials=trials,
        keep=keep,
        repeats=repeats,
        tuning_seeds=[tuning_seeds] if isinstance(tuning_seeds, str) else [*map(str, tuning_seeds)],
        metric=metric,
        sampler=sampler,
    )
    folder = Path("runs/tuning") if out is None else Path(out)
    console = Console(file=sys.stdout, quiet=not progress, highlight=False)

    def do(study: SweepConfig) -> None:
        sweep(study, out=folder, executor=executor, jobs=jobs, ray_address=ray_address, progress=progress)

    return _done(plan, folder, console, do)


def planned(
    base: TrainConfig,
    *,
    act: Sequence[str],
    space: Sequence[str],
    trials: int,
    keep: int,
    repeats: int,
    tuning_seeds: Sequence[str],
    metric: Metric,
    sampler: Sampler,
) -> Plan:
    """Return the tuning that the arguments of `tune` describe.

    Raises:
        ConfigError: If a value is wrong; the message names it.
    """
    if metric not in METRICS:
        raise ConfigError(f"--metric {metric!r} is unknown; expected one of {', '.join(METRICS)}")
    seeds = parse_seeds(tuning_seeds)
    plan = Plan(base, tuple(act), tuple(space), trials, keep, repeats, seeds, metric, sampler=sampler)
    if sampler == "tpe":
        tpe.check_installed()
    plan.study(plan.first_stage(plan.waves[0])).runs(
        Path()
    )  # a wrong activation or value is refused before the start
    return plan


def _done(plan: Plan, folder: Path, console: Console, do: Callable[[SweepConfig], None]) -> Tuning:
    record = begun(folder, plan)
    write_record(folder, record)
    print_line(console, f"tuning in {folder}: {plan.summary}")
    plan, record, first = _first_stage(plan, record, folder, do)
    kept = {
        act: choice.best({point: scores[0] for point, scores in by_point(first, act).items()}, plan.keep)
        for act in plan.acts
    }
    record = replace(record, kept=kept)
    write_record(folder, record)
    second = _stage(plan, plan.second_stage(kept), folder, do)
    chosen = {act: choice.chosen(by_point(second, act)) for act in plan.acts}
    write_record(folder, replace(record, choice=chosen))
    tuning = Tuning(folder, plan, (*first, *second), chosen)
    _write(tuning)
    for act, settings in tuning.settings.items():
        text = ", ".join(f"{key} {value}" for key, value in settings.items()) or "the settings as given"
        print_line(console, f"{act}: {text}")
    print_line(console, f"next: swimrl sweep --config {tuning.study_file}")
    return tuning


def _first_stage(
    plan: Plan, record: TuningRecord, folder: Path, do: Callable[[SweepConfig], None]
) -> tuple[Plan, TuningRecord, list[Trial]]:
    """Do the first stage wave by wave; before each later wave, TPE proposes points for each activation."""
    trials: list[Trial] = []
    for wave in plan.waves:
        count = wave.stop - len(plan.points)
        if count > 0:
            plan = replace(
                plan, proposed={act: _proposed(plan, record, act, trials, count) for act in plan.acts}
            )
            record = replace(record, proposed=plan.proposed)
            write_record(folder, record)
        trials += _stage(plan, plan.first_stage(wave), folder, do)
    return plan, record, trials


def _proposed(
    plan: Plan, record: TuningRecord, act: str, trials: Sequence[Trial], count: int
) -> tuple[Point, ...]:
    """Return the points that TPE has proposed to an activation: those on record, and then new ones."""
    on_record = tuple(map(dict, record.proposed.get(act, ())))[:count]
    if len(on_record) == count:
        return on_record
    scores = {point: of[0] for point, of in by_point(trials, act).items()}
    before = plan.proposed.get(act, ())
    return (*before, *tpe.proposals(plan, act, scores, count - len(before)))


def _stage(plan: Plan, stage: Stage, folder: Path, do: Callable[[SweepConfig], None]) -> list[Trial]:
    do(plan.study(stage))
    return trials_of(plan, stage, folder)


def _write(tuning: Tuning) -> None:
    texts = {
        "tuned.yaml": "# The settings that the tuning beside this file chose, on seeds that it never saw.\n"
        + text_of(replace(tuning.plan.tuned(tuning.choice), tuning=to_mapping(tuning.origin))),
        "trials.csv": csv_of(tuning.plan, tuning.trials),
    }
    for name, text in texts.items():
        with writing(tuning.folder / name):
            replace_file(tuning.folder / name, text.encode())
    write_page(tuning.folder, tuning.plan, tuning.trials, tuning.choice)

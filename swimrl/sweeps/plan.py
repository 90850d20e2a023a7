"""Which runs a study consists of. Nothing here reads or writes a file."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from swimrl.envs.seeding import check_seed
from swimrl.errors import ConfigError
from swimrl.sweeps.config import PlannedRun, Value, replaced
from swimrl.training.config import TrainConfig, with_absolute_files
from swimrl.training.resolved import directory_of, resolve


def expand(
    base: TrainConfig,
    axes: Mapping[str, Sequence[Value]],
    seeds: Sequence[int],
    study: Path,
    points: Sequence[Mapping[str, Value]] = (),
) -> tuple[PlannedRun, ...]:
    """Return every combination of the values of the axes with every point and every seed.

    All arms of the first seed come before those of the second, so that a study that ends early is balanced.
    Within a seed the last axis varies fastest, and a point slower than any axis.

    Args:
        base: The settings that are no axis.
        axes: As `swimrl.sweeps.config.SweepConfig.axes`.
        seeds: The seeds; the one of ``base`` does not count.
        study: The study's folder.
        points: As `swimrl.sweeps.config.SweepConfig.points`.

    Raises:
        ConfigError: If a key is unknown, an axis is empty, a value cannot be used, or two runs are equal.
        SwimrlError: If an activation cannot be used.
    """
    axes = {key.replace("-", "_"): values for key, values in axes.items()}
    for key, values in {"seeds": seeds, **axes}.items():
        if not values:
            raise ConfigError(f"{key} has no values; give at least one, or leave it out")
    for key in (key for point in points for key in point):
        if key in axes or key == "seed":
            instead = "give --seeds, such as --seeds 0-9" if key == "seed" else f"leave {key} out of axes"
            raise ConfigError(f"points set {key}, which varies otherwise too; {instead}")
    if "seed" in axes:
        raise ConfigError("seed is no axis; give --seeds, such as --seeds 0-9")
    combinations = [
        {**point, **dict(zip(axes, values, strict=True))}
        for point, values in itertools.product(points or ({},), [*itertools.product(*axes.values())])
    ]
    # Each arm is resolved once: its seeds differ in nothing else.
    arms = [
        (chosen, resolve(with_absolute_files(replaced(base, {**chosen, "seed": check_seed(seeds[0])}))))
        for chosen in combinations
    ]
    runs: dict[Path, PlannedRun] = {}
    for seed in map(check_seed, seeds):
        for chosen, arm in arms:
            resolved = dataclasses.replace(arm, config=dataclasses.replace(arm.config, seed=seed))
            run = PlannedRun(resolved.config, directory_of(resolved, study))
            if run.directory.path in runs:
                settings = ", ".join(f"{key} {value}" for key, value in {**chosen, "seed": seed}.items())
                raise ConfigError(
                    f"two runs of the study have one place: {settings} goes to {run.directory.path}, as one "
                    "before; name every value once (steps and checkpoint_every do not count)"
                )
            runs[run.directory.path] = run
    return tuple(runs.values())

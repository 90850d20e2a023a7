"""Points that Optuna's TPE proposes for an activation from its scores so far (Bergstra et al. 2011).

Nothing but the scores is kept between two waves: each begins with a fresh sampler, whose seed follows from
the activation and the number of points so far. So a tuning that was interrupted comes to the same points.
"""

from __future__ import annotations

import importlib.util
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from swimrl.errors import InputError
from swimrl.sweeps.config import replaced
from swimrl.tuning.plan import Plan
from swimrl.tuning.space import Dimension, Point, Value, sobol_points

_MOST_ASKED = 50
"""A proposal may repeat a point; so often another is asked for."""


def check_installed() -> None:
    """Check that Optuna is installed.

    Raises:
        InputError: If it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError("--sampler tpe needs optuna; install it with: pip install 'swimrl[tune]'")


def proposals(plan: Plan, act: str, scores: Mapping[int, float], count: int) -> tuple[Point, ...]:
    """Return the next points of an activation; none repeats the settings of another.

    Args:
        plan: The tuning so far.
        act: The activation.
        scores: The score of each of its points so far, by number; higher is better.
        count: How many points.
    """
    import optuna

    known = plan.points_of(act)
    seed = np.random.SeedSequence([plan.sobol_seed, zlib.crc32(act.encode()), len(known)])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # both options below
        sampler = optuna.samplers.TPESampler(
            seed=int(seed.generate_state(1)[0]), n_startup_trials=1, multivariate=True, constant_liar=True
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {one.key: _distribution(one) for one in plan.dimensions}
    for number, score in sorted(scores.items()):
        values = {one.key: _inside(one, plan.value(act, number, one.key)) for one in plan.dimensions}
        if None not in values.values():  # the settings as given may lie outside of the space
            study.add_trial(
                optuna.trial.create_trial(params=values, distributions=distributions, value=score)
            )
    taken = {replaced(plan.base, point) for point in known}
    new: list[Point] = []
    for point in _asked(study, plan.dimensions, distributions, count):
        settings = replaced(plan.base, point)
        if settings not in taken:
            taken.add(settings)
            new.append(point)
        if len(new) == count:
            break
    return tuple(new)


def _asked(
    study: Any, space: Sequence[Dimension], distributions: Mapping[str, Any], count: int
) -> Iterator[Point]:
    """Yield what TPE proposes, and at last points of a Sobol sequence, in case TPE only repeats itself."""
    for _ in range(_MOST_ASKED * count):
        params = study.ask(dict(distributions)).params
        yield {one.key: _value(one, params[one.key]) for one in space}
    yield from sobol_points(space, 4096)


def _distribution(one: Dimension) -> Any:
    from optuna import distributions

    if one.choices:
        return distributions.CategoricalDistribution(one.choices)
    if one.is_whole:
        return distributions.IntDistribution(int(one.low), int(one.high), log=one.is_log)
    return distributions.FloatDistribution(one.low, one.high, log=one.is_log)


def _value(one: Dimension, proposed: Any) -> Value:
    """Return a proposal with three digits, like the points of a Sobol sequence."""
    value: Value = proposed
    return float(f"{min(max(value, one.low), one.high):.3g}") if isinstance(value, float) else value


def _inside(one: Dimension, value: Value) -> Value | None:
    """Return a value as the distribution takes it, or None if it lies outside of the space."""
    if one.choices:
        return str(value) if str(value) in one.choices else None
    number = float(value)
    if not one.low <= number <= one.high:
        return None
    return round(number) if one.is_whole else number

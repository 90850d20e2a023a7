"""What is compared: the policy with exact activations, and with polynomials of several degrees.

Letters in shapes: M observations, N units of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from swimrl.activations.language.polynomial import bound_of
from swimrl.approximating.actor import Actor, Array, Function
from swimrl.errors import InputError
from swimrl.polynomials import CompositeRelu, Series, composite_relu, minimax, observed
from swimrl.polynomials.composition import STAGES
from swimrl.polynomials.series import check_bound

FitKind = Literal["minimax", "observed", "composite"]
Errors = Literal["both", "negative", "positive", "shift", "noise"]

UNIT_FLOOR = 0.5
"""A unit's range is at least this share of its layer's: a unit that rarely moves may still move further."""

_MOST_INPUTS = 20_000  # of a layer for least squares; more change nothing


@dataclass(frozen=True)
class Settings:
    """What a study of a policy's precision does.

    Raises:
        InputError: If a value lies outside its range; the message names it.
    """

    degrees: tuple[int, ...] = (2, 6, 14, 30)
    """Degrees of the polynomials; of compositions their alpha, 4 to 14."""

    fit: FitKind = "minimax"
    """minimax: the smallest largest error on the range; observed: the smallest mean squared error at
    the pre-activations that the policy has; composite: compositions of polynomials in place of relu, with
    an error of at most 2^-alpha of the range."""

    range: str = "layer"
    """Where the polynomials are fitted: layer, unit (a polynomial for each unit), or a number, the same bound
    for all. Measured ranges follow the largest pre-activation."""

    margin: float = 1.5
    """A measured range reaches to this multiple of the largest pre-activation."""

    errors: Errors = "both"
    """Which error an arm has: that of the polynomial for all inputs (both), for negative or positive ones
    only; or a constant shift, or noise, of the same size as the polynomial's largest error."""

    episodes: int = 50
    """Episodes of each arm, from the same starts for all arms."""

    calibration_episodes: int = 5
    """Other episodes of the exact policy, which measure the ranges."""

    seed: int = 0
    """Seed of the noise."""

    def __post_init__(self) -> None:
        if not self.degrees or min(self.degrees) < 1 or len(set(self.degrees)) < len(self.degrees):
            raise InputError(f"--degrees is {self.degrees}; expected different whole numbers from 1 on")
        for name, choices in (("fit", get_args(FitKind)), ("errors", get_args(Errors))):
            if getattr(self, name) not in choices:
                raise InputError(f"--{name} is {getattr(self, name)!r}; expected one of {', '.join(choices)}")
        if self.fit == "composite" and not set(self.degrees) <= set(STAGES):
            raise InputError(
                f"--degrees is {self.degrees}; of --fit composite they are alphas from {min(STAGES)} to "
                f"{max(STAGES)}, such as 6 9 12"
            )
        for name in ("episodes", "calibration_episodes"):
            if getattr(self, name) < 2:
                raise InputError(f"--{name.replace('_', '-')} is {getattr(self, name)}; expected at least 2")
        if not 0 < self.margin < np.inf:
            raise InputError(f"--margin is {self.margin}; expected a positive number, such as 1.5")
        if self.range not in ("layer", "unit"):
            check_bound(self.bound)

    @property
    def size(self) -> str:
        """What the degrees are called."""
        return "alpha" if self.fit == "composite" else "degree"

    @property
    def bound(self) -> float:
        """The bound that was given as a number.

        Raises:
            InputError: If the range is no number.
        """
        try:
            return float(self.range)
        except ValueError:
            raise InputError(
                f"--range is {self.range!r}; expected layer, unit or a positive number such as 40"
            ) from None


@dataclass(frozen=True)
class LayerFit:
    """The polynomials of one hidden layer.

    Args:
        bounds: [N], all equal unless each unit has its own.
        series: One for the layer, or one for each unit; or compositions.
        lower: Largest of the lower bounds of the error; None where the fit has none.
        upper: Largest error on the range.
    """

    bounds: Array
    series: tuple[Series | CompositeRelu, ...]
    lower: float | None
    upper: float


@dataclass(frozen=True)
class Arm:
    """A policy of the study.

    Args:
        degree: Degree of the polynomials, alpha of compositions; None for the exact policy.
        layers: The polynomials of each hidden layer; empty for the exact policy.
        functions: The activation of each hidden layer.
        bounds: Of each hidden layer, [N].
    """

    degree: int | None
    layers: tuple[LayerFit, ...]
    functions: tuple[Function, ...]
    bounds: tuple[Array, ...]

    @property
    def name(self) -> str:
        """Such as ``degree 6``."""
        if self.degree is None:
            return "exact"
        is_composed = any(isinstance(one, CompositeRelu) for layer in self.layers for one in layer.series)
        return f"{'alpha' if is_composed else 'degree'} {self.degree}"

    @property
    def depth(self) -> int | None:
        """Multiplications one after the other in an activation; None for the exact policy."""
        return max((s.cost.depth for layer in self.layers for s in layer.series), default=None)


def arms_of(actor: Actor, inputs: Sequence[Array], settings: Settings) -> list[Arm]:
    """Return the exact policy and one arm for each degree, the finest last.

    Args:
        actor: The policy.
        inputs: Of each hidden layer, the pre-activations that it had, [M, N].
        settings: What to compare.

    Raises:
        InputError: If compositions are asked for, and an activation is not relu.
    """
    others = [spec.canonical for spec in actor.activations if spec.definition.name != "relu"]
    if settings.fit == "composite" and others:
        raise InputError(f"--fit composite replaces relu, and the policy has {others[0]}; use --fit minimax")
    bounds = tuple(_bounds(z, settings) for z in inputs)
    arms = [Arm(None, (), actor.functions, _own_bounds(actor, bounds))]
    for degree in sorted(settings.degrees):
        layers = tuple(
            _layer_fit(function, degree, bound, z, settings)
            for function, bound, z in zip(actor.functions, bounds, inputs, strict=True)
        )
        functions = tuple(
            _with_errors(exact, layer, settings) for exact, layer in zip(actor.functions, layers, strict=True)
        )
        arms.append(Arm(degree, layers, functions, bounds))
    return arms


def _own_bounds(actor: Actor, bounds: Sequence[Array]) -> tuple[Array, ...]:
    """Return the ranges that the exact policy is watched with: those of its own polynomials, if any."""
    own = [bound_of(spec.definition) for spec in actor.activations]
    return tuple(
        bound if one is None else np.full_like(bound, one) for one, bound in zip(own, bounds, strict=True)
    )


def _bounds(z: Array, settings: Settings) -> Array:
    """Return the range of each unit of a layer, [N]."""
    units = z.shape[1]
    if settings.range not in ("layer", "unit"):
        return np.full(units, settings.bound)
    largest = np.abs(z).max(axis=0)
    whole = settings.margin * max(float(largest.max()), 1e-3)
    if settings.range == "layer":
        return np.full(units, whole)
    ranges: Array = np.maximum(settings.margin * largest, UNIT_FLOOR * whole)
    return ranges


def _layer_fit(function: Function, degree: int, bounds: Array, z: Array, settings: Settings) -> LayerFit:
    """Return the polynomials of a layer: one, or one for each unit if their ranges differ."""
    is_one = bool(np.all(bounds == bounds[0]))
    columns = [z.ravel()] if is_one else list(z.T)
    series: list[Series | CompositeRelu] = []
    lowers, uppers = [], []
    for bound, column in zip(bounds[: len(columns)].tolist(), columns, strict=True):
        if settings.fit == "composite":
            composition = composite_relu(degree, bound)
            series.append(composition)
            uppers.append(composition.upper)
        elif settings.fit == "minimax":
            fit = minimax(function, degree, bound)
            series.append(fit.series)
            lowers.append(fit.lower)
            uppers.append(fit.upper)
        else:
            step = max(1, len(column) // _MOST_INPUTS)
            series.append(observed(function, degree, bound, column[::step]))
            x = bound * np.cos(np.linspace(0, np.pi, 4001))
            uppers.append(float(np.abs(series[-1](x) - function(x)).max()))
    return LayerFit(bounds, tuple(series), max(lowers) if lowers else None, max(uppers))


def _with_errors(exact: Function, layer: LayerFit, settings: Settings) -> Function:
    """Return the activation of an arm: the exact one, with the errors that are wanted."""
    polynomial = _values(layer)
    match settings.errors:
        case "both":
            return polynomial
        case "negative":
            return lambda z: np.where(z < 0, polynomial(z), exact(z))
        case "positive":
            return lambda z: np.where(z > 0, polynomial(z), exact(z))
        case "shift":
            return lambda z: exact(z) + layer.upper
        case "noise":
            generator = np.random.default_rng(settings.seed)
            return lambda z: exact(z) + layer.upper * generator.uniform(-1, 1, z.shape)


def _values(layer: LayerFit) -> Function:
    first = layer.series[0]
    if len(layer.series) == 1:
        return first
    if isinstance(first, CompositeRelu):
        scale = layer.bounds / first.bound  # relu and its compositions grow with their range
        return lambda z: scale * first(z / scale)
    every = [series.coefficients for series in layer.series if isinstance(series, Series)]
    coefficients: np.ndarray[Any, Any] = np.zeros((max(map(len, every)), 1, len(every)))
    for unit, of_unit in enumerate(every):
        coefficients[: len(of_unit), 0, unit] = of_unit
    return lambda z: np.polynomial.chebyshev.chebval(z / layer.bounds, coefficients, tensor=False)

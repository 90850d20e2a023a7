"""New values for a few weights by differential evolution, with Arachne's numbers (arXiv 1912.12463).

SciPy's solver does DE/rand/1/bin with F ~ U(0.5, 1), drawn once for each generation, and CR = 0.7, as
Arachne's code. Three things differ. Values outside the bounds are drawn again uniformly, where Arachne clips
them. All members are replaced at the end of a generation, where Arachne replaces each at once. The unpatched
weights are a member of the first population, so that the result is never worse than they are on the tests of
the search.

The candidates follow from the seed and from the fitnesses so far. A search therefore continues exactly if it
is repeated with the recorded fitnesses.

Letters in shapes: D places, S members of the population.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.optimize import differential_evolution

from swimrl.errors import DamagedFileError, InputError
from swimrl.repairing.places import Place, SearchSpace
from swimrl.repairing.specification import Specification

LEAST_POPULATION = 5
"""DE/rand/1 needs three members beside the one to replace; SciPy asks for one more."""

_MUTATION, _RECOMBINATION = (0.5, 1.0), 0.7

Stopped = Literal["all tests pass", "no progress", "all generations", "interrupted"]


@dataclass(frozen=True)
class SearchSettings:
    """How long to search.

    Raises:
        InputError: If a number is out of range.
    """

    population: int = 100
    """Candidates in each generation, S."""

    generations: int = 100
    """Generations at most; 0 searches at random: only the first population is tried."""

    seed: int = 0
    """Seed of the first population and of all mutations."""

    def __post_init__(self) -> None:
        if self.population < LEAST_POPULATION:
            raise InputError(
                f"--population is {self.population}; expected at least {LEAST_POPULATION} candidates"
            )
        if self.generations < 0:
            raise InputError(f"--generations is {self.generations}; expected at least 0")

    @property
    def patience(self) -> int:
        """The search stops after more generations than this without a better fitness."""
        return max(10, self.generations // 10)


@dataclass
class FitnessLog:
    """The fitnesses of a search, from which it continues exactly."""

    fitnesses: list[list[float]] = field(default_factory=list)
    """Of the first population and of each generation after it, [S] each."""

    checks: list[float] = field(default_factory=list)
    """The sum of all candidates of each of these, which shows whether the candidates are still the same."""


@dataclass(frozen=True)
class Generation:
    """How far a search is."""

    number: int
    """0 is the first population."""

    best: float
    """The best fitness so far."""

    values: np.ndarray
    """The values of the best candidate so far, [D]."""


@dataclass(frozen=True)
class Patch:
    """The result of a search."""

    places: tuple[Place, ...]

    before: np.ndarray
    """The weights before, float64 [D]."""

    after: np.ndarray
    """The best values, float64 [D]."""

    fitness_before: float
    fitness_after: float
    """Of the best candidate."""

    history: tuple[float, ...]
    """The best fitness after the first population and after each generation."""

    bests: tuple[np.ndarray, ...]
    """The best values so far each time they improved, the last ones first, each float64 [D]."""

    stopped: Stopped
    """Why the search ended."""


def search(
    space: SearchSpace,
    specification: Specification,
    settings: SearchSettings | None = None,
    *,
    log: FitnessLog | None = None,
    on_generation: Callable[[Generation], None] | None = None,
) -> Patch:
    """Return the best values for some weights.

    On Ctrl-C the search ends, and the best values so far are returned.

    Args:
        space: The weights, and the values that may be tried.
        specification: What the network must do.
        settings: How long to search; Arachne's 100 candidates and 100 generations when not given.
        log: Receives the fitnesses. Those that it already holds are not computed again, so that a search
            continues from them.
        on_generation: Receives the progress, after the first population and after each generation.

    Raises:
        DamagedFileError: If the log is that of another search.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from swimrl.repairing import Labels, Place, SearchSpace, search
        >>> model = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> _ = model[0].weight.data.copy_(torch.eye(2))  # class 0 if the first number is the larger one
        >>> wrong = torch.tensor([[1.0, 0.8]]), torch.tensor([1])
        >>> right = torch.tensor([[1.0, 0.2]]), torch.tensor([0])
        >>> places = (Place(layer=0, row=1, column=1),)
        >>> patch = search(SearchSpace.of(model, places), Labels(model, places, wrong, right))
        >>> patch.stopped, bool(patch.after[0] > 1.25)
        ('all tests pass', True)
    """
    settings = SearchSettings() if settings is None else settings
    log = FitnessLog() if log is None else log
    return _Search(space, specification, settings, log, on_generation).patch()


class _Search:
    """Computes, records and reports the fitnesses that SciPy's solver asks for."""

    def __init__(
        self,
        space: SearchSpace,
        specification: Specification,
        settings: SearchSettings,
        log: FitnessLog,
        on_generation: Callable[[Generation], None] | None,
    ) -> None:
        self._space = space
        self._specification = specification
        self._settings = settings
        self._log = log
        self._on_generation = on_generation
        self._to_beat = np.full(settings.population, -np.inf)
        self._best_values = space.values
        self._bests: list[np.ndarray] = []
        self._history: list[float] = []
        self._unpatched = -np.inf
        self._calls = 0
        self._stopped: Stopped = "all generations"

    def patch(self) -> Patch:
        """Search, and return the result."""
        settings, space = self._settings, self._space
        generator = np.random.Generator(np.random.PCG64(settings.seed))
        try:
            differential_evolution(
                self._costs,
                np.column_stack([space.low, space.high]),
                strategy="rand1bin",
                mutation=_MUTATION,
                recombination=_RECOMBINATION,
                maxiter=settings.generations,
                init=space.first_candidates(settings.population, generator),
                x0=space.values,
                tol=0,
                atol=-1,  # so that equal fitnesses do not end the search: the rule below does
                polish=False,
                vectorized=True,
                updating="deferred",
                rng=generator,
                callback=self._generation_ended,
            )
        except KeyboardInterrupt:
            self._stopped = "interrupted"
        return Patch(
            places=space.places,
            before=space.values,
            after=self._best_values,
            fitness_before=self._unpatched,
            fitness_after=self._history[-1] if self._history else self._unpatched,
            history=tuple(self._history),
            bests=tuple(reversed(self._bests)),
            stopped=self._stopped,
        )

    def _costs(self, columns: np.ndarray) -> np.ndarray:
        """Return what SciPy minimises, [S], at candidates [D, S]."""
        candidates = columns.T
        is_first = self._calls == 0
        if is_first:
            # SciPy maps the weights to [0, 1] and back, which rounds them.
            candidates = np.vstack([self._space.values, candidates[1:]])
        fitness = self._fitness(candidates)
        best = int(fitness.argmax())
        if is_first:
            self._unpatched = float(fitness[0])
            self._to_beat[:] = fitness.min()
        if not self._history or fitness[best] > self._history[-1]:
            self._best_values = candidates[best].copy()
            self._bests.append(self._best_values)
        self._history.append(max([float(fitness[best]), *self._history[-1:]]))
        self._calls += 1
        if self._on_generation is not None:
            self._on_generation(Generation(self._calls - 1, self._history[-1], self._best_values))
        return -fitness

    def _fitness(self, candidates: np.ndarray) -> np.ndarray:
        """Return the fitness of each candidate [S, D], from the log if it is there."""
        log, number, check = self._log, self._calls, float(candidates.sum())
        if number < len(log.fitnesses):
            if log.checks[number] != check or len(log.fitnesses[number]) != len(candidates):
                raise DamagedFileError(
                    f"the recorded fitnesses of generation {number} are those of another search (other "
                    "settings, policy or version of SciPy); start again in another folder"
                )
            return np.array(log.fitnesses[number])
        fitness = self._specification.fitness(candidates, self._to_beat)
        log.fitnesses.append(fitness.tolist())
        log.checks.append(check)
        return fitness

    def _generation_ended(self, intermediate_result: Any) -> None:
        """Decide whether to go on; SciPy asks for the argument's name."""
        self._to_beat = -np.asarray(intermediate_result.population_energies)
        if self._history[-1] >= self._specification.most:
            self._stopped = "all tests pass"
            raise StopIteration
        if unchanged(self._history) > self._settings.patience:
            self._stopped = "no progress"
            raise StopIteration


def unchanged(history: list[float]) -> int:
    """Return how many generations at the end of ``history`` brought no better fitness, in float32.

    Example:
        >>> unchanged([1.0, 2.0, 2.0, 2.0])
        2
    """
    rounded = np.array(history, np.float32)
    return int((rounded == rounded[-1]).sum()) - 1

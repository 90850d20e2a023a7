"""The search: SciPy's differential evolution with Arachne's numbers, reproducible, stoppable, resumable."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from swimrl.activations import activation
from swimrl.errors import DamagedFileError, InputError
from swimrl.repairing import (
    FitnessLog,
    Generation,
    Labels,
    Place,
    SearchSettings,
    SearchSpace,
    localise,
    patched,
    search,
    write,
)
from swimrl.repairing.places import read

SMALL = SearchSettings(population=8, generations=6, seed=3)


class Bowl:
    """A smooth fitness with its top at (1, -2); counts the candidates that it is asked for."""

    most = 0.0

    def __init__(self) -> None:
        self.candidates: list[np.ndarray] = []
        self.to_beat: list[np.ndarray] = []

    def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
        self.candidates.append(candidates.copy())
        self.to_beat.append(to_beat.copy())
        return -((candidates - np.array([1.0, -2.0])) ** 2).sum(axis=1)


def space() -> SearchSpace:
    places = (Place(0, 0, 0), Place(0, 0, 1))
    both = np.ones(2)
    return SearchSpace(places, 0.5 * both, 0 * both, both, -4 * both, 4 * both)


def test_the_search_climbs_stays_inside_the_bounds_and_never_falls_below_the_unpatched_weights() -> None:
    bowl = Bowl()
    patch = search(space(), bowl, SearchSettings(20, 60))
    np.testing.assert_allclose(patch.after, [1, -2], atol=0.05)
    tried = np.vstack(bowl.candidates)
    assert np.abs(tried).max() <= 4
    np.testing.assert_array_equal(bowl.candidates[0][0], patch.before)
    assert patch.fitness_before == pytest.approx(-6.5)
    assert [*patch.history] == sorted(patch.history)
    assert patch.history[0] >= patch.fitness_before
    fitness = bowl.fitness(np.array(patch.bests), np.full(len(patch.bests), -np.inf))
    assert len(fitness) > 5
    assert (np.diff(fitness) < 0).all()
    np.testing.assert_array_equal(patch.bests[0], patch.after)


def test_each_member_is_replaced_exactly_when_its_trial_is_no_worse() -> None:
    bowl = Bowl()
    search(space(), bowl, SMALL)
    generations, thresholds = bowl.candidates, bowl.to_beat
    expected = np.full(8, -np.inf)
    for number in range(5):
        expected = np.maximum(expected, bowl.fitness(generations[number], expected))
        best = int(expected.argmax())
        expected[[0, best]] = expected[[best, 0]]  # SciPy keeps the best member in front
        # Before the first replacement SciPy does not say which member a trial is for.
        exact = expected if number else np.full(8, expected.min())
        np.testing.assert_allclose(thresholds[number + 1], exact)


def test_a_fitness_below_what_is_to_be_beaten_may_be_any_number_below_it() -> None:
    class Hasty(Bowl):
        def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
            exact = super().fitness(candidates, to_beat)
            return np.where(exact < to_beat, exact + 0.9 * (to_beat - exact), exact)

    whole, hasty = (search(space(), tests, SearchSettings(8, 30)) for tests in (Bowl(), Hasty()))
    np.testing.assert_array_equal(whole.after, hasty.after)
    assert whole.history == hasty.history


def test_the_same_seed_searches_the_same_way_and_another_seed_another_way() -> None:
    first, again = Bowl(), Bowl()
    patches = [search(space(), bowl, SMALL) for bowl in (first, again)]
    np.testing.assert_array_equal(np.vstack(first.candidates), np.vstack(again.candidates))
    assert patches[0].history == patches[1].history
    assert search(space(), Bowl(), SearchSettings(8, 6, seed=4)).history != patches[0].history


def test_without_generations_only_the_first_population_is_tried() -> None:
    bowl = Bowl()
    patch = search(space(), bowl, SearchSettings(200, 0))
    assert [len(candidates) for candidates in bowl.candidates] == [200]
    tried = -((bowl.candidates[0] - np.array([1.0, -2.0])) ** 2).sum(axis=1)
    assert patch.fitness_after == tried.max() > patch.fitness_before
    np.testing.assert_array_equal(patch.after, bowl.candidates[0][tried.argmax()])


def test_an_interrupted_search_keeps_the_best_and_continues_exactly() -> None:
    whole = search(space(), Bowl(), SMALL)
    log, seen = FitnessLog(), []

    def stop(generation: Generation) -> None:
        seen.append(generation)
        if generation.number == 3:
            raise KeyboardInterrupt

    interrupted = search(space(), Bowl(), SMALL, log=log, on_generation=stop)
    assert interrupted.stopped == "interrupted"
    assert interrupted.history == whole.history[:4]
    np.testing.assert_array_equal(interrupted.after, seen[-1].values)

    stored = FitnessLog(**json.loads(json.dumps(asdict(log))))
    rest = Bowl()
    continued = search(space(), rest, SMALL, log=stored)
    np.testing.assert_array_equal(continued.after, whole.after)
    assert continued.history == whole.history
    assert len(rest.candidates) == len(whole.history) - 4


def test_the_log_of_another_search_is_refused() -> None:
    log = FitnessLog()
    search(space(), Bowl(), SMALL, log=log)
    with pytest.raises(DamagedFileError, match="another search"):
        search(space(), Bowl(), SearchSettings(8, 6, seed=4), log=log)


class Flat(Bowl):
    most = 1.0

    def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
        super().fitness(candidates, to_beat)
        return np.zeros(len(candidates))


def test_the_search_ends_after_more_than_ten_generations_without_progress() -> None:
    patch = search(space(), Flat(), SearchSettings(8, 50))
    assert patch.stopped == "no progress"
    assert len(patch.history) == 1 + 11


def test_the_search_ends_when_every_test_passes() -> None:
    tests = Flat()
    tests.most = 0.0
    patch = search(space(), tests, SearchSettings(8, 50))
    assert patch.stopped == "all tests pass"
    assert len(patch.history) == 2
    np.testing.assert_array_equal(patch.after, patch.before)  # nothing was better


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 4}, "--population is 4; expected at least 5"),
        ({"generations": -1}, "--generations is -1; expected at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SearchSettings(**settings)


def test_the_space_is_that_of_each_weights_own_matrix() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, -6.0]]))
        model[2].weight.copy_(torch.tensor([[4.0, 8.0]]))
    area = SearchSpace.of(model, (Place(0, 1, 1), Place(1, 0, 0)))
    np.testing.assert_allclose(area.values, [-6, 4])
    np.testing.assert_allclose(area.mean, [0, 6])
    np.testing.assert_allclose(area.deviation, [np.sqrt(12.5), 2])
    np.testing.assert_allclose(area.low, [-12, 2])  # 2 min W; half of it where all weights are positive
    np.testing.assert_allclose(area.high, [6, 16])
    with pytest.raises(InputError, match="no places"):
        SearchSpace.of(model, ())


def test_weights_are_changed_for_a_while_and_set_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    before = model[0].weight.clone()
    place = (Place(0, 1, 0),)
    with patched(model, place, np.array([7.0])):
        assert read(model, place) == [7.0]
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("name", ["relu", "swim"])
def test_a_planted_fault_in_a_network_of_five_neurons_is_found_and_repaired(name: str) -> None:
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(2, 3), activation(name), nn.Linear(3, 2)).double()
    inputs = torch.randn(200, 2, dtype=torch.float64)
    labels = model(inputs).argmax(dim=1)
    fault = (Place(1, 0, 1),)
    write(model, fault, read(model, fault) + 2.0)

    right = model(inputs).argmax(dim=1) == labels
    assert 0.2 < right.double().mean() < 0.9
    failing, passing = ((inputs[which], labels[which]) for which in (~right, right))
    places = localise(model, failing, passing).front()
    assert fault[0] in places
    patch = search(
        SearchSpace.of(model, places), Labels(model, places, failing, passing), SearchSettings(100, 200)
    )
    assert patch.stopped == "all tests pass"
    write(model, places, patch.after)
    assert torch.equal(model(inputs).argmax(dim=1), labels)

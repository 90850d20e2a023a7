"""Localisation against its definition: loops over every input and weight, and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from swimrl.activations import REGISTRY, activation
from swimrl.errors import InputError, NonFiniteError
from swimrl.repairing import Costs, Place, localise
from swimrl.repairing.localisation import cross_entropy, pareto_front, pareto_levels

ELEMENTWISE = [definition.name for definition in REGISTRY.definitions() if definition.expression]
STEP = 1e-6


def network(name: str) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(3, 2),
        activation(name, width=2),
        nn.Linear(2, 3),
        activation(name, width=3),
        nn.Linear(3, 2),
    ).double()


def batch(seed: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    return inputs, torch.arange(count) % 2


def naive_impact(model: nn.Sequential, inputs: torch.Tensor) -> list[np.ndarray]:
    """The definition: one share for each input and weight, and a finite difference for each unit."""
    linears = [0, 2, 4]
    impacts = []
    with torch.no_grad():
        for position in linears:
            o = model[:position](inputs).numpy()
            w = model[position].weight.numpy()
            shares = np.zeros((len(o), *w.shape))
            for n in range(len(o)):
                for j in range(len(w)):
                    products = [abs(o[n, i] * w[j, i]) for i in range(w.shape[1])]
                    shares[n, j] = np.divide(products, sum(products)) if sum(products) else 0.0
            front = shares.mean(axis=0)
            if position == linears[-1]:
                behind = np.full(len(w), 1 / len(w))
            else:
                behind = naive_behind(model, position + 2, inputs)
            impacts.append(front * behind[:, None])
    return impacts


def naive_behind(model: nn.Sequential, rest: int, inputs: torch.Tensor) -> np.ndarray:
    values = model[:rest](inputs)
    moves = STEP * torch.eye(values.shape[1], dtype=values.dtype)  # one unit in each
    sums = [model[rest:](values[:, None] + sign * moves).sum(dim=2) for sign in (1, -1)]
    gradient = ((sums[0] - sums[1]).abs() / (2 * STEP)).numpy()
    total = gradient.sum(axis=1, keepdims=True)
    return np.divide(gradient, total, out=np.zeros_like(gradient), where=total > 0).mean(axis=0)


@torch.no_grad()
def naive_loss(model: nn.Sequential, place: Place, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    weight = [model[0], model[2], model[4]][place.layer].weight
    kept, sums = weight[place.row, place.column].item(), []
    for sign in (1, -1):
        weight[place.row, place.column] = kept + sign * STEP
        sums.append(cross_entropy(model(inputs), labels).item())
    weight[place.row, place.column] = kept
    return abs(sums[0] - sums[1]) / (2 * STEP)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_both_costs_equal_their_definition_for_every_elementwise_activation(name: str) -> None:
    model = network(name)
    failing, passing = batch(1), batch(2)
    costs = localise(model, failing, passing)
    naive = [naive_impact(model, inputs) for inputs, _ in (failing, passing)]
    for impact, of_failing, of_passing in zip(costs.forward_impact, *naive, strict=True):
        np.testing.assert_allclose(impact, of_failing / (1 + of_passing), rtol=1e-5, atol=1e-7)
    every_weight = name in ("relu", "swim")  # the others in one weight of each layer, for the time
    for number in range(costs.flat()[0].size) if every_weight else (0, 7, 15):
        place = costs.place(number)
        of_failing, of_passing = (naive_loss(model, place, *both) for both in (failing, passing))
        assert costs.flat()[0][number] == pytest.approx(of_failing / (1 + of_passing), rel=1e-5, abs=1e-7)


def test_the_costs_of_a_network_that_is_no_sequence_of_modules_are_those_of_the_same_sequence() -> None:
    sequence = network("relu")

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.middle, self.first = sequence[4], sequence[2], sequence[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.relu(self.middle(torch.relu(self.first(x)))))

    own, expected = (localise(model, batch(1), batch(2)) for model in (Own(), sequence))
    for mine, theirs in zip(own.forward_impact[::-1], expected.forward_impact, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_activation_that_doubles_the_width_leaves_the_impact_of_a_unit_finite_and_shared_out() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), activation("crelu", width=4), nn.Linear(8, 2)).double()
    impact = localise(model, batch(1), batch(2)).forward_impact[0]
    assert impact.shape == (4, 3)
    assert (impact >= 0).all()
    assert impact.max() > 0


def test_a_unit_without_input_has_no_impact_instead_of_nan() -> None:
    model = network("relu")
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.fill_(-1.0)  # every unit of the first layer is off
    costs = localise(model, batch(1), batch(2))
    assert costs.forward_impact[0].max() == costs.forward_impact[1].max() == 0


def test_the_front_holds_what_no_weight_exceeds_in_both_costs() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        first, second = generator.integers(0, 6, (2, 40)).astype(float)
        points = {(a, b) for a, b in zip(first, second, strict=True)}
        expected = {
            (a, b) for a, b in points if not any((c >= a and d >= b) and (c, d) != (a, b) for c, d in points)
        }
        front = pareto_front(first, second)
        assert sorted((first[i], second[i]) for i in front) == sorted(expected)  # each once


def test_the_levels_are_the_fronts_that_remain_when_the_fronts_before_are_taken_away() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.integers(0, 9, (2, 60)).astype(float)
    levels = pareto_levels(first, second)
    left = np.arange(60)
    for level in range(levels.max() + 1):
        front = left[pareto_front(first[left], second[left])]
        assert sorted(front) == sorted(np.flatnonzero(levels == level))
        left = np.setdiff1d(left, front)
    assert not len(left)


def small_costs() -> Costs:
    gradient = (np.array([[5.0, 1.0], [4.0, 0.0]]), np.array([[3.0, 2.0]]))
    impact = (np.array([[1.0, 9.0], [0.0, 0.0]]), np.array([[2.0, 0.0]]))
    return Costs(gradient, impact)


def test_places_are_chosen_by_front_by_gradient_and_by_level() -> None:
    costs = small_costs()
    front = (Place(0, 0, 0), Place(1, 0, 0), Place(0, 0, 1))
    assert costs.front() == front
    assert costs.best_by_gradient(2) == (Place(0, 0, 0), Place(0, 1, 0))
    assert costs.best(4) == (*front, Place(0, 1, 0))
    assert costs.layer(-1) == (Place(1, 0, 0), Place(1, 0, 1))
    drawn = costs.random(6, np.random.default_rng(0))
    assert sorted(drawn) == sorted((*costs.layer(0), *costs.layer(1)))


def test_the_number_of_a_place_leads_back_to_it() -> None:
    costs = small_costs()
    assert [costs.number(costs.place(number)) for number in range(6)] == [*range(6)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: model.append(model[4]), "3 linear layers ran 4 times"),
        (lambda model: model.requires_grad_(requires_grad=False), "requires_grad=False"),
    ],
)
def test_a_network_that_cannot_be_localised_says_why(change, message: str) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    change(model)
    with pytest.raises(InputError, match=message):
        localise(model, batch(1), batch(2))


def test_an_empty_set_and_a_network_without_linear_layers_are_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        localise(network("relu"), batch(1, count=0), batch(2))
    with pytest.raises(InputError, match="has no torch"):
        localise(nn.Sequential(nn.ReLU()), batch(1), batch(2))


def test_weights_that_are_not_finite_are_refused() -> None:
    model = network("swish")
    with torch.no_grad():
        model[0].weight[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match="cannot be ranked"):
        localise(model, batch(1), batch(2))

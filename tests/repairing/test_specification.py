"""The fitness of a classifier, and the choice of passing inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from swimrl.repairing import Labels, Place, sample_passing


def classifier() -> nn.Sequential:
    """Class 0 if the first number is larger than the second."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(2))
    return model


def test_the_fitness_of_four_inputs_is_the_one_computed_by_hand() -> None:
    failing = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64), torch.tensor([1, 0])
    passing = torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64), torch.tensor([0, 1])
    tests = Labels(classifier(), (Place(0, 1, 0),), failing, passing, alpha=10.0)
    assert tests.most == 22
    # With weight 0 two are wrong, by 1 and by 3. With weight 2 the logits are (1, 2), (0, 3), (2, 4), (0, 1).
    loss_1, loss_3, loss_2 = (np.log1p(np.exp(gap)) for gap in (1.0, 3.0, 2.0))
    expected = [
        10 * (1 / (1 + loss_1) + 1 / (1 + loss_3)) + 1 + 1,
        10 * (1 + 1 / (1 + loss_3)) + 1 / (1 + loss_2) + 1,
    ]
    assert tests.fitness(np.array([[0.0], [2.0]]), np.full(2, -np.inf)) == pytest.approx(expected)
    assert torch.equal(tests.model[0].weight, torch.eye(2, dtype=torch.float64))


def test_passing_inputs_are_drawn_in_the_shares_of_their_labels_and_at_least_one_of_each() -> None:
    labels = np.repeat([0, 1, 2], [60, 39, 1])
    chosen = sample_passing(labels, 10, np.random.default_rng(0))
    assert np.bincount(labels[chosen]).tolist() == [6, 4, 1]
    assert len(set(chosen)) == len(chosen)

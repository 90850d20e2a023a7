"""The check finds each mistake that exporters make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

from swimrl.exporting.controller import Controller, controller_of
from swimrl.exporting.loading import Batch, load_numpy
from swimrl.exporting.numpy_file import numpy_arrays, numpy_module
from swimrl.exporting.verification import difficult_observations, reference_of, verify
from swimrl.training import Run


def acting(controller: Controller, folder: Path) -> Batch:
    """What the NumPy file of a controller does."""
    (folder / "mutant.py").write_text(numpy_module(controller, "mutant.npz"))
    (folder / "mutant.npz").write_bytes(numpy_arrays(controller, {}))
    return load_numpy(folder / "mutant.py")


def change_layer(controller: Controller, number: int, **changes: object) -> Controller:
    layers = list(controller.layers)
    layers[number] = dataclasses.replace(layers[number], **changes)
    return dataclasses.replace(controller, layers=tuple(layers))


def transposed(controller: Controller) -> Controller:
    weight = controller.layers[0].weight
    return change_layer(controller, 0, weight=weight.reshape(weight.shape[::-1]).T)


def other_k(controller: Controller) -> Controller:
    return change_layer(controller, 1, parameters={"k": controller.layers[1].parameters["k"] + 1e-3})


def no_normaliser(controller: Controller) -> Controller:
    return dataclasses.replace(controller, normalisation=None)


def no_unscale(controller: Controller) -> Controller:
    one = np.ones_like(controller.high)
    return dataclasses.replace(controller, low=-one, high=one)


def without_tanh(act: Batch, controller: Controller) -> Batch:
    return lambda observations: np.arctanh(act(observations) / controller.high) * controller.high


def swapped(act: Batch, controller: Controller) -> Batch:
    return lambda observations: act(observations[:, [1, 0, 2, 3]])


def keeps_nan_away(act: Batch, controller: Controller) -> Batch:
    return lambda observations: act(np.nan_to_num(observations))


@pytest.fixture
def controller(run: Run) -> Controller:
    return controller_of(*run.td3_policy(), run.path)


@pytest.fixture
def observations(run: Run) -> np.ndarray:
    seen: list[np.ndarray] = []
    run.evaluate(5, on_step=lambda transition: seen.append(transition.observation))
    return difficult_observations(np.array(seen), UNBOUNDED)


UNBOUNDED = spaces.Box(-np.inf, np.inf, (4,))


def test_all_corners_of_what_has_bounds_are_among_the_observations() -> None:
    box = spaces.Box(np.array([-1, -np.inf, -3.4e38, 0]), np.array([2, 5, 3.4e38, 8]), dtype=np.float64)
    visited = np.random.default_rng(0).uniform(0, 1, (50, 4))
    corners = difficult_observations(visited, box)[100:]
    assert {tuple(row) for row in corners[:, [0, 3]]} == {(-1, 0), (-1, 8), (2, 0), (2, 8)}
    np.testing.assert_allclose(corners[:, 1:3], np.tile(visited.mean(axis=0)[1:3], (4, 1)), rtol=1e-6)


def test_of_many_corners_the_outermost_are_chosen() -> None:
    corners = difficult_observations(np.zeros((5, 20)), spaces.Box(-1, 1, (20,)))[10:]
    assert corners.shape == (64, 20)
    assert {*corners.ravel()} == {-1, 1}
    assert {-20, 20} <= {*corners.sum(axis=1)}


def test_without_bounds_there_are_no_corners() -> None:
    assert len(difficult_observations(np.zeros((5, 4)), UNBOUNDED)) == 10


def test_the_right_file_passes(controller: Controller, observations: np.ndarray, tmp_path: Path) -> None:
    assert verify(reference_of(controller, observations), acting(controller, tmp_path)).is_right


@pytest.mark.parametrize("mutate", [no_normaliser, no_unscale, transposed, other_k])
def test_a_wrong_controller_is_caught(
    mutate: Callable[[Controller], Controller],
    controller: Controller,
    observations: np.ndarray,
    tmp_path: Path,
) -> None:
    result = verify(reference_of(controller, observations), acting(mutate(controller), tmp_path))
    assert not result.is_right
    assert "differ" in (result.reason or "")


@pytest.mark.parametrize("mutate", [without_tanh, swapped])
def test_a_wrong_file_is_caught(
    mutate: Callable[[Batch, Controller], Batch],
    controller: Controller,
    observations: np.ndarray,
    tmp_path: Path,
) -> None:
    wrong = mutate(acting(controller, tmp_path), controller)
    assert not verify(reference_of(controller, observations), wrong).is_right


def test_a_plausible_action_for_nan_is_caught(
    controller: Controller, observations: np.ndarray, tmp_path: Path
) -> None:
    wrong = keeps_nan_away(acting(controller, tmp_path), controller)
    result = verify(reference_of(controller, observations), wrong)
    assert result.reason == "NaN in number 0 of the observation gives a plausible action"

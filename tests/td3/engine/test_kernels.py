"""The loops of an update against NumPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swimrl.td3.engine import kernels

DTYPES = ["float32", "float64"]


@pytest.fixture
def generator() -> np.random.RandomState:
    return np.random.RandomState(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_equals_pytorchs(dtype: str, weight_decay: float, generator: np.random.RandomState) -> None:
    start = generator.randn(1000).astype(dtype)
    theirs = torch.nn.Parameter(torch.from_numpy(start.copy()))
    options = {"lr": 1e-2, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": weight_decay}
    optimizer = torch.optim.Adam([theirs], decoupled_weight_decay=True, **options)
    ours, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, 30):
        gradient = (generator.randn(1000) * 10.0 ** generator.uniform(-6, 2, 1000)).astype(dtype)
        theirs.grad = torch.from_numpy(gradient)
        optimizer.step()
        kernels.adam(ours, gradient, m, v, np.array([step, 1e-2, 0.8, 0.99, 1e-6, weight_decay]))
    scale = np.finfo(dtype).eps
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=100 * scale)
    np.testing.assert_allclose(v, optimizer.state[theirs]["exp_avg_sq"].numpy(), rtol=20 * scale)


@pytest.mark.parametrize("dtype", DTYPES)
def test_polyak(dtype: str, generator: np.random.RandomState) -> None:
    target, source = generator.randn(2, 100).astype(dtype)
    expected = 0.995 * target + 0.005 * source
    kernels.polyak(target, source, 0.005)
    np.testing.assert_allclose(target, expected, rtol=1e-6)


def test_td_target_tells_an_end_from_a_time_limit() -> None:
    q = np.array([[1.0, 5.0, 5.0, np.nan], [2.0, 3.0, 3.0, 1.0]])
    reward = np.array([10.0, 10.0, 10.0, 10.0])
    done, timeout = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0])
    target = np.empty(4)
    kernels.td_target(q, reward, done, timeout, 0.9, target)
    np.testing.assert_allclose(target[:3], [10.9, 10.0, 12.7])
    assert np.isnan(target[3])


@pytest.mark.parametrize("row", [0, 1])
def test_td_target_keeps_nan_of_either_critic(row: int) -> None:
    q = np.ones((2, 1))
    q[row] = np.nan
    target = np.zeros(1)
    kernels.td_target(q, np.zeros(1), np.zeros(1), np.zeros(1), 0.9, target)
    assert np.isnan(target[0])


def test_smooth_clips_noise_and_action() -> None:
    action = np.array([[0.0, 0.9], [-0.9, 0.2]])
    noise = np.array([[3.0, 0.3], [-0.3, -0.1]])
    out = np.empty_like(action)
    kernels.smooth(action, noise, 0.5, out)
    np.testing.assert_allclose(out, [[0.5, 1.0], [-1.0, 0.1]])


def test_value_error_and_its_gradient(generator: np.random.RandomState) -> None:
    q, target = generator.randn(64, 1), generator.randn(64)
    g, loss = np.empty_like(q), np.zeros(1)
    kernels.value_error(q, target, g, loss, 64)
    tensor = torch.from_numpy(q).requires_grad_()
    expected = torch.nn.functional.mse_loss(tensor[:, 0], torch.from_numpy(target))
    expected.backward()
    assert loss[0] == pytest.approx(expected.item())
    np.testing.assert_allclose(g, tensor.grad.numpy())


def test_small_loops(generator: np.random.RandomState) -> None:
    q, loss = generator.randn(64, 1), np.zeros(1)
    kernels.negative_mean(q, loss, 64)
    assert loss[0] == pytest.approx(-q.mean())

    column, row, out = generator.randn(8, 1), generator.randn(1, 5), np.empty((8, 5))
    kernels.outer(column, row, out)
    np.testing.assert_array_equal(out, column * row)

    sums = np.empty(5)
    kernels.column_sums(out, sums)
    np.testing.assert_allclose(sums, out.sum(0))

    g, action = generator.randn(8, 5), np.tanh(generator.randn(8, 5))
    expected = g * (1 - action**2)
    kernels.unsquash(g, action)
    np.testing.assert_allclose(g, expected)

    copied = np.empty_like(out)
    kernels.copy(out, copied)
    kernels.add_bias(copied, row[0])
    np.testing.assert_array_equal(copied, out + row)
    kernels.add(out, copied)
    np.testing.assert_array_equal(copied, out + (out + row))

    gradients = generator.randn(3, 7)
    expected = gradients[0] + gradients[1] + gradients[2]
    kernels.sum_shares(gradients)
    np.testing.assert_array_equal(gradients[0], expected)

    rows, batch = generator.randn(50, 7).astype(np.float32), np.empty((6, 7))
    indices = generator.randint(0, 50, 6)
    kernels.gather(rows, indices, batch)
    np.testing.assert_array_equal(batch, rows[indices])

"""A run that starts from the networks of another run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import swimrl
from swimrl.errors import ConfigError, InputError
from swimrl.runs.weights import read_weights
from tests.approximating.conftest import SMALL

GOING_ON = {**SMALL, "act_critic": "swim", "steps": 30, "eval_every": 30}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> swimrl.training.Run:
    out = tmp_path_factory.mktemp("source")
    return swimrl.train(act="swim", seed=3, out=out, **SMALL)


def test_a_run_goes_on_with_polynomials(source, tmp_path) -> None:
    """Before its first update it has the other run's weights, acts with them, and has its own activation."""
    start = str(source.path).replace("Pendulum-v1", "{env}").replace("seed-3", "seed-{seed}")
    run = swimrl.train(
        act="poly(swim, degree=14, bound=10)",
        start_from=start,
        seed=3,
        out=tmp_path,
        **{**GOING_ON, "td3": {"learning_starts": 30, "batch_size": 16}},
    )
    before, _ = read_weights(source.weights_file())
    after, _ = read_weights(run.weights_file())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    observation = np.array([0.3, -0.2, 0.5], np.float32)
    difference = abs(run.policy(observation) - source.policy(observation))
    assert 0 < difference < 0.05
    assert run.config.start_from == start


def test_it_learns_from_there(source, tmp_path) -> None:
    run = swimrl.train(
        act="swim", start_from=str(source.path), seed=3, out=tmp_path, **GOING_ON | {"steps": 90}
    )
    before, _ = read_weights(source.weights_file())
    after, _ = read_weights(run.weights_file())
    assert not torch.equal(before["actor.mu.0.weight"], after["actor.mu.0.weight"])
    assert torch.allclose(before["actor.mu.0.weight"], after["actor.mu.0.weight"], atol=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net": "12x9"}, "has other networks .* give the same --net"),
        ({"env": "InvertedPendulum-v5"}, "is a run of Pendulum-v1; expected one of InvertedPendulum-v5"),
        ({"start_from": "no-such-run"}, "cannot read .*no-such-run/run.json"),
        ({"normalize_obs": True}, "--start-from and --normalize-obs exclude each other"),
    ],
)
def test_what_cannot_be_a_start(changes, message, source, tmp_path) -> None:
    settings = {"act": "swim", "start_from": str(source.path), **GOING_ON, **changes}
    with pytest.raises((InputError, ConfigError), match=message):
        swimrl.train(out=tmp_path, **settings)
    assert not list(Path(tmp_path).rglob("policy.safetensors"))

"""Named random streams."""

import numpy as np
import pytest
import torch

from swimrl.envs.seeding import (
    MAX_SEED,
    STREAMS,
    Streams,
    check_seed,
    evaluation_seed,
    final_seeds,
    stream_seed,
)
from swimrl.errors import ConfigError


def test_streams_differ_between_names_and_seeds() -> None:
    seeds = [stream_seed(seed, name) for seed in range(20) for name in STREAMS]
    assert len(set(seeds)) == len(seeds)


def test_a_draw_from_one_stream_shifts_no_other() -> None:
    disturbed, untouched = Streams(3), Streams(3)
    disturbed.numpy("minibatches").randint(10, size=1000)
    disturbed.torch("target noise").get_state()
    torch.rand(7, generator=disturbed.torch("initial weights"))
    for name in set(STREAMS) - {"minibatches", "initial weights"}:
        assert disturbed.numpy(name).rand() == untouched.numpy(name).rand()
        assert torch.equal(
            torch.rand(3, generator=disturbed.torch(name)),
            torch.rand(3, generator=untouched.torch(name)),
        )


def test_borrow_draws_from_the_stream_and_restores_the_global_generators() -> None:
    streams, twin = Streams(5), Streams(5)
    numpy_before, torch_before = np.random.get_state(legacy=False), torch.get_rng_state()
    with streams.borrow(numpy="minibatches", torch="target noise"):
        indices, noise = np.random.randint(0, 1000, 16), torch.randn(16)
    with streams.borrow(numpy="minibatches", torch="target noise"):
        more, more_noise = np.random.randint(0, 1000, 16), torch.randn(16)
    assert np.array_equal(np.r_[indices, more], twin.numpy("minibatches").randint(0, 1000, 32))
    generator = twin.torch("target noise")
    assert torch.equal(noise, torch.randn(16, generator=generator))
    assert torch.equal(more_noise, torch.randn(16, generator=generator))
    after = np.random.get_state(legacy=False)
    assert np.array_equal(after["state"]["key"], numpy_before["state"]["key"])
    assert after["state"]["pos"] == numpy_before["state"]["pos"]
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_borrow_restores_after_an_error() -> None:
    before = torch.get_rng_state()
    borrowed = Streams(0).borrow(torch="target noise")
    with pytest.raises(ZeroDivisionError), borrowed:
        raise ZeroDivisionError(torch.randn(4))
    assert torch.equal(torch.get_rng_state(), before)


def test_final_seeds_meet_no_training_or_evaluation_seed() -> None:
    largest_of_training = max(MAX_SEED, 2**30 - 1)
    seeds = [seed for episode in range(100) for seed in final_seeds(episode)]
    assert len(set(seeds)) == 200
    assert min(seeds) > max(largest_of_training, evaluation_seed(MAX_SEED))
    assert max(second for _, second in map(final_seeds, range(100))) == 2**31 - 1  # a C integer holds it
    assert stream_seed(MAX_SEED, "resets") < 2**30


def test_unknown_stream_is_named() -> None:
    with pytest.raises(KeyError, match="'lottery'"):
        stream_seed(0, "lottery")


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_seed_out_of_range(seed: int) -> None:
    with pytest.raises(ConfigError, match=str(seed)):
        check_seed(seed)

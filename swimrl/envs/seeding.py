"""Named random streams: every use of chance in a run has a generator of its own, derived from the seed.

A change in one stream, such as one more draw of target noise, never shifts another. So two runs with the
same seed start from the same weights, the same first random actions and the same resets, whatever their
activation.

Stable-Baselines3 draws exploration noise and minibatches from the global NumPy generator, and target noise
from the global PyTorch one. `Streams.borrow` puts the right stream in their place for the length of one
call and restores the global ones afterwards. Nothing else in swimrl touches the global generators.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

STREAMS = (
    "initial weights",
    "first actions",
    "resets",
    "exploration noise",
    "minibatches",
    "target noise",
    "activation initialisation",
    "stochastic activations",
    "diagnostics",
)

MAX_SEED = 2**30 - 1
"""The largest seed of a run, so that training, evaluation and final seeds cannot meet."""

_EVALUATION_OFFSET = 100
_FINAL_SEEDS_START = 2**31


def check_seed(seed: int) -> int:
    """Return ``seed`` if it can seed a run.

    Raises:
        ConfigError: If it lies outside 0 .. `MAX_SEED`.
    """
    from swimrl.errors import ConfigError

    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed {seed} is out of range; give a whole number from 0 to {MAX_SEED}")
    return seed


def evaluation_seed(seed: int) -> int:
    """Return the seed of the evaluation environment's resets (authors' main.py: ``seed + 100``)."""
    return seed + _EVALUATION_OFFSET


def final_seeds(episode: int) -> tuple[int, int]:
    """Return the reset seeds of final evaluation episode number ``episode``, the second as a substitute.

    They are the same for every run, and no training or evaluation reset can use them: seeds of streams lie
    below 2^30, those of evaluations below 2^30 + 100, final seeds from 2^31 on. An environment that takes a C
    integer refuses these; its final episodes have the seeds from 2^31 - 1 downwards.
    """
    return _FINAL_SEEDS_START + episode, _FINAL_SEEDS_START - 1 - episode


def _sequence(seed: int, name: str) -> np.random.SeedSequence:
    if name not in STREAMS:
        raise KeyError(f"no random stream is named {name!r}; there are {', '.join(STREAMS)}")
    # Streams differ by the checksum of their name, not by position: a new stream changes no other.
    return np.random.SeedSequence(entropy=seed, spawn_key=(zlib.crc32(name.encode()),))


def stream_seed(seed: int, name: str) -> int:
    """Return the integer below 2^30 that seeds stream ``name``, for libraries that take an integer."""
    return int(_sequence(seed, name).generate_state(1)[0]) >> 2


class Streams:
    """The random streams of one run.

    Args:
        seed: The run's seed, 0 .. `MAX_SEED`.

    Example:
        >>> a, b = Streams(0), Streams(0)
        >>> _ = a.numpy("minibatches").randint(10, size=5)
        >>> bool(a.numpy("exploration noise").rand() == b.numpy("exploration noise").rand())
        True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._numpy: dict[str, np.random.RandomState] = {}
        self._torch: dict[str, torch.Generator] = {}

    def numpy(self, name: str) -> np.random.RandomState:
        """Return the stream as a legacy NumPy generator, the kind that Stable-Baselines3 uses."""
        if name not in self._numpy:
            bits = np.random.MT19937(_sequence(self.seed, name))
            self._numpy[name] = np.random.RandomState(bits)
        return self._numpy[name]

    def torch(self, name: str) -> torch.Generator:
        """Return the stream as a PyTorch generator on the processor."""
        import torch

        if name not in self._torch:
            self._torch[name] = torch.Generator().manual_seed(stream_seed(self.seed, name))
        return self._torch[name]

    def state(self) -> dict[str, Any]:
        """Return the states of all streams that were used, as plain data and arrays."""
        return {
            "numpy": {name: stream.get_state(legacy=False) for name, stream in self._numpy.items()},
            "torch": {name: stream.get_state().numpy() for name, stream in self._torch.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set each stream to the state that `state` returned."""
        import torch as th

        for name, where in state["numpy"].items():
            self.numpy(name).set_state(where)
        for name, where in state["torch"].items():
            self.torch(name).set_state(th.from_numpy(where))

    @contextmanager
    def borrow(self, *, numpy: str | None = None, torch: str | None = None) -> Iterator[None]:
        """Replace the global generators by these streams, for code that draws from the global ones.

        Args:
            numpy: The stream to put in the place of NumPy's global generator, if any.
            torch: The stream to put in the place of PyTorch's global generator, if any.
        """
        import torch as th

        numpy_stream = self.numpy(numpy) if numpy else None
        torch_stream = self.torch(torch) if torch else None
        numpy_before = np.random.get_state(legacy=False) if numpy_stream else None
        torch_before = th.get_rng_state() if torch_stream else None
        if numpy_stream:
            np.random.set_state(numpy_stream.get_state(legacy=False))
        if torch_stream:
            th.set_rng_state(torch_stream.get_state())
        try:
            yield
        finally:
            if numpy_stream and numpy_before is not None:
                numpy_stream.set_state(np.random.get_state(legacy=False))
                np.random.set_state(numpy_before)
            if torch_stream and torch_before is not None:
                torch_stream.set_state(th.get_rng_state())
                th.set_rng_state(torch_before)


def global_state() -> dict[str, Any]:
    """Return the states of the global generators of Python, NumPy and PyTorch.

    swimrl does not draw from them, but other people's modules and callbacks may.
    """
    import torch as th

    version, words, next_gauss = random.getstate()
    return {
        "python": {"version": version, "words": np.array(words, np.uint32), "next_gauss": next_gauss},
        "numpy": np.random.get_state(legacy=False),
        "torch": th.get_rng_state().numpy(),
        "cuda": [words.numpy() for words in _cuda_states()],
    }


def restore_global_state(state: Mapping[str, Any]) -> None:
    """Set the global generators to the states that `global_state` returned."""
    import torch as th

    python = state["python"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["next_gauss"]))
    np.random.set_state(state["numpy"])
    th.set_rng_state(th.from_numpy(state["torch"]))
    if state["cuda"]:
        th.cuda.set_rng_state_all([th.from_numpy(words) for words in state["cuda"]])


def _cuda_states() -> list[torch.Tensor]:
    import torch as th

    used: bool = th.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return th.cuda.get_rng_state_all() if used else []

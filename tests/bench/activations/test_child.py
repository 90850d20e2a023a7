"""The process that computes activations, here in the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from swimrl.activations.language.names import parse_name
from swimrl.bench.activations.child import function_of, prepare
from swimrl.bench.activations.config import (
    BACKWARD,
    BOTH,
    FORWARD,
    WORKS,
    ActivationBenchmarkConfig,
)
from swimrl.errors import SwimrlError
from swimrl.timing.clock import take_reading
from swimrl.timing.session import work_name
from swimrl.timing.worker import Offer


def offer(*names: str, **fields: Any) -> Offer:
    small = {
        "impl": ("eager", "native", "fused"),
        "dtype": ("float32",),
        "shape": ("16x64",),
        "device": ("cpu",),
    }
    config = ActivationBenchmarkConfig(act=names, **{**small, **fields}).resolved()
    return prepare({"arms": list(config.arms()), "seed": 0})


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Check that preparing and reading leave PyTorch's setting as they found it."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_works_have_one_thread() -> None:
    made = offer("relu", impl=("native",))
    for work in made.works.values():
        with work.around():
            assert torch.get_num_threads() == 1


def test_every_arm_offers_its_works_and_says_what_it_is() -> None:
    made = offer("swim", "relu")
    arms = made.facts["arms"]
    assert {name: about["what"] for name, about in arms.items()} == {
        "copy native float32 16x64": "torch.clone",
        "swim eager float32 16x64": "eager code",
        "swim fused float32 16x64": "CPU kernel",
        "relu eager float32 16x64": "composite of the formula",
        "relu native float32 16x64": "torch.nn.ReLU",
        "relu fused float32 16x64": "CPU kernel",
    }
    assert made.facts["absent"] == {"swim native float32 16x64": "PyTorch has no operator for it"}
    assert set(made.works) == {
        work_name(arm, work) for arm in arms for work in WORKS if "copy" not in arm
    } | {work_name("copy native float32 16x64", FORWARD)}
    for work in made.works.values():
        taken = take_reading(work, 3)
        assert taken.wall_s > 0
        assert taken.parts == {}


def test_extra_memory_is_counted_in_whole_tensors() -> None:
    size = 16 * 64 * 4
    memory = {name: about["extra_memory"] for name, about in offer("relu", "swim").facts["arms"].items()}
    # The value; the gradient; both.
    assert memory["relu native float32 16x64"] == {FORWARD: size, BACKWARD: size, BOTH: 2 * size}
    # The value and, for the gradient, the slope that was computed with it.
    assert memory["swim fused float32 16x64"] == {FORWARD: size, BACKWARD: size, BOTH: 3 * size}
    assert memory["swim eager float32 16x64"][BOTH] >= 5 * size


@pytest.mark.parametrize("name", ["swish", "prelu", "xielu", "mish"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_all_implementations_compute_the_same(name: str, dtype: str) -> None:
    x = torch.linspace(-3, 3, 64, dtype=getattr(torch, dtype)).reshape(4, 16).requires_grad_()
    results = []
    for implementation in ("eager", "native", "fused"):
        try:
            function = function_of(parse_name(name), implementation, x)
        except SwimrlError:
            assert (name, implementation) == ("xielu", "native")
            continue
        y = function.call(x)
        assert y.dtype == x.dtype
        gradients = torch.autograd.grad(y.sum(), (x, *function.parameters))
        results.append((y, gradients[0], len(gradients)))
    tolerance = 0.03 if dtype == "bfloat16" else 1e-5
    for value, slope, learned in results:
        torch.testing.assert_close(value, results[0][0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(slope, results[0][1], rtol=tolerance, atol=tolerance)
        assert learned == results[0][2]


def test_what_does_not_exist_carries_its_reason() -> None:
    absent = offer("crelu", "swim").facts["absent"]
    assert absent["crelu native float32 16x64"] == "PyTorch has no operator for it"
    assert absent["crelu fused float32 16x64"] == "no kernel: it is no elementwise formula"


def test_an_activation_that_fails_leaves_the_others_alone() -> None:
    made = offer("torch.nn:GLU", "relu", shape=("4x3",), impl=("eager",))  # GLU halves, and 3 is odd
    (name,) = made.facts["absent"]
    assert name == "torch.nn:GLU eager float32 4x3"
    assert made.facts["absent"][name].startswith("RuntimeError: Halving dimension must be even")
    assert "relu eager float32 4x3" in made.facts["arms"]


def test_an_output_of_another_width_has_gradients_of_its_own() -> None:
    made = offer("crelu", impl=("eager",))
    assert take_reading(made.works[work_name("crelu eager float32 16x64", BOTH)], 1).wall_s > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_where_there_is_no_cuda_device_one_line_says_so() -> None:
    made = offer("relu", device=("cpu", "cuda"))
    assert made.facts["absent"] == {"cuda": "PyTorch sees no CUDA device here"}
    with pytest.raises(SwimrlError, match="nothing can be measured: PyTorch sees no CUDA device here"):
        offer("relu", device=("cuda",))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_cuda_device_events_measure_the_time() -> None:
    made = offer("relu", device=("cuda",), impl=("native", "fused"))
    for cache in ("warm", "cold"):
        name = f"relu native float32 16x64 cuda {cache}"
        taken = take_reading(made.works[work_name(name, BOTH)], 5)
        device_s, _ = taken.parts["device"]
        assert 0 < device_s < taken.wall_s
        assert made.facts["arms"][name]["extra_memory"][FORWARD] >= 16 * 64 * 4
        assert "on a GPU" in made.facts["absent"][f"relu fused float32 16x64 cuda {cache}"]


@pytest.mark.slow
def test_compiled_is_compiled() -> None:
    # Precompiled headers pay off from the second kernel on; here they would take half a minute.
    with torch._inductor.config.patch(cpp_cache_precompile_headers=False):
        made = offer("swim", impl=("compiled",), shape=("2x16",))
    if any("Compiler" in reason for reason in made.facts["absent"].values()):
        pytest.skip("there is no C++ compiler")
    assert made.facts["absent"] == {}
    (name,) = (name for name, about in made.facts["arms"].items() if about["implementation"] == "compiled")
    assert made.facts["arms"][name]["what"] == "torch.compile"
    # One loop forwards and one backwards: the value and the gradient, and nothing in between.
    assert made.facts["arms"][name]["extra_memory"][BOTH] <= 2 * 2 * 16 * 4
    assert take_reading(made.works[work_name(name, BOTH)], 1).wall_s > 0


def test_compiled_computes_the_same() -> None:
    x = torch.linspace(-3, 3, 64).reshape(4, 16)
    function = function_of(parse_name("swim"), "compiled", x)
    with torch.compiler.set_stance("force_eager"):
        torch.testing.assert_close(function.call(x), function_of(parse_name("swim"), "eager", x).call(x))

"""The child process that computes activations; `swimrl.bench.activations.config` starts it.

Each work repeats one call: of the value without gradients, of the gradients of a value that is kept, or of
both. On a CUDA device its own events measure the time, as the part ``device``, either with the operands in
the cache or with the cache overwritten before each call.
"""

from __future__ import annotations

import functools
import itertools
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from swimrl.activations.cpu.kernel import why_unavailable
from swimrl.activations.language.names import parse_name
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.activation import Activation
from swimrl.activations.torch.factory import build
from swimrl.bench.activations.config import BACKWARD, BOTH, COPY, FORWARD, arm_name
from swimrl.bench.eager import native_module, written_module
from swimrl.errors import SwimrlError
from swimrl.td3.threads import product_threads
from swimrl.timing.clock import Parts, Work
from swimrl.timing.session import work_name
from swimrl.timing.worker import Offer, Settings, serve

DEVICE = "device"
"""The part of a work on a CUDA device: the time between the device's events."""

_ONE_THREAD = functools.partial(product_threads, 1)
_COLD_BYTES = 256 * 2**20  # more than any cache

Do = Callable[[int], Parts | None]


class AbsentError(SwimrlError):
    """An arm that does not exist; the message is the reason."""


@product_threads(1)
def prepare(settings: Settings) -> Offer:
    """Return the works of all arms, warmed up.

    Args:
        settings: ``arms``, descriptions as `ActivationBenchmarkConfig.arms` yields them, and ``seed``.
    """
    warnings.filterwarnings("ignore")  # from compilers and profilers; only errors matter here
    arms: dict[str, dict[str, Any]] = {}
    absent: dict[str, str] = {}
    works: dict[str, Work] = {}
    inputs = Inputs(settings["seed"])
    for about in settings["arms"]:
        name = arm_name(about)
        try:
            what, arm_works, memory = _arm(about, inputs)
        except AbsentError as reason:
            absent[_whole_device(about, name)] = str(reason)
        except Exception as error:  # one activation that fails must not stop the others
            lines = str(error).strip().splitlines()
            absent[name] = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
        else:
            arms[name] = {**about, "what": what, "extra_memory": memory}
            works |= {work_name(name, work): made for work, made in arm_works.items()}
    if not works:
        raise SwimrlError(f"nothing can be measured: {next(iter(absent.values()), 'no arms')}")
    return Offer({"arms": arms, "absent": absent}, works)


class Inputs:
    """Inputs and gradients, shared by all arms, and the value that a backward pass starts from.

    Args:
        seed: Seed of the numbers, which are standard normal.

    Attributes:
        kept: The value with its graph; only one arm has one at a time.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[tuple[Any, ...], Tensor] = {}
        self.kept: Tensor | None = None

    def like(self, shape: tuple[int, ...], dtype: torch.dtype, device: str, *, is_input: bool) -> Tensor:
        """Return the input, which requires a gradient, or the gradient of an output."""
        key = (shape, dtype, device, is_input)
        if key not in self._made:
            generator = torch.Generator().manual_seed(self._seed + is_input)
            numbers = torch.randn(shape, generator=generator).to(device, dtype)
            self._made[key] = numbers.requires_grad_(is_input)
        return self._made[key]


@dataclass(frozen=True)
class Function:
    """An activation as a function of tensors."""

    call: Callable[[Tensor], Tensor]
    parameters: tuple[Tensor, ...]
    """Its trainable parameters."""

    description: str
    """Such as ``torch.nn.SiLU`` or ``CPU kernel``."""


def function_of(spec: ActivationSpec, implementation: str, x: Tensor) -> Function:
    """Return an activation as a function of tensors like ``x``.

    Raises:
        AbsentError: If there is no such implementation.
    """
    module, description = _module(spec, implementation, x)
    if implementation in ("native", "eager"):
        module = module.to(x.dtype)
    module = module.to(x.device)
    call = _compiled(module) if implementation == "compiled" else module
    return Function(call, tuple(module.parameters()), description)


def _module(spec: ActivationSpec, implementation: str, x: Tensor) -> tuple[nn.Module, str]:
    width = x.shape[-1]
    if implementation == "native":
        native = native_module(spec)
        if native is None:
            raise AbsentError("PyTorch has no operator for it")
        return native
    if implementation == "eager":
        return written_module(spec, width)
    if implementation == "compiled":
        return build(spec, width), "torch.compile"
    reason = spec.why_no_kernel or why_unavailable()
    if reason:
        raise AbsentError(f"no kernel: {reason}")
    if x.device.type != "cpu":
        raise AbsentError("kernels are for processors; on a GPU compiled is the fused form")
    return Activation(spec, width, kernels="always"), "CPU kernel"


def _compiled(module: nn.Module) -> Callable[[Tensor], Tensor]:
    def call(x: Tensor) -> Tensor:
        return module(x)  # type: ignore[no-any-return]  # torch leaves it untyped

    # torch.compile stores its results with the code object, searches all of them at each call, and gives up
    # after eight. So each activation gets a code object of its own.
    own = types.FunctionType(call.__code__.replace(), call.__globals__, "call", None, call.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=False)


def _arm(about: Mapping[str, Any], inputs: Inputs) -> tuple[str, dict[str, Work], dict[str, int]]:
    """Return the description of an arm, its works, warmed up, and the peak memory of each work."""
    device = torch.device(about["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        raise AbsentError("PyTorch sees no CUDA device here")
    x = inputs.like(tuple(about["shape"]), getattr(torch, about["dtype"]), about["device"], is_input=True)
    if about["activation"] == COPY:
        function = Function(torch.clone, (), "torch.clone")
    else:
        function = function_of(parse_name(about["activation"]), about["implementation"], x)
    calls = _calls(function, x, inputs)
    if about["activation"] == COPY:
        calls = {FORWARD: calls[FORWARD]}
    works, memory = {}, {}
    for name, (begin, once) in calls.items():
        with_gradients = name != FORWARD
        do = _on_cuda(once, about["cache"]) if device.type == "cuda" else functools.partial(_repeat, once)
        finish = torch.cuda.synchronize if device.type == "cuda" else _nothing
        works[name] = Work(functools.partial(_in_grad_mode, do, with_gradients), finish, begin, _ONE_THREAD)
        begin()
        works[name].do(2)  # the first call compiles; memory that it takes once is not counted
        begin()
        memory[name] = _in_grad_mode(functools.partial(_extra_memory, once, device), with_gradients)
    inputs.kept = None
    return function.description, works, memory


def _calls(
    function: Function, x: Tensor, inputs: Inputs
) -> dict[str, tuple[Callable[[], None], Callable[[], object]]]:
    """Return for each work a function that prepares it and one that does it once."""
    leaves = (x, *function.parameters)
    with torch.no_grad():
        shape = tuple(function.call(x).shape)
    g = inputs.like(shape, x.dtype, x.device.type, is_input=False)

    def release() -> None:
        inputs.kept = None

    def keep() -> None:
        release()
        with torch.enable_grad():
            inputs.kept = function.call(x)

    def backward() -> object:
        assert inputs.kept is not None
        return torch.autograd.grad(inputs.kept, leaves, g, retain_graph=True, allow_unused=True)

    def both() -> object:
        return torch.autograd.grad(function.call(x), leaves, g, allow_unused=True)

    return {
        FORWARD: (release, functools.partial(function.call, x)),
        BACKWARD: (keep, backward),
        BOTH: (release, both),
    }


def _nothing() -> None:
    pass


def _repeat(once: Callable[[], object], count: int) -> None:
    for _ in range(count):
        once()


def _in_grad_mode(do: Callable[..., Any], is_enabled: bool, *arguments: Any) -> Any:
    with torch.set_grad_enabled(is_enabled):
        return do(*arguments)


def _on_cuda(once: Callable[[], object], cache: str) -> Do:
    """Return a function that repeats ``once`` and returns the time between the device's events."""
    filler = torch.empty(_COLD_BYTES, dtype=torch.int8, device="cuda") if cache == "cold" else None

    def event() -> torch.cuda.Event:
        made = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        made.record()
        return made

    def do(count: int) -> Parts:
        events = []
        if filler is None:
            before = event()
            _repeat(once, count)
            events.append((before, event()))
        else:
            for _ in range(count):
                filler.zero_()
                before = event()
                once()
                events.append((before, event()))
        torch.cuda.synchronize()
        milliseconds = sum(before.elapsed_time(after) for before, after in events)
        return {DEVICE: (milliseconds / 1e3, None)}

    return do


def _extra_memory(once: Callable[[], object], device: torch.device) -> int:
    """Return the largest number of bytes that a call has allocated at one time, including its result."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        once()
        return int(torch.cuda.max_memory_allocated() - before)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        once()
    results = profiler.profiler.kineto_results
    changes = sorted(
        (event.start_ns(), number, event.nbytes())
        for number, event in enumerate(results.events())
        if event.name() == "[memory]"
    )
    taken = itertools.accumulate(change for _, _, change in changes)
    return max(taken, default=0)


def _whole_device(about: Mapping[str, Any], name: str) -> str:
    """Return the arm's name, or ``cuda`` if the whole device is missing, so that one line reports it."""
    return "cuda" if about["device"] == "cuda" and not torch.cuda.is_available() else name


if __name__ == "__main__":
    serve(prepare)

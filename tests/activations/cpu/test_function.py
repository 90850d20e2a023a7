"""Kernels behind autograd: the numbers of the composite form, out of the way of whatever looks inside."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from swimrl.activations import Activation, activation, parse_name
from swimrl.activations.cpu.function import CpuFunction, smallest_input

NAMES = ["swim", "swim(k=trainable)", "aulu", "gelu", "mish", "elu(alpha=trainable)", "prelu", "relu"]
# torch's own use, when it first differentiates forward
forward_differentiation = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
each_name = pytest.mark.parametrize("name", NAMES)


def fused(name: str, dtype: torch.dtype = torch.float32, width: int | None = None) -> Activation:
    """An activation that uses kernels for inputs of any size."""
    return Activation(parse_name(name), width, kernels="always").to(dtype)


def composite(module: Activation) -> Activation:
    """The same activation, with the same parameters, without kernels."""
    width = next((len(p) for p in module.parameters() if p.dim()), None)
    twin = Activation(module.spec, width, kernels="never")
    twin.to(next((p.dtype for p in module.parameters()), torch.float32))
    twin.load_state_dict(module.state_dict())
    return twin


def uses_kernel(value: Tensor) -> bool:
    return "_Kernel" in type(value.grad_fn).__name__


def numbers(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def call_of(module: Activation) -> Callable[..., Tensor]:
    """The module as a function of its input and its parameters."""
    names = [name for name, _ in module.named_parameters()]

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        values = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(module, values, (x,))  # type: ignore[no-any-return]

    return call


def strides(x: Tensor) -> list[int]:
    return [stride for stride, size in zip(x.stride(), x.shape, strict=True) if size > 1]


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.permute(3, 1, 0, 2),
    "every second": lambda x: x[::2, :, 1::3],
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "expanded": lambda x: x[:1].expand(8, -1, -1, -1),
    "flat with an offset": lambda x: x.reshape(-1)[7:-2],
    "a single number": lambda x: x[0, 0, 0, 0],
    "one row": lambda x: x[:1, :1, :1],
    "nothing": lambda x: x[:0],
    "reversed sign": lambda x: torch.view_as_complex(x.reshape(-1, 2)).conj().imag,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_shape_and_layout(layout: str, dtype: torch.dtype) -> None:
    module = fused("aulu", dtype)
    base = numbers(4, 6, 5, 64, dtype=dtype)
    before = base.clone()
    x = LAYOUTS[layout](base).detach().requires_grad_()
    y = LAYOUTS[layout](base).detach().requires_grad_()
    found, expected = module(x), composite(module)(y)
    assert uses_kernel(found) == (x.numel() > 0)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert strides(found) == strides(expected)
    close = {"rtol": 16 * torch.finfo(dtype).eps, "atol": torch.finfo(dtype).eps}
    torch.testing.assert_close(found, expected, **close)
    torch.testing.assert_close(module(x.detach()), expected.detach(), **close)
    g = numbers(*found.shape, dtype=dtype, seed=1)
    torch.testing.assert_close(
        *(torch.autograd.grad(v, u, g)[0] for v, u in ((found, x), (expected, y))), **close
    )
    assert torch.equal(base, before)


@each_name
def test_gradients_are_those_of_the_composite_form(name: str) -> None:
    module = fused(name)
    twin = composite(module)
    x, y = (numbers(64, 33, dtype=torch.float32).requires_grad_() for _ in range(2))
    g = numbers(64, 33, dtype=torch.float32, seed=1)
    for net, u in ((module, x), (twin, y)):
        net(u).backward(g)
    torch.testing.assert_close(x.grad, y.grad, rtol=2e-6, atol=2e-7)
    for p, q in zip(module.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=2e-5, atol=1e-4)


@each_name
def test_first_and_second_derivatives_by_differences(name: str) -> None:
    module = fused(name, torch.float64)
    x = numbers(3, 7).requires_grad_()
    call, inputs = call_of(module), (x, *module.parameters())
    assert uses_kernel(module(x))
    assert torch.autograd.gradcheck(call, inputs, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize("name", ["swim(k=trainable, granularity=neuron)", "aulu(granularity=neuron)"])
def test_parameters_of_each_neuron(name: str) -> None:
    module = fused(name, torch.float64, width=5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(torch.linspace(0.5, 2, 5, dtype=torch.float64))
    x = numbers(2, 3, 5).requires_grad_()
    assert uses_kernel(module(x))
    torch.testing.assert_close(module(x.mT.contiguous().mT), composite(module)(x), rtol=1e-13, atol=1e-15)
    assert torch.autograd.gradcheck(call_of(module), (x, *module.parameters()), check_batched_grad=True)
    assert torch.autograd.gradgradcheck(call_of(module), (x, *module.parameters()))


@forward_differentiation
@each_name
def test_jacobians_and_hessians(name: str) -> None:
    module = fused(name, torch.float64)
    twin, x = composite(module), numbers(6) + 0.1
    for vectorize in (False, True):
        jacobian, hessian = (
            torch.autograd.functional.jacobian(module, x, vectorize=vectorize),
            torch.autograd.functional.hessian(lambda u: module(u).sum(), x, vectorize=vectorize),
        )
        torch.testing.assert_close(jacobian, torch.func.jacrev(twin)(x), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(
            hessian, torch.func.hessian(lambda u: twin(u).sum())(x), rtol=1e-10, atol=1e-13
        )


def test_a_gradient_that_does_not_exist() -> None:
    class Cut(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> None:
            return None

    x = numbers(4).requires_grad_()
    Cut.apply(fused("swim(k=trainable)", torch.float64)(x)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is None


def test_only_wanted_gradients_are_computed() -> None:
    module = fused("swim(k=trainable)", torch.float64)
    x = numbers(4)
    (by_k,) = torch.autograd.grad(module(x).sum(), [module.k])
    assert by_k.item() == pytest.approx((x**2 / 2 * (1 + x**2 / 4) ** -1.5).sum().item())
    module.k.requires_grad_(False)
    assert module(x).grad_fn is None
    module(x.requires_grad_()).sum().backward()
    assert module.k.grad is None


def test_backward_twice_and_an_input_changed_in_between() -> None:
    module, x = fused("swim"), numbers(8, dtype=torch.float32).requires_grad_()
    value = module(x).sum()
    first = torch.autograd.grad(value, x, retain_graph=True)
    torch.testing.assert_close(first, torch.autograd.grad(value, x, retain_graph=True), rtol=0, atol=0)
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, x)


def test_threads() -> None:
    module, x = fused("aulu"), numbers(64, 64, dtype=torch.float32)
    found: dict[int, Tensor] = {}

    def work(number: int) -> None:
        u = x.clone().requires_grad_()
        for _ in range(20):
            (found[number],) = torch.autograd.grad(module(u).sum(), u)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    u = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(module(u).sum(), u)
    assert len(found) == 6
    assert all(torch.equal(result, expected) for result in found.values())


def test_copies_pickles_and_inference_mode() -> None:
    module, x = fused("aulu"), numbers(5, 5, dtype=torch.float32)
    expected = module(x)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x), expected)
    with torch.inference_mode():
        assert torch.equal(module(x), expected)


class Subclass(Tensor):
    pass


class Everything(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class EveryOperation(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Watch:
    """Notes for each call whether a kernel took it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[bool] = []
        original = CpuFunction.takes

        def takes(function: CpuFunction, x: Tensor, parameters: Any) -> bool:
            self.taken.append(original(function, x, parameters))
            return self.taken[-1]

        monkeypatch.setattr(CpuFunction, "takes", takes)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def under_forward_ad(module: Activation, x: Tensor) -> None:
    with forward_ad.dual_level():
        module(x)


def under_modes(module: Activation, x: Tensor) -> None:
    for mode in (Everything(), EveryOperation(), torch.device("cpu")):  # type: ignore[no-untyped-call]
        with mode:
            module(x)


def under_fake_tensors(module: Activation, x: Tensor) -> None:
    with FakeTensorMode() as mode:  # type: ignore[no-untyped-call]
        module(mode.from_tensor(x))


WATCHED: dict[str, Callable[[Activation, Tensor], object]] = {
    "vmap": lambda module, x: torch.func.vmap(module)(x),
    "grad": lambda module, x: torch.func.grad(lambda u: module(u).sum())(x),
    "jacrev": lambda module, x: torch.func.jacrev(module)(x),
    "hessian": lambda module, x: torch.func.hessian(lambda u: module(u).sum())(x),
    "jvp": lambda module, x: torch.func.jvp(module, (x,), (x,)),
    "forward differentiation": under_forward_ad,
    "modes": under_modes,
    "fake tensors": under_fake_tensors,
    "a subclass": lambda module, x: module(x.as_subclass(Subclass)),
    "another device": lambda module, x: composite(module).to("meta")(x.to("meta")),
    "a sparse layout": lambda module, x: CpuFunction(module.spec.settled, 1).takes(x.to_sparse(), ()),
    "parameters of another shape": lambda module, x: call_of(fused("prelu"))(x, torch.ones(4, 1)),
    "parameters of a subclass": lambda module, x: call_of(fused("prelu"))(
        x, torch.ones(()).as_subclass(Subclass)
    ),
}


@forward_differentiation
@pytest.mark.parametrize("watcher", WATCHED)
def test_what_looks_inside_gets_the_composite_form(watcher: str, watch: Watch) -> None:
    module, x = fused("swim"), numbers(4, 4, dtype=torch.float32)
    module(x)
    assert watch.taken == [True]
    watch.taken.clear()
    WATCHED[watcher](module, x)
    assert watch.taken
    assert not any(watch.taken)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_tracing_records_operations() -> None:
    module, x = fused("swim"), numbers(4, 4, dtype=torch.float32)
    traced = torch.jit.trace(module, x)  # type: ignore[no-untyped-call]
    assert "aten::sqrt" in str(traced.graph)
    torch.testing.assert_close(traced(2 * x), module(2 * x))


def test_compiling_sees_the_composite_form() -> None:
    torch.compiler.reset()
    module = fused("swim(k=trainable)")
    x, y = (numbers(64, 64, dtype=torch.float32).requires_grad_() for _ in range(2))
    found, expected = torch.compile(module, backend="aot_eager", fullgraph=True)(x), module(y)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*torch.autograd.grad(found.sum() + expected.sum(), (x, y)))


def test_half_precision_is_the_kernel_rounded_once() -> None:
    module = fused("mish")
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.linspace(-20, 20, 1001).to(dtype).requires_grad_()
        value = module(x)
        assert torch.equal(value, module(x.float()).to(dtype))
        (gradient,) = torch.autograd.grad(value.float().sum(), x)
        assert gradient.dtype == dtype


def test_the_faster_way_is_chosen_by_size() -> None:
    sizes = {name: smallest_input(parse_name(name).settled) for name in ("relu", "tanh", "swish", "swim")}
    assert sizes["relu"] > sizes["tanh"] > sizes["swish"] > sizes["swim"] > 1
    module = activation("swim")
    below, above = (torch.zeros(int(sizes["swim"]) - less, requires_grad=True) for less in (1, 0))
    assert not uses_kernel(module(below))
    assert uses_kernel(module(above))


def test_inside_a_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 64), activation("swim(k=trainable)"), nn.Linear(64, 1))
    twin = copy.deepcopy(net)
    twin[1] = composite(twin[1])
    x = numbers(256, 5, dtype=torch.float32)
    assert uses_kernel(net[1](net[0](x)))
    for one in (net, twin):
        one(x).square().mean().backward()
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-7)


WITHOUT_NUMBA = """\
import sys
sys.modules["numba"] = None
import torch
from swimrl.activations import Activation, activation, parse_name
from swimrl.activations.cpu.kernel import why_unavailable
module, x = activation("swim"), torch.linspace(-9, 9, 100_000, requires_grad=True)
value = module(x)
value.sum().backward()
assert torch.equal(value, Activation(parse_name("swim"), kernels="never")(x))
print(why_unavailable())
"""


@pytest.mark.parametrize(
    ("program", "environment", "reason"),
    [
        (WITHOUT_NUMBA, {}, "numba cannot be imported ("),
        (
            WITHOUT_NUMBA.replace('sys.modules["numba"] = None', ""),
            {"NUMBA_DISABLE_JIT": "1"},
            "NUMBA_DISABLE_JIT is",
        ),
    ],
)
def test_without_a_compiler(
    monkeypatch: pytest.MonkeyPatch, program: str, environment: dict[str, str], reason: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(reason)

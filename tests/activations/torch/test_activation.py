from __future__ import annotations

import linecache
import math
import pickle
import shutil

import pytest
import torch

from swimrl.activations import Activation, Formula, Parameter, activation, parse_name, value_and_derivatives
from swimrl.activations.torch.composite import value_function
from swimrl.errors import FormulaError


def test_fixed_parameters_are_exact_and_trainable_ones_are_parameters():
    fixed, trained = activation("swim(k=0.1)"), activation("swim(k=trainable(0.1))")
    assert list(fixed.parameters()) == []
    assert fixed.state_dict() == {}
    assert [(name, p.item(), p.shape) for name, p in trained.named_parameters()] == [
        ("k", pytest.approx(0.1), ())
    ]
    x = torch.tensor([0.7, -3.0], dtype=torch.float64)
    exact = [float(fixed.spec.formula.evaluate(point, {"k": 0.1})) for point in x.tolist()]
    assert fixed(x).tolist() == pytest.approx(exact, rel=1e-15)


def test_names_itself():
    assert repr(activation("swim(k=1)")) == "Activation(swim(k=1))"


def test_training_moves_the_parameter():
    module = activation("swim(k=trainable)")
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    x = torch.linspace(-3, 3, 101)
    target = activation("swim(k=2)")(x)
    for _ in range(500):
        optimizer.zero_grad()
        (module(x) - target).square().mean().backward()
        optimizer.step()
    assert module.k.item() == pytest.approx(2.0, abs=0.02)


def test_mixed_dtypes_follow_the_input():
    module = activation("swish(beta=trainable)")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        for shape in ((), (4,)):
            assert module(torch.ones(shape, dtype=dtype)).dtype == dtype


def test_per_unit_parameters_broadcast():
    """The derivative function takes parameters of any shape that broadcasts against x."""
    formula = parse_name("swim").formula
    x, k = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    results = value_and_derivatives(formula)(x, k)
    for column in range(3):
        single = value_and_derivatives(formula)(x[:, column], k[column].item())
        for whole, part in zip(results, single, strict=True):
            torch.testing.assert_close(whole[:, column], part)


def test_a_module_of_its_own_is_refused():
    with pytest.raises(FormulaError, match="is a module, not a formula"):
        Activation(parse_name("a.b:C"))


def test_kernels_are_used_as_asked():
    def uses_kernel(kernels, size):
        x = torch.zeros(size, requires_grad=True)
        return "Kernel" in type(Activation(parse_name("swim"), kernels=kernels)(x).grad_fn).__name__

    assert not uses_kernel("auto", 1)
    assert uses_kernel("auto", 100_000)
    assert uses_kernel("always", 1)
    assert not uses_kernel("never", 100_000)
    with pytest.raises(
        FormulaError, match="kernels='sometimes' is unknown; choose one of auto, always, never"
    ):
        Activation(parse_name("swim"), kernels="sometimes")


@pytest.mark.parametrize("name", ["training", "forward", "spec", "half"])
def test_a_trainable_name_must_be_free_in_torch(name):
    with pytest.raises(FormulaError, match="which torch uses"):
        activation(f"expr: x*{name}; {name}=trainable(1)")
    assert activation(f"expr: x*{name}; {name}=2")(torch.ones(())).item() == 2.0


@pytest.mark.parametrize("name", ["t0", "y", "lowest", "constant", "torch", "activation", "inf2", "rsqrt"])
def test_a_parameter_cannot_shadow_generated_names(name):
    module = activation(
        f"expr: where(x > 0, x, {name}*expm1(x))*tanh(softplus(x))*{name}; {name}=trainable(3)"
    )
    assert module(torch.tensor(1.0)).item() == pytest.approx(3 * math.tanh(math.log1p(math.e)), rel=1e-6)


def test_generated_code_can_be_read():
    function = activation("swim(k=2)")._function
    lines = linecache.getlines(function.__code__.co_filename)
    assert lines[0] == "def activation(x):\n"
    assert any("isru_gate(2.0*x)" in line for line in lines)
    assert function.__doc__ == "x*isru_gate(2.0*x)"


def test_the_same_function_is_compiled_once():
    assert activation("swim(k=2)")._function is activation("swim( k=2.0 )")._function


def test_a_pickle_holds_no_code():
    module = activation("swim(k=trainable)")
    assert b"_y" not in pickle.dumps(module)
    assert len(pickle.dumps(module)) < 3000


@pytest.mark.parametrize(
    ("text", "at_minus_infinity", "at_infinity"),
    [
        ("x*sigmoid(x)", 0.0, math.inf),  # NaN by IEEE arithmetic, so the value at the largest number
        ("tanh(x)", -1.0, 1.0),
        ("x + 1", -math.inf, math.inf),
        ("where(x > 0, 1, exp(x))", 0.0, 1.0),
    ],
)
def test_infinity_without_recorded_limits(text, at_minus_infinity, at_infinity):
    x = torch.tensor([-math.inf, math.inf, math.nan])
    low, high, nan = activation(f"expr: {text}")(x).tolist()
    assert (low, high) == (at_minus_infinity, at_infinity)
    assert math.isnan(nan)


def test_a_limit_that_no_finite_number_shows_is_selected():
    bump = Formula.parse("where(x < 1e39, sin(x)*0.0 + x/x, 2)", (), ("7", "inf"))
    x = torch.tensor([-math.inf, 3.0, math.inf, math.nan])
    assert value_function(bump)(x).tolist()[:3] == [7.0, 1.0, math.inf]


@pytest.mark.parametrize("fixed", [0.0, 2.0])
def test_a_parameter_may_remove_x(fixed):
    module = activation(f"expr: a*x + 1; a={fixed}")
    x = torch.tensor([[1.0, math.nan]], dtype=torch.float64)
    value = module(x)
    assert value.shape == x.shape
    assert value.dtype == x.dtype
    assert value[0, 0].item() == fixed + 1
    assert value[0, 1].isnan()


def test_derivatives_have_the_shape_of_x_even_when_constant():
    value, slope, by_a = value_and_derivatives(Formula.parse("a*x", (Parameter("a", 3.0),)))(
        torch.ones(2, 3), 3.0
    )
    assert value.shape == slope.shape == by_a.shape == (2, 3)
    assert slope.unique().tolist() == [3.0]


def test_building_under_another_default_device_or_dtype():
    with torch.device("meta"):
        module = activation("mish")
    assert module(torch.ones(2)).device.type == "cpu"
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert activation("swim(k=trainable)").k.dtype == torch.float64
    finally:
        torch.set_default_dtype(default)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")  # torch's own use of it
def test_the_default_compiler(tmp_path, monkeypatch):
    """One activation through torch's code generator, where a C++ compiler is found."""
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    module = activation("swim")
    x = torch.linspace(-20, 20, 1001)
    # Precompiled headers pay off from the second kernel on; here they would take half a minute.
    compiled = torch.compile(module, fullgraph=True, options={"cpp_cache_precompile_headers": False})
    torch.testing.assert_close(compiled(x), module(x))

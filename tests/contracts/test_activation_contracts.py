"""What every activation of the catalogue must do, tested for each of them.

Nothing here is compared with our own primitives: the oracles are textbook formulas in mpmath, torch's own
modules, and a golden table computed elsewhere.
"""

from __future__ import annotations

import copy
import csv
import importlib
import math
import pickle
from pathlib import Path

import mpmath
import pytest
import torch
from mpmath import mpf
from torch import nn

from swimrl.activations import REGISTRY, activation, activation_fn, parse_name, value_and_derivatives
from swimrl.activations.language.registry import CATALOGUE
from tests.contracts.oracles import CANCELLING, DOUBLE_EXPONENTIAL, KINKS, ORACLES

BUILT_IN = [
    definition
    for family in CATALOGUE
    for definition in importlib.import_module(f"swimrl.activations.catalogue.{family}").DEFINITIONS
    if definition.expression
]
VARIANTS = [
    "swim(k=1)",
    "swim(k=trainable)",
    "swim(k=trainable(3))",
    "swish(beta=1.5)",
    "swish(beta=-1)",
    "swish(beta=trainable)",
    "softplus(beta=2.5)",
    "softplus(beta=trainable)",
    "leaky_relu(slope=0.2)",
    "leaky_relu(slope=-0.3)",
    "prelu(slope=0.1)",
    "elu(alpha=0.5)",
    "elu(alpha=trainable)",
    "celu(alpha=0.5)",
    "celu(alpha=trainable(2))",
    "ulu(alpha1=trainable, alpha2=trainable)",
    "aulu(beta1=trainable(0.3), beta2=2)",
    "tgate(nu=1)",
    "tgate(nu=3, slope=trainable)",
    "tgate(nu=4, slope=trainable)",
    "tgate(nu=5)",
    "tgate(nu=6)",
    "tgate(nu=7)",
    "tgate(nu=8)",
    "gated_prelu_pelu(w=trainable(-0.5))",
    "spocu(beta=0.3, gamma=2)",
    "repu(p=4)",
    "hardsigmoid(width=5)",
    "isru(a=trainable(0.3))",
    "polu(n=trainable(2))",
    "xatlu(alpha=0.1)",
    "xgelu(alpha=trainable(-0.2))",
    "acon_c(p1=1.5, p2=0.2)",
    "smu(a=trainable(0))",
    "srelu(a_left=0, a_right=-1)",
]
NAMES = [definition.name for definition in BUILT_IN] + VARIANTS

GRID = torch.arange(-120, 121, dtype=torch.float64) / 20  # from -6 to 6; holds 0
HOSTILE = [0.0, -0.0, 5e-324, -1e-310, 1e-8, -1e-8, 30.0, -30.0, 88.0, -88.0, 1e4, -1e4]

all_names = pytest.mark.parametrize("name", NAMES)
formulas = pytest.mark.parametrize("definition", BUILT_IN, ids=lambda definition: definition.name)


TORCH_MODULES = {
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "prelu": nn.PReLU(),
    "elu": nn.ELU(),
    "elu(alpha=0.5)": nn.ELU(0.5),
    "selu": nn.SELU(),
    "celu": nn.CELU(),
    "celu(alpha=0.5)": nn.CELU(0.5),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(threshold=50),
    "softplus(beta=2.5)": nn.Softplus(beta=2.5, threshold=50),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "hardtanh": nn.Hardtanh(),
    "hardswish": nn.Hardswish(),
    "hardshrink": nn.Hardshrink(),
    "softshrink": nn.Softshrink(),
    "softsign": nn.Softsign(),
    "logsigmoid": nn.LogSigmoid(),
    "tanhshrink": nn.Tanhshrink(),
    "relu6": nn.ReLU6(),
}


def settled_values(name, module):
    """The parameters that a module computes with: trainable ones are rounded to their dtype."""
    trained = dict(module.named_parameters())
    return [
        trained[value.name].item() if value.trainable else value.value for value in parse_name(name).values
    ]


def textbook_form(name):
    name = parse_name(name).definition.name
    assert name in ORACLES, (
        f"{name!r} has no oracle: add its textbook form, in mpmath, to ORACLES in tests/contracts/oracles.py"
    )
    return ORACLES[name]


def oracle(name, values, digits=400):
    """The exact function. 1 + tanh(u) cancels like exp(2u): 400 digits reach below the smallest double."""
    exact = textbook_form(name)

    def evaluate(x):
        with mpmath.workdps(digits):
            return exact(mpf(x), *map(mpf, values))

    return evaluate


def slope_of(function, x):
    """The derivative of an oracle at a point where it has one."""
    with mpmath.workdps(80):
        step = mpf(10) ** -25 * max(1, abs(mpf(x)))
        return (function(mpf(x) + step) - function(mpf(x) - step)) / (2 * step)


def golden_rows():
    path = Path(__file__).parents[1] / "golden" / "activations.csv"
    with path.open(newline="") as file:
        return [(row.pop("name"), row.pop("quantity"), row) for row in csv.DictReader(file)]


def defaults(definition):
    return [parameter.default for parameter in definition.parameters]


def smooth_points(name, points):
    """The points at which the activation has a derivative."""
    kinks = KINKS.get(parse_name(name).definition.name, ())
    return [point for point in points if all(abs(point - kink) > 1e-3 for kink in kinks)]


def test_the_catalogue_is_large_and_the_oracles_cover_it():
    names = {definition.name for definition in BUILT_IN}
    assert len(names) >= 90
    assert set(ORACLES) <= names, "these oracles belong to no formula of the catalogue: remove or rename them"
    for name in names:
        textbook_form(name)
    assert {definition.name for definition in REGISTRY.definitions()} >= names


def test_the_golden_table_covers_what_it_can():
    assert len(golden_rows()) >= 70


@pytest.mark.parametrize(("name", "quantity", "row"), golden_rows())
def test_golden_values(name, quantity, row):
    x = torch.tensor([float(point) for point in row], dtype=torch.float64, requires_grad=True)
    value = activation(name)(x)
    found = value if quantity == "value" else torch.autograd.grad(value.sum(), x)[0]
    expected = torch.tensor([float(text) for text in row.values()], dtype=torch.float64)
    torch.testing.assert_close(found.detach(), expected, rtol=1e-5, atol=5.1e-7)  # the table has six decimals


def test_swim_is_not_the_formula_in_circulation():
    """Ports of a survey put k outside the root only, which makes a leaky unit: -0.788 at -3."""
    x = torch.tensor([-3.0])
    assert activation("swim")(x).item() == pytest.approx(-0.2519246, rel=1e-6)
    assert abs(activation("swim")(x).item() - (-0.788488)) > 0.5


@pytest.mark.parametrize(("name", "module"), TORCH_MODULES.items())
def test_agrees_with_torch(name, module):
    module = copy.deepcopy(module).double()
    x, y = (GRID.clone().requires_grad_() for _ in range(2))
    ours, theirs = activation(name).double()(x), module(y)
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(
        *torch.autograd.grad(ours.sum() + theirs.sum(), (x, y)), rtol=1e-12, atol=1e-14
    )


@all_names
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_at_hostile_points(name, dtype):
    module, rounding = activation(name).to(dtype), torch.finfo(dtype).eps
    exact = oracle(name, settled_values(name, module))
    x = torch.tensor(HOSTILE, dtype=dtype)
    for point, value in zip(x.tolist(), module(x).tolist(), strict=True):
        truth = exact(point)
        if abs(truth) > torch.finfo(dtype).max:
            assert value == math.copysign(math.inf, truth)
            continue
        allowed = 16 * rounding * max(abs(truth), abs(mpf(point) * slope_of(exact, point)))
        if parse_name(name).definition.name in CANCELLING:
            allowed = max(allowed, 512 * rounding * abs(mpf(point)))
        assert abs(value - truth) <= allowed + torch.finfo(dtype).tiny * rounding * 8


@all_names
def test_float32_accuracy_over_a_wide_range(name):
    """The criterion: 4 ulp, or 1e-6 of the larger of |f| and |x f'|, or 1e-7 near a zero of f."""
    module = activation(name)
    exact = oracle(name, settled_values(name, module), digits=120)
    absolute = 1e-4 if name == "minimax_relu" else 1e-7  # its coefficients reach 60
    x = torch.cat([torch.linspace(-50, 50, 102), torch.linspace(-2, 2, 52)])  # none is 0
    for point, value in zip(x.tolist(), module(x).tolist(), strict=True):
        truth = exact(point)
        sensitivity = abs(mpf(point) * slope_of(exact, point))
        allowed = max(
            4 * 2.0**-23 * abs(truth), 1e-6 * max(abs(truth), sensitivity), absolute * min(1, abs(point))
        )
        assert abs(value - truth) <= allowed + 3e-45


@all_names
def test_derivative_is_that_of_the_oracle(name):
    points = smooth_points(name, [-20.0, -5.5, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 5.5, 20.0])
    x = torch.tensor(points, dtype=torch.float64)
    spec = parse_name(name)
    values = [value.value for value in spec.values]
    _, slope, *_ = value_and_derivatives(spec.formula)(x, *values)
    for point, found in zip(x.tolist(), slope.tolist(), strict=True):
        truth = slope_of(oracle(name, values), point)
        assert abs(found - truth) <= 1e-12 * abs(truth) + 1e-15


@formulas
def test_parameter_derivatives_are_those_of_the_oracle(definition):
    points = smooth_points(definition.name, [-20.0, -3.0, -1.0, -0.3, 0.3, 1.0, 3.0, 20.0])
    x = torch.tensor(points, dtype=torch.float64)
    exact, step = textbook_form(definition.name), mpf(10) ** -20
    _, _, *found = value_and_derivatives(definition.formula)(x, *defaults(definition))
    assert len(found) == len(definition.parameters)
    with mpmath.workdps(100):
        for index, slopes in enumerate(found):
            for point, slope in zip(points, slopes.tolist(), strict=True):
                above, below = ([mpf(value) for value in defaults(definition)] for _ in range(2))
                above[index] += step
                below[index] -= step
                truth = (exact(mpf(point), *above) - exact(mpf(point), *below)) / (2 * step)
                assert abs(slope - truth) <= 1e-12 * abs(truth) + 1e-14  # softplus's is a difference near 20


@formulas
def test_derivatives_are_those_of_autograd(definition):
    x = GRID.clone().requires_grad_()
    parameters = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in defaults(definition)]
    value, slope, *by_parameter = value_and_derivatives(definition.formula)(x, *parameters)
    (expected,) = torch.autograd.grad(value.sum(), x, retain_graph=True)
    torch.testing.assert_close(slope.detach(), expected, rtol=1e-9, atol=1e-12)
    for parameter, found in zip(parameters, by_parameter, strict=True):
        # A parameter that only decides between branches is not in the graph.
        (expected,) = torch.autograd.grad(value.sum(), parameter, retain_graph=True, materialize_grads=True)
        torch.testing.assert_close(found.sum().detach(), expected, rtol=1e-9, atol=1e-12)


@formulas
def test_derivatives_are_those_of_central_differences(definition):
    points = smooth_points(definition.name, GRID[GRID != 0].tolist())
    x, step = torch.tensor(points, dtype=torch.float64), 1e-5
    compute = value_and_derivatives(definition.formula)
    _, slope, *by_parameter = compute(x, *defaults(definition))
    difference = (
        compute(x + step, *defaults(definition))[0] - compute(x - step, *defaults(definition))[0]
    ) / (2 * step)
    torch.testing.assert_close(slope, difference, rtol=1e-7, atol=1e-8)
    for index, found in enumerate(by_parameter):
        above, below = defaults(definition), defaults(definition)
        above[index] += step
        below[index] -= step
        difference = (compute(x, *above)[0] - compute(x, *below)[0]) / (2 * step)
        torch.testing.assert_close(found, difference, rtol=1e-6, atol=1e-8)


def test_only_waves_have_no_limits():
    unlimited = {definition.name for definition in BUILT_IN if definition.limits is None}
    assert unlimited == {"sine", "siren", "gcu"}, (
        "give the entry in the catalogue limits=(at minus infinity, at plus infinity), such as ('0', 'inf'); "
        "if the function has none, name it here"
    )


@pytest.mark.parametrize("name", [name for name in NAMES if parse_name(name).definition.limits])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_value_at_infinity_is_the_limit(name, dtype):
    """The limit is infinite if the oracle, at the square of a large number, is much larger still."""
    module = activation(name).to(dtype)
    found = module(torch.tensor([-math.inf, math.inf], dtype=dtype)).tolist()
    exact = oracle(name, settled_values(name, module))
    digits = 2 if parse_name(name).definition.name in DOUBLE_EXPONENTIAL else 50
    for value, end in zip(found, (-1, 1), strict=True):
        far, farther = (exact(end * mpf(10) ** (digits * times)) for times in (1, 2))
        if abs(farther) > 1.5 * abs(far) and abs(farther) > 1:
            assert value == math.copysign(math.inf, farther)
        else:
            assert value == pytest.approx(float(farther), rel=4 * torch.finfo(dtype).eps, abs=1e-30)


@all_names
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_nan_stays_nan(name, dtype):
    module, x = activation(name).to(dtype), torch.tensor([math.nan, 1.0], dtype=dtype)
    assert module(x).isnan().tolist() == [True, False]
    spec = parse_name(name)
    results = value_and_derivatives(spec.formula)(x.double(), *(value.value for value in spec.values))
    assert [result.isnan().tolist() for result in results] == [[True, False]] * len(results)


@all_names
def test_half_precision_is_float32_rounded_once(name):
    module = activation(name)
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.linspace(-50, 50, 1001).to(dtype)
        found = module(x)
        assert found.dtype == dtype
        assert torch.equal(found, module(x.float()).to(dtype))


@all_names
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_finite_in_finite_out_with_finite_gradients(name, dtype):
    """Wherever the exact value and slope are numbers of the dtype."""
    module = activation(name)
    exact = oracle(name, settled_values(name, module), digits=40)
    largest = torch.finfo(dtype).max
    points = [
        point
        for point in (-1e4, -1e3, -88.0, -8.0, 0.0, 8.0, 88.0, 1e3, 1e4)
        if abs(exact(point)) < largest and abs(slope_of(exact, point)) < largest
    ]
    assert len(points) >= 3
    x = torch.tensor(points, dtype=dtype, requires_grad=True)
    value = module(x)
    assert value.isfinite().all()
    gradients = torch.autograd.grad(value.double().sum(), [x, *module.parameters()])
    assert gradients[0].dtype == dtype
    # An inf * 0 in the formula's derivative, as of exp(-exp(-x)) at -1e3, is NaN: hold the exponent.
    assert all(gradient.isfinite().all() for gradient in gradients), (points, gradients)


@all_names
def test_keeps_shape_and_dtype(name):
    module = activation(name).double()
    for shape in [(), (0,), (3,), (2, 0, 4), (2, 3, 4, 5)]:
        x = torch.full(shape, 0.7, dtype=torch.float64, requires_grad=True)
        value = module(x)
        assert value.shape == x.shape
        assert value.dtype == x.dtype
        (gradient,) = torch.autograd.grad(value.sum(), x)
        assert gradient.shape == x.shape


@all_names
def test_is_pure_and_takes_any_memory_layout(name):
    module, x = activation(name), torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    before, expected = x.clone(), module(x)
    assert torch.equal(x, before)
    # torch's vectorised and scalar loops differ in the last bit.
    torch.testing.assert_close(module(x.T), expected.T, rtol=5e-7, atol=0)
    torch.testing.assert_close(module(x[::2, ::3]), expected[::2, ::3], rtol=5e-7, atol=0)


@all_names
def test_survives_copy_pickle_and_state_dict(name):
    module, x = activation(name), GRID.float()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.25)
    expected = module(x)
    other = activation(name)
    other.load_state_dict(module.state_dict())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), other):
        assert torch.equal(twin(x), expected)
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in module.parameters()}


@all_names
def test_makes_unshared_modules(name):
    make = activation_fn(name)
    first, second = make(), make()
    assert first is not second
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    trainable = {value.name for value in parse_name(name).values if value.trainable}
    assert {key for key, _ in first.named_parameters()} == trainable
    assert all(parameter.shape == () for parameter in first.parameters())


@pytest.mark.parametrize("names", [NAMES[start::16] for start in range(16)], ids=lambda names: names[0])
def test_compiles_into_one_graph(names):
    torch.compiler.reset()
    modules = [activation(name) for name in names]

    def call(x):
        return torch.stack([module(x) for module in modules])

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
    x, y = (GRID.float().clone().requires_grad_() for _ in range(2))
    found, expected = compiled(x), call(y)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*torch.autograd.grad(found.sum() + expected.sum(), (x, y)))


@all_names
def test_vmap_of_grad(name):
    module = activation(name).double()
    parameters = dict(module.named_parameters())

    def call(x, parameters):
        return torch.func.functional_call(module, parameters, (x,))

    found = torch.func.vmap(torch.func.grad(call), in_dims=(0, None))(GRID, parameters)
    x = GRID.clone().requires_grad_()
    (expected,) = torch.autograd.grad(module(x).sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    jacobian = torch.autograd.functional.jacobian(module, GRID, vectorize=True)
    torch.testing.assert_close(jacobian, torch.diag(expected), rtol=1e-12, atol=1e-14)


@all_names
def test_double_backward(name):
    """Away from 0, where every activation of the catalogue is twice differentiable."""
    module = activation(name).double()
    x = torch.tensor([-4.0, -1.1, -0.2, 0.3, 1.2, 5.0], dtype=torch.float64, requires_grad=True)
    inputs = (x, *module.parameters())

    def call(x, *parameters):
        names = [key for key, _ in module.named_parameters()]
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize(
    ("name", "curvature"),
    [
        ("swim", 0.5),
        ("swim(k=1)", 1.0),
        ("silu", 0.5),
        ("gelu", math.sqrt(2 / math.pi)),
        ("gelu_tanh", math.sqrt(2 / math.pi)),
        ("mish", 0.64),
        ("tanh", 0.0),
        ("softplus", 0.25),
    ],
)
def test_second_derivative_at_zero(name, curvature):
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation(name)(x), x, create_graph=True)
    (found,) = torch.autograd.grad(slope, x)
    assert found.item() == pytest.approx(curvature, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "point", "slope"),
    [
        ("relu", 0.0, 0.0),
        ("leaky_relu", 0.0, 0.01),
        ("prelu", 0.0, 0.25),
        ("elu", 0.0, 1.0),
        ("elu(alpha=0.5)", 0.0, 0.5),
        ("selu", 0.0, 1.7580993408473766),
        ("celu(alpha=0.5)", 0.0, 1.0),
        ("hardsigmoid", -3.0, 0.0),
        ("hardsigmoid", 3.0, 0.0),
        ("hardtanh", 1.0, 0.0),
        ("relu6", 6.0, 0.0),
        ("hardswish", -3.0, 0.0),
        ("hardswish", 3.0, 1.0),
        ("hardshrink", 0.5, 0.0),
        ("softshrink", -0.5, 0.0),
        ("shifted_relu", -1.0, 0.0),
        ("isrlu", 0.0, 1.0),
        ("elish", 0.0, 0.5),
        ("xielu", 0.0, 0.5),
        ("symlog", 0.0, 1.0),
        ("sinc", 0.0, 0.0),
        ("ulu", 0.0, 0.5),
        ("aulu", 0.0, 0.5),
        ("expr: abs(x)", 0.0, 0.0),
        ("expr: max(x, 0.5*x)", 0.0, 0.5),
        ("expr: where(x >= 1, 2*x, x + 1)", 1.0, 2.0),
    ],
)
def test_slope_at_kinks(name, point, slope):
    x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(activation(name)(x), x)
    spec = parse_name(name)
    own = value_and_derivatives(spec.formula)(x.detach(), *(value.value for value in spec.values))[1]
    assert found.item() == pytest.approx(slope, rel=1e-15)
    assert own.item() == pytest.approx(slope, rel=1e-15)


def test_swim_keeps_its_digits_far_to_the_left():
    """The naive form gives -0.001013 at -1000 in float32 and exactly 0 beyond -8192."""
    x = torch.tensor([-1e3, -1e4, -1e6])
    expected = torch.tensor([-9.99997000e-4, -9.99999970e-5, -1e-6])
    torch.testing.assert_close(activation("swim")(x), expected, rtol=3e-7, atol=0)

from __future__ import annotations

import importlib
import sys

import pytest
import sympy
import torch

import swimrl
from swimrl.activations import REGISTRY, activation, parse_name, register
from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, Parameter
from swimrl.activations.language.primitives import Tanh, X
from swimrl.activations.language.registry import Registry, define
from swimrl.errors import FormulaError, UnknownNameError

pytestmark = pytest.mark.usefixtures("forget_registrations")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a distribution that announces activations, as pip would lay it out."""

    def install(entry_points, module):
        (tmp_path / "swimmers.py").write_text(module)
        info = tmp_path / "swimmers-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: swimmers\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[swimrl.activations]\n{entry_points}\n")
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("swimmers", None)


def test_register_an_expression():
    definition = swimrl.register(
        "bent_swish", "x*sigmoid(b*x) + x/10; b=2", aliases=("bent",), reference="ours"
    )
    assert definition.parameters == (Parameter("b", 2.0),)
    assert parse_name("bent(b=3)").canonical == "bent_swish(b=3)"
    x = torch.tensor([1.5])
    torch.testing.assert_close(activation("bent_swish(b=3)")(x), x * torch.sigmoid(3 * x) + x / 10)


def test_register_with_parameters_and_limits():
    register(
        "soft_step",
        "height*sigmoid(x)",
        parameters=[Parameter("height", 2.0, domain=POSITIVE, doc="how high")],
        limits=("0", "height"),
    )
    assert activation("soft_step")(torch.tensor([-torch.inf, torch.inf])).tolist() == [0.0, 2.0]
    with pytest.raises(FormulaError, match="must be > 0"):
        parse_name("soft_step(height=-1)")


def test_register_a_sympy_expression():
    k = sympy.Symbol("k")
    register("k_tanh", Tanh(k * X) / k, parameters=[Parameter("k", 0.3)])
    x = torch.tensor([-2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(activation("k_tanh")(x), torch.tanh(0.3 * x) / 0.3)


def test_sympy_functions_are_translated_or_refused():
    register("sympy_tanh", sympy.tanh(X) + 0.1 * X)
    assert parse_name("sympy_tanh").formula.expr.has(Tanh)
    with pytest.raises(FormulaError, match="no function 'Max'"):
        register("sympy_max", sympy.Max(X, 0))


def test_register_a_module():
    register("hard_tanh", module=torch.nn.Hardtanh, family="user", summary="torch's own")
    assert isinstance(activation("hard_tanh"), torch.nn.Hardtanh)
    spec = parse_name("hard_tanh")
    assert spec.formula is None
    assert spec.slug == "hard_tanh"
    with pytest.raises(FormulaError, match="takes no parameters"):
        parse_name("hard_tanh(min_val=-2)")


@pytest.mark.parametrize("name", ["swim", "silu"])
def test_a_name_or_alias_can_be_taken_once(name):
    with pytest.raises(FormulaError, match="exists already"):
        register(name, "x*tanh(x)")
    with pytest.raises(FormulaError, match="exists already"):
        register("another", "x*tanh(x)", aliases=(name,))
    with pytest.raises(UnknownNameError):
        parse_name("another")


@pytest.mark.parametrize("name", ["", "Swim2", "2swim", "a-b", "a b", "expr", "a:b", "a(b)", None])
def test_a_name_must_fit_the_grammar(name):
    with pytest.raises(FormulaError, match="cannot name an activation"):
        register(name, "x*tanh(x)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs an expression or a module"),
        ({"expression": "x", "module": torch.nn.ReLU}, "needs an expression or a module"),
        ({"expression": "tanh(2)"}, "not a function of x"),
        ({"expression": "x*b"}, "'b' has no value"),
        ({"expression": "x", "parameters": [Parameter("b", 1.0)]}, "does not occur"),
        ({"expression": "x*b", "parameters": [Parameter("b", 1.0)] * 2}, "two parameters named 'b'"),
        ({"expression": "x", "limits": ("-inf", "x")}, "depends on x"),
        ({"module": torch.nn.ReLU, "limits": ("0", "inf")}, "is a module"),
    ],
)
def test_a_mistake_is_reported_at_once_and_leaves_nothing(arguments, message):
    with pytest.raises(FormulaError, match=message):
        register("mistaken", **arguments)
    with pytest.raises(UnknownNameError):
        parse_name("mistaken")


def test_define_refuses_what_is_no_activation():
    with pytest.raises(FormulaError, match="is a int"):
        define("three", 3)


def test_entry_points(plugin):
    plugin(
        "crawl = swimmers:CRAWL\nbutterfly = swimmers:BUTTERFLY\nfloat_still = swimmers:Float",
        "import torch\n"
        "from swimrl.activations.language.definition import Definition\n"
        "CRAWL = 'x*sigmoid(a*x); a=2'\n"
        "BUTTERFLY = Definition('butterfly', 'sin(x)', family='strokes')\n"
        "Float = torch.nn.Identity\n",
    )
    assert "swimmers" not in sys.modules
    assert parse_name("crawl(a=trainable)").canonical == "crawl(a=trainable)"
    assert parse_name("butterfly").definition.family == "strokes"
    assert isinstance(activation("float_still"), torch.nn.Identity)
    assert parse_name("crawl") == parse_name("crawl")
    names = [definition.name for definition in REGISTRY.definitions()]
    assert {"crawl", "butterfly", "float_still"} <= set(names)


def test_a_broken_entry_point_harms_only_who_asks_for_it(plugin):
    plugin("sinker = swimmers:SINKER", "raise RuntimeError('holes')\n")
    assert parse_name("swim").canonical == "swim"
    with pytest.raises(FormulaError, match=r"'sinker' of swimmers .*RuntimeError: holes"):
        parse_name("sinker")
    with pytest.warns(UserWarning, match="'sinker' of swimmers"):
        names = [definition.name for definition in REGISTRY.definitions()]
    assert "sinker" not in names
    assert "swim" in names


def test_an_entry_point_cannot_replace_ours(plugin):
    plugin("swim = swimmers:SWIM", "SWIM = 'x'\n")
    assert parse_name("swim").definition.expression == "x*isru_gate(k*x)"
    with pytest.warns(UserWarning, match="the name is taken"):
        REGISTRY.definitions()


def test_an_entry_point_of_another_name_than_its_definition(plugin):
    plugin(
        "crawl = swimmers:CRAWL",
        "from swimrl.activations.language.definition import Definition\nCRAWL = Definition('swim', 'x')\n",
    )
    with pytest.raises(FormulaError):
        parse_name("crawl")


def test_unknown_names_offer_entry_points(plugin):
    plugin("butterfly = swimmers:B", "B = 'sin(x)'\n")
    with pytest.raises(UnknownNameError, match="did you mean 'butterfly'"):
        parse_name("buterfly")


def test_a_name_can_be_given_to_another_definition():
    registry = Registry([Definition("first", "x", aliases=("one",)), Definition("second", "2*x")])
    assert registry.remove("one").name == "first"
    assert [definition.name for definition in registry.definitions()] == ["second"]
    for name in ("first", "one"):
        with pytest.raises(UnknownNameError):
            registry.definition(name)
    registry.add(Definition("third", "3*x", aliases=("first",)))
    assert registry.definition("first").expression == "3*x"
    with pytest.raises(UnknownNameError, match="did you mean 'third'"):
        registry.remove("thrid")


def test_a_registry_of_ones_own():
    registry = Registry([Definition("only", "x*tanh(x)", aliases=("single",))])
    assert parse_name("single", registry).canonical == "only"
    assert [definition.name for definition in registry.definitions()] == ["only"]
    with pytest.raises(UnknownNameError):
        parse_name("swim", registry)

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pytest

from swimrl.activations import parse_name, split_layers
from swimrl.activations.language.parameters import ParameterValue
from swimrl.errors import FormulaError, InputError, UnknownNameError

CANONICAL = {
    "swim": ("swim", "swim"),
    " swim ": ("swim", "swim"),
    "swim()": ("swim", "swim"),
    "swim(k=0.5)": ("swim", "swim"),
    "swim(k=1)": ("swim(k=1)", "swim-k1"),
    "swim( k = 1.0 )": ("swim(k=1)", "swim-k1"),
    "swim(k=1e-3)": ("swim(k=0.001)", "swim-k0.001"),
    "swim(k=1e20)": ("swim(k=1e+20)", "swim-k1e20"),
    "swim(k=trainable)": ("swim(k=trainable)", "swim-ktrainable"),
    "swim(k=trainable(0.5))": ("swim(k=trainable)", "swim-ktrainable"),
    "swim(k=trainable(2))": ("swim(k=trainable(2))", "swim-ktrainable2"),
    "silu": ("swish", "swish"),
    "silu(beta=1.5)": ("swish(beta=1.5)", "swish-beta1.5"),
    "swish(beta=-1)": ("swish(beta=-1)", "swish-beta-1"),
    "prelu": ("prelu", "prelu"),
    "prelu(slope=trainable)": ("prelu", "prelu"),
    "prelu(slope=0.25)": ("prelu(slope=0.25)", "prelu-slope0.25"),
    "ulu(alpha2=3, alpha1=2)": ("ulu(alpha1=2, alpha2=3)", "ulu-alpha12-alpha23"),
    "expr: x*sigmoid( beta*x ) ;beta=1": ("expr: x * sigmoid(beta * x); beta=1", "expr-5c6b9f9a"),
    "expr:x*b;b=trainable(2)": ("expr: x * b; b=trainable(2)", None),
    "package.module:Class": ("package.module:Class", "Class-f0b27c7a"),
}


@pytest.mark.parametrize(("text", "canonical", "slug"), [(text, *names) for text, names in CANONICAL.items()])
def test_canonical_name_and_slug(text, canonical, slug):
    spec = parse_name(text)
    assert spec.canonical == canonical
    again = parse_name(spec.canonical)
    assert again == spec
    assert hash(again) == hash(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec
    if slug is not None:
        assert spec.slug == slug
    assert set(spec.slug) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_different_choices_have_different_names_and_slugs():
    texts = [
        "swim",
        "swim(k=1)",
        "swim(k=trainable)",
        "swim(k=trainable(1))",
        "prelu",
        "prelu(slope=0.25)",
        "expr: x*b; b=1",
        "expr: x*b; b=2",
        "expr: x*b; b=trainable(1)",
        "a.b:C",
        "b.a:C",
    ]
    specs = [parse_name(text) for text in texts]
    assert len({spec.canonical for spec in specs}) == len(texts)
    assert len({spec.slug for spec in specs}) == len(texts)
    assert len(set(specs)) == len(texts)


def test_values():
    assert parse_name("prelu").values == (ParameterValue("slope", 0.25, trainable=True),)
    assert parse_name("prelu(slope=0.1)").values == (ParameterValue("slope", 0.1, trainable=False),)
    assert parse_name("swim(k=trainable(3))").values == (ParameterValue("k", 3.0, trainable=True),)
    assert parse_name("relu").values == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("swimm", ["unknown activation 'swimm'", "did you mean 'swim'", "swimrl activations"]),
        ("Swim", ["'swim'"]),
        ("gelu-tanh", ["'gelu_tanh'"]),
        ("qqqq", ["unknown activation 'qqqq'", "swimrl activations"]),
        ("taaf", ["must wrap one activation", "taaf(swim)"]),
        ("swim(q=1)", ["no parameter 'q'", "swim(k=0.5)"]),
        ("swim(K=1)", ["did you mean 'k'"]),
        ("relu(k=1)", ["takes no parameters"]),
        ("swim(1)", ["swim(k=0.5)"]),
        ("swim(swish)", ["swim(k=0.5)"]),
        ("swim(k='a')", ["is no number"]),
        ("swim(k=one)", ["is no number"]),
        ("swim(k=1+1)", ["is no number"]),
        ("swim(k=True)", ["is no number"]),
        ("swim(k=1e999)", ["is no number"]),
        ("swim(k=1j)", ["is no number"]),
        ("swim(k=--1)", ["is no number"]),
        ("swim(k=trainable())", ["is no number"]),
        ("swim(k=trainable(1, 2))", ["is no number"]),
        ("swim(k=trainable(start=1))", ["is no number"]),
        ("swim(k=trainable(one))", ["cannot read k", "trainable(NUMBER)"]),
        ("swim(k=trainable(1, below=3))", ["cannot read k", "low=NUMBER"]),
        ("swim(k=trainable(1, low=2))", ["does not lie between its bounds"]),
        ("swim(k=trainable(1, low=one))", ["cannot read k"]),
        ("expr: k*x; k=trainable(1, low=0)", ["cannot have bounds here", "softplus(k)"]),
        ("swim(granularity=neuron)", ["learns nothing"]),
        ("prelu(granularity=neurons)", ["choose one of layer, neuron, network"]),
        ("prelu(granularity=1)", ["choose one of layer, neuron, network"]),
        ("tgate(nu=9)", ["must be one of 1, 2, 3, 4, 5, 6, 7, 8"]),
        ("tgate(nu=trainable)", ["cannot be learned"]),
        ("taaf(swim, relu)", ["must wrap one activation"]),
        ("taaf(swimm)", ["did you mean 'swim'"]),
        ("taaf(crelu)", ["which is a module"]),
        ("taaf(swim(k=trainable(1, low=0)))", ["set them outside", "f_NAME"]),
        ("taaf(swim, f_q=1)", ["no parameter 'f_q'"]),
        ("taaf(" * 60 + "relu" + ")" * 60, ["at most 8"]),
        ("swim(k=" + "-" * 900 + "1)", ["is no number"]),
        ("swim(k=" + "-" * 100_000 + "1)", ["cannot read"]),
        ("swim(k=" + "f(" * 80 + "1" + ")" * 81, ["is no number"]),
        ("swim(k=" + "9" * 5000 + ")", ["cannot read"]),
        ("swim(" * 1000, ["cannot read"]),
        ("expr: x" + "; a=1" * 5000, ["'a' is set twice"]),
        ("expr: " + "x" * 5000, ["too long"]),
        ("expr: x*b; b=" + "-" * 3000 + "1", ["b"]),
        ("swim(k=1, k=2)", ["set twice"]),
        ("swim(**k)", ["'**' is not allowed"]),
        ("swim(k=0)", ["must be > 0"]),
        ("swim(k=-1)", ["must be > 0"]),
        ("swim(k=trainable(-1))", ["must be > 0"]),
        ("elu(alpha=-1)", ["must be >= 0"]),
        ("swim(k=1", ["cannot read"]),
        ("swim k=1", ["cannot read"]),
        ("swim(k=1) relu", ["cannot read"]),
        ("swim(k=1)(k=2)", ["cannot read"]),
        ("swim(k=)", ["cannot read"]),
        ("swim(k=1\0)", ["cannot read"]),
        ("(k=1)", ["cannot read"]),
        ("", ["named by text"]),
        ("  ", ["named by text"]),
        ("swim(lambda: 1)", ["without names"]),
        ("a..b:C", ["package.module:Class"]),
        (":C", ["package.module:Class"]),
        ("a.b:", ["package.module:Class"]),
        ("a.b:C(1)", ["takes no arguments"]),
        ("a.b:C()", ["takes no arguments"]),
        ("expr:", ["cannot read ''"]),
        ("expr: 3", ["not a function of x"]),
        ("expr: beta*x", ["; beta=1"]),
        ("expr: __import__('os')", ["no function '__import__'"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_one_clear_line_for_each_mistake(text, words):
    with pytest.raises(InputError) as caught:
        parse_name(text)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert isinstance(caught.value, UnknownNameError) == message.startswith("unknown activation")


def test_something_that_is_no_text():
    with pytest.raises(FormulaError, match="got 3"):
        parse_name(3)


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("swim", ["swim"]),
        ("swim,relu", ["swim", "relu"]),
        (" swim(k=1) , relu ", ["swim(k=1)", "relu"]),
        ("ulu(alpha1=1, alpha2=2),tanh", ["ulu(alpha1=1, alpha2=2)", "tanh"]),
        ("expr: where(x > 0, x, 0),relu", ["expr: where(x > 0, x, 0)", "relu"]),
        ("taaf(ulu(alpha1=1, alpha2=2), granularity=neuron),a.b:C", None),
    ],
)
def test_split_layers(text, layers):
    if layers is None:
        layers = ["taaf(ulu(alpha1=1, alpha2=2), granularity=neuron)", "a.b:C"]
    assert split_layers(text) == layers


@pytest.mark.parametrize("text", ["", ",", "swim,", ",swim", "swim,,relu", "swim(k=1", "swim)k=1(", "swim)"])
def test_split_layers_refuses(text):
    with pytest.raises(FormulaError):
        split_layers(text)


def test_describe_is_complete_json():
    description = parse_name("swim(k=trainable)").describe()
    assert json.loads(json.dumps(description)) == description
    assert description["name"] == "swim(k=trainable)"
    assert description["family"] == "self-gated"
    assert "2303.02640" in description["reference"]
    assert description["formula"] == "x*isru_gate(k*x)"
    assert "sqrt" in description["latex"]
    assert description["parameters"] == {"k": {"value": 0.5, "trainable": True}}


def test_describe_a_module():
    assert parse_name("a.b:C").describe() == {
        "name": "a.b:C",
        "family": "module",
        "reference": "",
        "formula": None,
        "latex": None,
        "granularity": "layer",
        "parameters": {},
    }


def test_names_need_neither_torch_nor_sympy():
    code = (
        "import sys; from swimrl.activations import REGISTRY, parse_name, split_layers;"
        "parse_name('swim(k=1)'); REGISTRY.definitions(); split_layers('swim,relu');"
        "print(sorted({'torch', 'sympy', 'numba', 'stable_baselines3', 'gymnasium'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_expressions_need_no_torch():
    code = (
        "import sys; from swimrl.activations import parse_name;"
        "parse_name('expr: x*tanh(x)').describe(); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_settled_formula_has_the_trainable_parameters_alone():
    spec = parse_name("ulu(alpha1=0.25, alpha2=trainable)")
    assert [parameter.name for parameter in spec.settled.parameters] == ["alpha2"]
    assert float(spec.settled.evaluate(-1.5)) == float(spec.formula.evaluate(-1.5, {"alpha1": 0.25}))
    with pytest.raises(FormulaError, match="is a module, not a formula"):
        _ = parse_name("maxout").settled

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from swimrl.activations import REGISTRY, activation
from swimrl.cli.activations import Args, run
from swimrl.cli.app import main
from swimrl.errors import InputError, UnknownNameError
from swimrl.td3.engine.nodes import has_kernel


def test_table_lists_everything_in_80_columns(capsys):
    run(Args())
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 80
    for definition in REGISTRY.definitions():
        assert definition.name in output
    assert "= silu" in output
    assert "k=0.5" in output
    assert "slope=0.25*" in output


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (Args(search="2303.02640"), {"swim"}),
        (Args(search="pflu"), {"pflu", "fpflu", "swim"}),
        (
            Args(family="ensemble"),
            {"abu", "apl", "splash", "slaf", "kaf", "mixed_prelu_pelu", "gated_prelu_pelu"},
        ),
        (Args(family="parametric", search="Huo 2025"), {"aulu"}),
    ],
)
def test_search_and_family(args, names, capsys):
    run(Args(args.search, args.family, as_json=True))
    assert {entry["name"] for entry in json.loads(capsys.readouterr().out)} == names


def test_json_is_complete(capsys):
    run(Args(as_json=True))
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(entries) == {definition.name for definition in REGISTRY.definitions()}
    assert entries["swim"]["formula"] == "x*isru_gate(k*x)"
    assert entries["swim"]["parameters"]["k"] == {
        "default": 0.5,
        "trainable": False,
        "domain": "> 0",
        "doc": "sharpness of the gate; the authors fix it at 0.5",
    }


def test_mistakes():
    with pytest.raises(UnknownNameError, match="did you mean 'self-gated'"):
        run(Args(family="self-gted"))
    with pytest.raises(InputError, match="no activation mentions 'zzz'"):
        run(Args(search="zzz"))


def test_as_a_command(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["activations", "--family", "elu-based", "--json"])
    assert exit_.value.code == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)][:3] == ["elu", "selu", "celu"]


def test_listing_imports_neither_torch_nor_sympy():
    code = (
        "import sys; from swimrl.cli.activations import Args, run; run(Args());"
        "print(sorted({'torch', 'sympy', 'stable_baselines3', 'gymnasium'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_json_has_what_was_derived(capsys):
    run(Args(family="self-gated", as_json=True))
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries["swim"]["range"] == [pytest.approx(-0.300283), None]
    assert entries["swim"]["monotone"] == "no"
    assert entries["swim"]["similar"][0] == "tgate"
    assert entries["ulu"]["smoothness"] == "C1"


def test_who_takes_part_in_the_fused_engine(capsys):
    run(Args(as_json=True))
    reasons = {entry["name"]: entry["why_not_fused"] for entry in json.loads(capsys.readouterr().out)}
    for definition in REGISTRY.definitions():
        module = activation(definition.name, width=64)
        assert (reasons[definition.name] is None) == has_kernel(module), definition.name
    for name, fused in (("pau(granularity=network)", True), ("maxout", True), ("kwta", False)):
        run(Args(request=("show", name), as_json=True))
        assert json.loads(capsys.readouterr().out)["fused"] is fused
        run(Args(request=("show", name)))
        assert ("engine     fused" in capsys.readouterr().out) is fused


def test_show(capsys):
    run(Args(request=("show", "swim(k=trainable(2))"), interval=(-4.0, 4.0)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["swim(k=trainable(2))", "self-gated"]
    found = {line[2:12].strip(): line[13:].strip() for line in lines if line.startswith("  ")}
    assert found["reference"] == "Abdool & Dear 2023, arXiv:2303.02640"
    assert found["k"].startswith("2, learned; > 0; sharpness")
    assert found["f(x)"] == "x*isru_gate(k*x)"
    assert found["range"].startswith("-0.0750")
    assert found["at -+inf"] == "0, inf"
    assert found["at 0"] == "f = 0, f' = 0.5"
    assert found["Lipschitz"] == "1.04433"
    assert r"\frac{k x}{\sqrt" in found["LaTeX"]
    assert sum(line.count("•") for line in lines) == 61
    assert lines[-1].strip() == "x from -4 to 4"


def test_show_of_modules_wrapped_and_raw(capsys):
    run(Args(request=("show", "crelu")))
    assert "twice as wide" in capsys.readouterr().out
    run(Args(request=("show", "xielu")))
    assert "the formula computes with 0.5 + softplus(a_n)" in capsys.readouterr().out
    run(Args(request=("show", "silu")))
    assert "also       silu" in capsys.readouterr().out
    run(Args(request=("show", "taaf(relu)")))
    assert "alpha*relu(affine(x, beta, gamma)) + delta" in capsys.readouterr().out


def test_show_as_json(capsys):
    run(Args(request=("show", "selu"), as_json=True))
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "selu"
    assert found["zero_centred"] is True
    assert found["range"] == [pytest.approx(-1.7581, abs=1e-4), None]
    assert found["limits"][1] == "inf"
    run(Args(request=("show", "maxout"), as_json=True))
    assert json.loads(capsys.readouterr().out)["formula"] is None


def test_compare(capsys):
    """Swim and SiLU differ most, by 0.1455, at +-4.86."""
    run(Args(request=("compare", "swim", "silu"), as_json=True))
    found = json.loads(capsys.readouterr().out)
    assert found["value"]["largest_difference"] == pytest.approx(0.1455, abs=5e-5)
    assert abs(found["value"]["x"]) == pytest.approx(4.86, abs=0.01)
    assert found["value"]["swim"] != found["value"]["swish"]
    run(Args(request=("compare", "swim(k=1)", "pflu"), interval=(-50.0, 50.0)))
    assert "swim(k=1) and pflu on [-50, 50]" in (text := capsys.readouterr().out)
    assert "by 0," in text


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_plot(tmp_path, capsys, suffix):
    pytest.importorskip("matplotlib", reason="figures are an extra")
    path = tmp_path / "new" / f"gates.{suffix}"
    run(Args(request=("plot", "swim", "gelu", "expr: x*sigmoid(b*x); b=2"), out=path))
    assert capsys.readouterr().out.strip() == str(path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    if suffix == "svg":
        assert b"gelu" in content
        run(Args(request=("plot", "swim", "gelu", "expr: x*sigmoid(b*x); b=2"), out=path))
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (("show",), "cannot read 'show'"),
        (("show", "a", "b"), "cannot read"),
        (("plot",), "cannot read"),
        (("compare", "swim"), "compare NAME NAME"),
        (("look", "swim"), "show NAME"),
        (("show", "swimm"), "did you mean 'swim'"),
        (("plot", "crelu"), "is a module"),
        (("compare", "swim", "glu"), "is a module"),
    ],
)
def test_mistakes_in_a_request(request_, message):
    with pytest.raises(InputError, match=message):
        run(Args(request=request_))


def test_other_mistakes(tmp_path):
    with pytest.raises(InputError, match=r"end its name in \.png or \.svg"):
        run(Args(request=("plot", "swim"), out=tmp_path / "x.jpg"))
    with pytest.raises(InputError, match="interval from 1 to 1 is empty"):
        run(Args(request=("compare", "swim", "relu"), interval=(1.0, 1.0)))


def test_requests_as_commands(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["activations", "compare", "swim", "silu", "--interval", "-1", "1", "--json"])
    assert exit_.value.code == 0
    assert json.loads(capsys.readouterr().out)["value"]["largest_difference"] < 0.01


def test_show_prints_code_to_paste(capsys):
    run(Args(request=("show", "swim(k=1)"), code="numpy"))
    namespace = {}
    exec(capsys.readouterr().out, namespace)
    assert float(namespace["swim_k1"](2.0)) == pytest.approx(2 * (1 + 2 / 5**0.5) / 2)


@pytest.mark.parametrize(
    ("name", "language", "message"),
    [("swim", "cobol", "unknown language 'cobol'"), ("maxout", "c", "maxout is a module, not a formula")],
)
def test_code_that_cannot_be_printed_is_refused(name, language, message):
    with pytest.raises(InputError, match=message):
        run(Args(request=("show", name), code=language))

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from swimrl.activations import REGISTRY
from swimrl.cli.activations import Args, run
from swimrl.cli.app import main
from swimrl.errors import InputError, UnknownNameError


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
        (Args(family="ensemble"), {"abu", "apl", "splash", "slaf"}),
        (Args(family="parametric", search="Huo"), {"aulu"}),
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

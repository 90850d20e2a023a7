from __future__ import annotations

import json
from pathlib import Path

import pytest

from swimrl.cli.polynomial import Args, run
from swimrl.errors import InputError
from swimrl.polynomials import Series


def test_fit_prints_degree_errors_depth_and_coefficients(capsys, tmp_path):
    run(Args(("fit", "swim"), precision="2^-9", out=tmp_path / "fit.svg"))
    printed = capsys.readouterr().out
    assert "degree        24" in printed
    assert "lower bound   0.00159" in printed
    assert "depth         5" in printed
    assert (tmp_path / "fit.svg").stat().st_size > 1000


def test_runs_are_measured_and_the_policy_is_saved(capsys, tmp_path, finished):
    run(Args((str(finished),), degrees=(6,), episodes=2, out=tmp_path / "page", save=tmp_path / "saved"))
    printed = capsys.readouterr().out
    assert "degree 6" in printed
    assert (tmp_path / "page" / "index.html").exists()
    assert json.loads((tmp_path / "saved" / "run.json").read_text())["config"]["act"].startswith("expr:")
    run(Args((str(finished),), degrees=(6,), episodes=2, out=tmp_path / "page", json=True))
    (measured,) = json.loads(capsys.readouterr().out)["runs"]
    assert [arm["degree"] for arm in measured["arms"]] == [None, 6]


def test_json_holds_the_polynomial(capsys):
    run(Args(("fit", "expr: x**2 + b*x; b=3"), degree=2, bound=2.0, json=True))
    printed = json.loads(capsys.readouterr().out)
    assert Series.from_json(printed["series"])(1.5) == pytest.approx(1.5**2 + 3 * 1.5)
    assert printed["error"] == pytest.approx(0, abs=1e-14)


def test_relu_has_a_composition_where_no_polynomial_reaches(capsys):
    run(Args(("fit", "relu"), precision="2^-9", json=True))
    printed = json.loads(capsys.readouterr().out)
    assert printed["composition"]["depth"] == 14
    assert "degree" not in printed


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (Args(("fit",)), "write 'fit NAME'"),
        (Args(("fit", "swim"), degree=2, precision="2^-9"), "exclude each other"),
        (Args(("fit", "swim"), precision="much"), "2\\^-9 or 0.002"),
        (Args(("fit", "maxout")), "is a module"),
        (Args(("run",), degree=6), "give --degrees"),
        (Args(("run",), save=Path("saved")), "name one run and one of --degrees"),
        (Args(("fit", "tanh"), precision="2^-60"), "is above 2\\^-60"),
    ],
)
def test_wrong_input(args, message):
    with pytest.raises(InputError, match=message):
        run(args)

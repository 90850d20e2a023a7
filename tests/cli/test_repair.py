"""swimrl repair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.training import Run
from tests.repairing.conftest import balance_run

__all__ = ["balance_run"]  # a fixture

SMALL = (
    "--test-starts 10 --repair-starts 8 --population 5 --generations 2 --lead 4 --window 20 --null-draws 1"
)


def test_it_prints_the_weights_the_rates_and_the_verdict_or_the_record(
    balance_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["repair", str(balance_run.path), "--out", str(tmp_path / "a"), *SMALL.split()])
    assert end.value.code == 0
    printed = capsys.readouterr()
    assert "layer 1, unit 0, input 0: +1.0000 to" in printed.out
    assert "fresh starts" in printed.out
    assert printed.out.splitlines()[-1] == f"in {tmp_path / 'a'}"
    assert "at most 2,400 environment steps" in printed.err

    with pytest.raises(SystemExit):
        main(["repair", str(balance_run.path), "--out", str(tmp_path / "b"), "--json", *SMALL.split()])
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "done"
    assert printed.err == ""

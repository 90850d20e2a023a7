"""``swimrl compare``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swimrl.cli.app import main


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(["compare", *arguments])
    assert not end.value.code
    return capsys.readouterr().out


def test_the_verdict_is_short_and_what_is_left_out_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.reporting.studies import write_run, write_study

    write_study(tmp_path)
    (write_run(tmp_path, seed=9) / "run.json").write_text("{")
    text = printed([str(tmp_path)], capsys)
    assert max(len(line) for line in text.splitlines() if "left out" not in line) <= 80
    assert "swim is better" in text
    assert "left out: " in text
    assert "EXPLORATORY" in text


def test_json_is_what_the_report_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.reporting.studies import write_study

    write_study(tmp_path)
    summary = json.loads(printed([str(tmp_path), "--json", "--baseline", "swim"], capsys))
    assert summary["baseline"] == "swim"
    assert [one["arm"] for one in summary["comparisons"]] == ["relu"]

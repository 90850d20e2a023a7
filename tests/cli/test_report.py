"""``swimrl report``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from swimrl.cli import report as command
from swimrl.cli.app import main


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study with a declaration."""
    from tests.reporting.studies import PRIMARY, write_study

    return write_study(tmp_path_factory.mktemp("study"), primary=PRIMARY)


@pytest.fixture(autouse=True)
def _only_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw in one format, for speed."""
    monkeypatch.setattr("swimrl.reporting.write.FIGURE_FORMATS", ("svg",))


def swimrl(line: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(shlex.split(line))
    return int(end.value.code or 0)


def test_a_study_becomes_a_report_and_a_verdict_within_80_columns(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swimrl(f"report {study} --out {tmp_path} --format html,json") == 0
    printed = capsys.readouterr().out
    assert "swim scores higher than relu. This is established with 4 seeds per arm" in " ".join(
        printed.split()
    )
    assert max(len(line) for line in printed.splitlines() if str(tmp_path) not in line) <= 80
    assert (tmp_path / "report.html").is_file()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["primary"]["baseline"] == "relu"
    assert not (tmp_path / "report.md").exists()


def test_runs_by_another_key_and_several_paths(study: Path, tmp_path: Path) -> None:
    from tests.reporting.studies import write_run

    other = tmp_path / "other"
    for seed in range(3):
        write_run(other, act="swim", seed=seed, lr=1e-3, level=150.0)
    assert swimrl(f"report {study} {other} --by act,td3.lr --out {tmp_path / 'r'} --format md,json") == 0
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    (sensitivity,) = summary["sensitivity"]
    assert sensitivity["default"] == 3e-4
    assert sensitivity["best"] == {"relu": 3e-4, "swim": 3e-4}
    assert "sensitivity.svg" in (tmp_path / "r" / "report.md").read_text()


def test_cost_and_reference_are_shown(study: Path, tmp_path: Path) -> None:
    from swimrl.timing.record import write
    from tests.reporting.test_cost import arm, record

    arms = {f"{act} {form}": arm(act, form) for act in ("relu", "swim") for form in ("eager", "fused")}
    write(
        record(arms, {(name, "forward+backward"): 1.0 + len(name) for name in arms}), tmp_path / "cost.json"
    )
    (tmp_path / "paper.csv").write_text(
        "env,activation,seed,step,mean_return_10_episodes\nHopper-v1,relu,0,0,1\nHopper-v1,relu,0,50000,90\n"
    )
    line = f"report {study} --out {tmp_path} --format md,json"
    assert swimrl(f"{line} --cost {tmp_path / 'cost.json'} --reference {tmp_path / 'paper.csv'}") == 0
    text = (tmp_path / "report.md").read_text()
    assert "| arm | eager, µs | fused, µs |" in text
    assert "reward-against-cost.svg" in text
    assert json.loads((tmp_path / "summary.json").read_text())["cost"]["host"] == "a processor"


def test_watching_goes_on_until_the_study_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.reporting.studies import PRIMARY, write_study

    folder = write_study(tmp_path / "study", seeds=3, primary=PRIMARY)
    page = tmp_path / "report" / "report.html"
    seen = []

    def sleep(seconds: float) -> None:
        seen.append('http-equiv="refresh"' in page.read_text())
        from tests.reporting.studies import write_run

        for act, level in (("relu", 100.0), ("swim", 200.0)):
            write_run(folder, act=act, seed=3, level=level, primary=PRIMARY)

    monkeypatch.setattr(command.time, "sleep", sleep)
    monkeypatch.setattr("swimrl.reporting.write.figures", lambda _: [])
    assert swimrl(f"report {folder} --watch --out {tmp_path / 'report'} --format html") == 0
    assert seen == [True]
    assert 'http-equiv="refresh"' not in page.read_text()
    assert "relu on Hopper-v4 has 3 of 4 planned seeds; " in capsys.readouterr().out


def test_reporting_imports_no_torch(study: Path, tmp_path: Path) -> None:
    import subprocess

    script = (
        "import sys\nfrom swimrl.cli.app import main\n"
        f"try: main(['report', {str(study)!r}, '--out', {str(tmp_path)!r}, '--format', 'json'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'torch', 'stable_baselines3', 'gymnasium', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

"""``swimrl envs``."""

import json
import subprocess
import sys

import pytest

from swimrl.cli import envs
from swimrl.envs.catalogue import TASKS


def test_the_table_shows_every_task_within_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    envs.run(envs.Args())
    lines = capsys.readouterr().out.splitlines()
    rows = {words[0]: words[1:] for words in map(str.split, lines) if words and words[0] in TASKS}
    assert {env_id: list(map(int, row[:3])) for env_id, row in rows.items()} == {
        task.id: [task.observation_size, task.action_size, task.horizon] for task in TASKS.values()
    }
    assert max(map(len, lines)) <= 80
    assert " ".join(rows["Swimmer-v4"][3:]) == "gamma 0.99 stalls near 40-110;"
    assert sum("use --td3.gamma 0.9999" in line for line in lines) == 2


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    envs.run(envs.Args(json=True))
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == list(TASKS)
    assert rows[0] == {"id": "Ant-v4", "observation_size": 27, "action_size": 8, "horizon": 1000, "note": ""}


def test_listing_imports_no_environment_and_no_torch() -> None:
    script = (
        "import sys; from swimrl.cli import envs; envs.run(envs.Args()); "
        "assert not {'gymnasium', 'mujoco', 'torch', 'stable_baselines3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

"""run.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swimrl.errors import (
    ConfigError,
    DamagedFileError,
    EnvironmentFaultError,
    NonFiniteError,
    StorageError,
)
from swimrl.runs import record
from swimrl.runs.record import SCHEMA_VERSION, Failure, RunRecord, failure_of, read_record

RECORD = RunRecord(
    config={"env": "Hopper-v4", "td3": {"lr": 0.1 + 0.2}},
    activations={"actor": [{"formula": "x·σ(kx)"}]},
    network={"actor_parameters": 3},
    environment={"id": "Hopper-v4"},
    versions={"torch": "2.9", "git": None},
    host={"cores": 2},
    engine={"name": "sb3"},
    status="failed",
    failure="storage",
    reason="the disk is full",
    metrics={"last10": 1.5, "final100": None},
    wall_clock_s={"total": 1.25},
    started="2026-01-01T00:00:00+00:00",
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(RECORD.to_json(), encoding="utf-8")
    assert read_record(file) == RECORD


def test_the_text_is_json_for_people() -> None:
    lines = RECORD.to_json().splitlines()
    assert lines[1:5] == [
        '  "schema_version": 2,',
        '  "status": "failed",',
        '  "failure": "storage",',
        '  "reason": "the disk is full",',
    ]
    assert '"formula": "x·σ(kx)"' in RECORD.to_json()
    assert set(json.loads(RECORD.to_json())) == set(vars(RECORD))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NonFiniteError("the critics' loss is nan after 3 updates"), "diverged"),
        (StorageError("cannot write runs/inf: No space left on device"), "storage"),
        (EnvironmentFaultError("it returned four values"), "environment"),
        (ConfigError("inf is no number"), "error"),
        (MemoryError(), "error"),
        (SystemExit(0), "error"),
    ],
    ids=repr,
)
def test_the_class_of_an_exception_decides_the_kind_of_failure(error: BaseException, kind: Failure) -> None:
    assert failure_of(error) == kind


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        ("done", None, None),
        ("interrupted", "stopped from outside (Ctrl-C or SIGTERM)", None),
        ("failed", "the critics' loss is nan after 1234 updates; the first tensor", "diverged"),
        ("failed", "the environment's reward is -inf at step 89; check the environment", "diverged"),
        ("failed", "the rewards of an evaluation episode of 20 steps sum to nan; check", "diverged"),
        ("failed", "cannot write runs/inf/nan: No space left on device; what was written", "storage"),
        ("failed", "ValueError: the environment's reward is nan at step 3", "error"),
        ("failed", None, "error"),
    ],
)
def test_schema_1_says_the_kind_of_a_failure_in_its_reason(
    status: str, reason: str | None, kind: Failure | None, tmp_path: Path
) -> None:
    content = {**json.loads(RECORD.to_json()), "schema_version": 1, "status": status, "reason": reason}
    del content["failure"]
    file = tmp_path / "run.json"
    file.write_text(json.dumps(content))
    record = read_record(file)
    assert (record.failure, record.schema_version) == (kind, SCHEMA_VERSION)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (RECORD.to_json()[:50], "is no record of a run"),
        ("", "is no record of a run"),
        ("[]", "is no record of a run"),
        ("{}", "is no record of a run"),
        ('{"schema_version": 1, "speed": 3}', "is no record of a run"),
        ('{"schema_version": 99}', f"schema version 99; this swimrl reads version {SCHEMA_VERSION}"),
        (None, "No such file or directory; name the directory of a run"),
    ],
)
def test_damage_is_named(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DamagedFileError, match=message) as error:
        read_record(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFileError, match="is no record of a run"):
        read_record(file)


def test_the_readme_of_the_room_explains_every_field() -> None:
    readme = (Path(record.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in vars(RECORD) if f"`{name}`" not in readme] == []

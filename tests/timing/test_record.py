"""Timing records on disk."""

import dataclasses
import json
from pathlib import Path

import pytest

from swimrl.errors import DamagedFileError, InputError, StorageError
from swimrl.timing.record import SCHEMA_VERSION, Series, check_free, read, write
from tests.timing.readings import noisy, record, series


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    one = series(noisy(1, seed=0), arm="a", work="updates", count=100)
    part = Series("a", "updates", 100, noisy(0.3, seed=1), (), "one part")
    whole = record(one, part, absent={"b": "no such module"}, versions={"torch": None}, duration_s=1.5)
    write(whole, tmp_path / "r.json")
    assert read(tmp_path / "r.json") == whole
    assert whole.find("a", "updates", "one part") == part
    assert whole.find("a", "updates") == one
    assert whole.find("b", "updates") is None


def test_each_series_has_a_line_of_its_own_that_is_json(tmp_path: Path) -> None:
    whole = record(series(noisy(1, seed=0), arm="a"), series(noisy(1, seed=1), arm="b"))
    lines = [line.strip().rstrip(",") for line in whole.to_json().splitlines() if '"wall_s"' in line]
    assert [json.loads(line)["arm"] for line in lines] == ["a", "b"]


def test_seconds_of_one_unit() -> None:
    one = Series("a", "w", 4, ((2.0, 4.0), (6.0, 8.0)), ((1.0, 2.0), (3.0, 4.0)))
    assert one.per_unit_s() == ((0.5, 1.0), (1.5, 2.0))
    assert one.per_unit_s("cpu") == ((0.25, 0.5), (0.75, 1.0))
    assert Series("a", "w", 4, ((2.0, 4.0),), ()).per_unit_s("cpu") == ()


def test_a_record_is_frozen_and_never_overwritten(tmp_path: Path) -> None:
    whole = record(series(noisy(1, seed=0)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.kind = "other"  # type: ignore[misc]
    path = tmp_path / "r.json"
    check_free(path)
    write(whole, path)
    before = path.read_bytes()
    for overwriting in (lambda: write(whole, path), lambda: check_free(path)):
        with pytest.raises(InputError, match=r"r\.json exists, and a record is never overwritten"):
            overwriting()
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no" / "r.json"
    with pytest.raises(StorageError, match=r"there is no folder .*make it first"):
        check_free(path)
    with pytest.raises(StorageError, match=r"cannot write .*r\.json: No such file"):
        write(record(series(noisy(1, seed=0))), path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is no timing record"),
        ("[]", "is no timing record"),
        ("{}", "is no timing record"),
        (
            f'{{"schema_version": {SCHEMA_VERSION + 1}}}',
            f"has schema version {SCHEMA_VERSION + 1}; this swimrl reads",
        ),
        (f'{{"schema_version": {SCHEMA_VERSION}, "series": []}}', "is no timing record"),
        (f'{{"schema_version": {SCHEMA_VERSION}, "series": [{{"arm": "a"}}]}}', "is no timing record"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(DamagedFileError, match=complaint):
        read(tmp_path / "r.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"cannot read .*nothing\.json: No such file"):
        read(tmp_path / "nothing.json")

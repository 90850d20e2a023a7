"""The recorded messages are renewed without losing those of tests that did not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.snapshots import recorded

HEAD = "How to renew it."
COMMAND_LINES = ["first", "second --option", "third"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "messages.txt"
    path.write_text(
        f"{HEAD}\n\n$ swimrl gone\nerror 0\n\n$ swimrl first\nerror 1\n\n$ swimrl third\nerror 3\n"
    )
    return path


def test_only_the_new_answers_change_and_the_order_is_that_of_the_tests(file: Path) -> None:
    recorded.renew(file, {"third": "changed", "second --option": "new"}, COMMAND_LINES)
    assert recorded.read(file) == {"first": "error 1", "second --option": "new", "third": "changed"}
    assert list(recorded.read(file)) == COMMAND_LINES
    assert file.read_text().startswith(HEAD + "\n\n$ swimrl first\n")


def test_without_answers_only_entries_without_a_test_go(file: Path) -> None:
    recorded.renew(file, {}, COMMAND_LINES)
    assert recorded.read(file) == {"first": "error 1", "third": "error 3"}


def test_the_recorded_file_is_what_the_updater_would_write(tmp_path: Path) -> None:
    from tests.snapshots.conftest import SNAPSHOTS
    from tests.snapshots.test_wrong_input import RECORDED

    copy = tmp_path / "copy.txt"
    copy.write_bytes(SNAPSHOTS.read_bytes())
    recorded.renew(copy, {}, RECORDED)
    assert copy.read_bytes() == SNAPSHOTS.read_bytes()

"""The command that makes the record of a kind of processor, on recorded parts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tyro

from benchmarks.record import PARTS, aims, command, do, write_tables
from swimrl.bench.base import BENCHMARKS

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDED = {"train-256x256-swim": "train", "run-64x64": "run", "cold-64x64": "run"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, kind in RECORDED.items():
        shutil.copy(GOLDEN / f"bench_{kind}.json", tmp_path / f"{part}-1.json")
    return tmp_path


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_a_command_that_the_benchmark_takes(part: str, tmp_path: Path) -> None:
    *_, bench, kind = (words := command(part, 1, tmp_path, Path("/peers")))[:5]
    options = words[5 : words.index("--json")]
    assert bench == "bench"
    config = tyro.cli(BENCHMARKS[kind].config, args=options)
    assert config.seed == 1
    assert config.pythons() == {
        name: f"/peers/{name}/bin/python" for name in ("sbx", "rltools") if name in config.against
    }


def test_a_part_that_is_done_is_not_done_again(folder: Path) -> None:
    started: list[list[str]] = []
    peers = Path("/peers")
    assert not do("run-64x64", 1, folder, peers, run=lambda words, **_: started.append(words))
    assert do("run-64x64", 2, folder, peers, run=lambda words, **_: started.append(words))
    assert [words[-1] for words in started] == [str(folder / "run-64x64-2.json")]


def test_the_aims_say_what_was_reached(folder: Path) -> None:
    reached = {one.what: one for one in aims(folder)}
    assert len(reached) == 6
    over = reached["256x256: update with swim, times its products"]
    assert over.aim == "<= 1.25"
    assert over.is_reached == (float(over.reached.split()[0]) <= 1.25)
    assert reached["s to the first step, warm caches"].is_reached  # 3.2 s in this record
    assert reached["s to the first step, cold caches"].aim == "<= 15"


def test_sets_of_a_part_are_merged_in_the_tables(folder: Path) -> None:
    shutil.copy(folder / "train-256x256-swim-1.json", folder / "train-256x256-swim-2.json")
    write_tables(folder)
    tables = (folder / "tables.txt").read_text()
    assert "4 x 4 rounds" in tables  # of 2 processes in each of the two
    assert tables.count("$ swimrl bench") == len(RECORDED)
    lines = (folder / "aims.md").read_text().splitlines()
    assert len(lines) == 2 + 6
    assert all(line.endswith(("| yes |", "| no |")) for line in lines[2:])

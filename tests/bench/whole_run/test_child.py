"""One small whole run of swimrl and of Stable-Baselines3, timed by the process of an arm."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from swimrl.bench.whole_run.child import parts_of_run, prepare
from swimrl.bench.whole_run.parts import FIRST_STEP, PARTS

RUN = {
    "env": "Pendulum-v1",
    "act": "relu",
    "net": "8x8",
    "threads": 1,
    "batch_size": 8,
    "buffer_size": 1000,
    "lr": 3e-4,
    "exploration_noise": 0.1,
    "steps": 240,
    "learning_starts": 120,
    "eval_every": 120,
    "eval_episodes": 1,
    "final_episodes": 1,
    "checkpoint_every": 50_000,
}


def settings(contender: str, program: str) -> dict[str, object]:
    return {
        "command": [sys.executable, "-P", "-m", f"swimrl.bench.whole_run.programs.{program}"],
        "has_cache": False,
        "run": {**RUN, "contender": contender},
    }


@pytest.mark.slow
@pytest.mark.parametrize(("contender", "program"), [("swimrl-fused", "ours"), ("sb3", "sb3")])
def test_a_reading_is_a_whole_run_divided_into_parts(contender: str, program: str) -> None:
    before = time.perf_counter()
    seconds = parts_of_run(settings(contender, program), is_cold=program == "ours")
    whole = time.perf_counter() - before
    assert seconds.keys() == {*PARTS, FIRST_STEP}
    assert whole - 1 < sum(seconds[part] for part in PARTS) < whole
    done = {"start", "random steps", "learning steps", "evaluations", "final", "rest"}
    done |= {"looks", "checkpoints"} if program == "ours" else set()
    assert {part for part in PARTS if seconds[part] > 0} >= done
    assert 0 < seconds["start"] < seconds[FIRST_STEP] < whole


def test_a_run_that_fails_gives_the_last_line_that_it_printed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit('the library is missing')")
    with pytest.raises(RuntimeError, match=r"^the library is missing$"):
        prepare({**settings("sb3", "sb3"), "command": [sys.executable, str(program)]})

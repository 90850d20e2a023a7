"""What a study costs: memory and disk beside what arrays really take, seconds by hand."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.sweeps.estimate import (
    PROCESS_BYTES,
    available_memory,
    cost_of,
    jobs_that_fit,
    seconds_of,
)
from swimrl.sweeps.study_record import Speed
from swimrl.td3.config import TD3Config
from swimrl.td3.state import replay_ring
from swimrl.training import build
from swimrl.training.config import TrainConfig


@pytest.mark.parametrize("engine", ["fused", "sb3"])
def test_memory_is_that_of_the_replay_buffer(engine: str) -> None:
    config = TrainConfig(engine=engine, env="Hopper-v4", steps=5000, td3=TD3Config(buffer_size=3000))  # type: ignore[arg-type]
    agent = build.build_agent(config, device="cpu")
    assert agent.replay_buffer is not None
    really = sum(np.asarray(array).nbytes for array in replay_ring(agent.replay_buffer).values())
    assert cost_of(config).memory_bytes - PROCESS_BYTES == pytest.approx(really, rel=0.05)


def test_a_short_run_fills_only_a_part_of_its_buffer() -> None:
    short, long = (cost_of(TrainConfig(steps=steps)) for steps in (1000, 10**6))
    assert short.memory_bytes < 1.01 * PROCESS_BYTES
    assert long.memory_bytes - PROCESS_BYTES == pytest.approx(196e6, rel=0.02)  # docs/resume.md measured it
    assert long.disk_bytes == pytest.approx(225e6, rel=0.05)
    assert cost_of(TrainConfig(steps=10**6, checkpoint_every=0)).disk_bytes < 50e6


def test_an_unknown_environment_is_taken_for_a_large_one() -> None:
    unknown, known = (cost_of(TrainConfig(env=env)) for env in ("my/Robot-v0", "HalfCheetah-v4"))
    assert unknown.memory_bytes > known.memory_bytes


def test_seconds_by_hand() -> None:
    config = TrainConfig(
        steps=100, eval_every=50, eval_episodes=2, final_episodes=4, td3=TD3Config(learning_starts=30)
    )
    speed = Speed(random_s=0.001, learning_s=0.1)
    # 30 random steps, 70 learning ones, 3 evaluations of 2 episodes and 4 more, each of 1000 steps
    assert seconds_of(config, speed) == pytest.approx(0.03 + 7.0 + 10.0)
    # from step 80 on: 20 learning ones, the evaluations at 80 (at most) and 100
    assert seconds_of(config, speed, done=80) == pytest.approx(2.0 + 6.0)


def test_the_largest_runs_come_together() -> None:
    assert jobs_that_fit([1, 5, 4], 10) == 3
    assert jobs_that_fit([1, 5, 5], 10.5) == 2
    assert jobs_that_fit([1, 1, 11], 10) == 0


def test_this_machine_has_memory() -> None:
    assert 1e7 < available_memory() < 1e14

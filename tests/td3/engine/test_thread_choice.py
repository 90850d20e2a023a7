"""How many threads ``threads="auto"`` chooses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import swimrl
from swimrl.errors import ConfigError
from swimrl.td3.engine.thread_choice import fewest_fast_threads, possible_threads
from tests.td3.agents import equal, weights


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({1: 1.0}, 1),
        ({1: 4.0, 2: 2.4, 4: 1.3}, 4),
        ({1: 4.0, 2: 2.4, 4: 2.3}, 2),  # two more threads would not be worth it
        ({1: 1.0, 2: 3.0}, 1),  # a busy machine
    ],
)
def test_the_fewest_threads_that_are_nearly_the_fastest_are_chosen(
    seconds: Mapping[int, float], chosen: int
) -> None:
    assert fewest_fast_threads(seconds) == chosen


def agent_with(threads: object, **settings: object) -> swimrl.TD3:
    return swimrl.TD3(
        "MlpPolicy",
        "Pendulum-v1",
        policy_kwargs={"activation_fn": "swim", "net_arch": [32, 32]},
        learning_starts=20,
        batch_size=16,
        seed=3,
        threads=threads,  # type: ignore[arg-type]
        **settings,  # type: ignore[arg-type]
    )


def test_measuring_leaves_no_trace_in_the_weights() -> None:
    measured = agent_with("auto")
    assert measured.threads in possible_threads()
    given = agent_with(measured.threads)
    assert equal(weights(measured), weights(given))
    for agent in (measured, given):
        agent.learn(60)
    assert equal(weights(measured), weights(given))
    facts = measured.engine_facts()
    assert facts["threads"] == measured.threads
    assert list(map(int, facts["update_us_by_threads"])) == possible_threads()
    assert "update_us_by_threads" not in given.engine_facts()


def test_one_thread_is_chosen_where_the_engine_cannot_work() -> None:
    agent = agent_with(
        "auto", optimize_memory_usage=True, replay_buffer_kwargs={"handle_timeout_termination": False}
    )
    assert agent.threads == 1


@pytest.mark.parametrize(
    ("threads", "engine", "message"),
    [
        ("auto", "sb3", "threads 'auto' needs engine 'fused', not 'sb3'; give a number"),
        ("many", "fused", "threads is 'many'; expected a whole number of at least 1, or 'auto'"),
        (0, "fused", "threads is 0; expected a whole number of at least 1, or 'auto'"),
    ],
)
def test_other_values_are_refused(threads: object, engine: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        agent_with(threads, engine=engine)
    assert str(error.value) == message

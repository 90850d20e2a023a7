"""Every environment is tried before training, by real steps."""

from __future__ import annotations

import logging

import faulty
import numpy as np
import pytest

from swimrl.envs.check import check_environment, close, has_time_limit
from swimrl.envs.make import make
from swimrl.errors import EnvironmentIdError


@pytest.mark.parametrize("name", ["Sound", "Lists", "Strict", "CInteger"])
def test_a_sound_environment_passes_and_is_closed(name: str) -> None:
    faulty.Sound.open_instances.clear()
    check_environment(f"faulty/{name}-v0")
    assert faulty.Sound.open_instances == set()


@pytest.mark.parametrize(
    "kind",
    [
        faulty.FourValues,
        faulty.NoSeed,
        faulty.ThreeOfReset,
        faulty.RewardOfShapeOne,
        faulty.NoReward,
        faulty.FlagOfShapeOne,
        faulty.NoInfo,
        faulty.OtherShape,
        faulty.NanInObservation,
        faulty.Words,
    ],
)
def test_a_fault_is_named_before_training(kind: type[faulty.Sound]) -> None:
    faulty.Sound.open_instances.clear()
    with pytest.raises(
        EnvironmentIdError,
        match=rf"^the environment faulty/{kind.__name__}-v0 .* \(in the trial before training\)$",
    ):
        check_environment(f"faulty/{kind.__name__}-v0")
    assert faulty.Sound.open_instances == set()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NoObservation", r"faulty/NoObservation-v0 has observations without any number"),
        ("FixedAction", r"action 1 of faulty/FixedAction-v0 can only be 2 \(low = high\)"),
        (
            "WideAction",
            r"action 0 of faulty/WideAction-v0 lies between .*, a width that overflows",
        ),
        ("Normalised", r"faulty/Normalised-v0 has the wrapper Normalised"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(name: str, message: str) -> None:
    with pytest.raises(EnvironmentIdError, match=message):
        check_environment(f"faulty/{name}-v0")


def test_the_processs_random_numbers_are_as_before() -> None:
    np.random.seed(3)
    expected = np.random.random_sample(3)
    np.random.seed(3)
    check_environment("faulty/Global-v0")
    np.testing.assert_array_equal(np.random.random_sample(3), expected)


def test_a_missing_time_limit_is_told_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "swimrl.envs"):
        check_environment("faulty/Endless-v0")
        check_environment("faulty/Endless-v0", {"max_episode_steps": 30})
    (record,) = caplog.records
    assert "faulty/Endless-v0 has no time limit" in record.getMessage()
    assert "--env-kwargs max_episode_steps=1000" in record.getMessage()
    assert not has_time_limit(make("faulty/Endless-v0"))
    assert has_time_limit(make("Hopper-v4"))


def test_an_environment_that_cannot_be_closed_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(faulty.Sound):
        def close(self) -> None:
            raise SystemExit("the server is gone")

    with caplog.at_level(logging.WARNING, "swimrl.envs"):
        close(Stuck())
    assert "raised SystemExit while it was closed: the server is gone" in caplog.text

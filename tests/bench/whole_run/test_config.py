"""What the benchmark of whole runs is asked for; test_child.py runs it."""

from __future__ import annotations

import pytest

from swimrl.bench.whole_run.config import RunBenchmarkConfig
from swimrl.errors import ConfigError, SwimrlError, UnknownNameError


def test_a_short_run_is_half_random_and_evaluates_twice() -> None:
    config = RunBenchmarkConfig(steps=2000)
    measured, whole = config.measured_run(), config.whole_run()
    assert (measured["learning_starts"], measured["eval_every"], measured["final_episodes"]) == (
        1000,
        1000,
        10,
    )
    assert (whole["steps"], whole["learning_starts"], whole["eval_every"]) == (100_000, 25_000, 5_000)
    assert measured.keys() == whole.keys()


def test_with_all_steps_nothing_is_shortened() -> None:
    config = RunBenchmarkConfig(steps=30_000, whole=30_000)
    assert config.measured_run() == config.whole_run()


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"steps": 100},
            ConfigError,
            "--steps is 100; expected at least 400, and at most the 100000 of --whole",
        ),
        ({"steps": 200_000}, ConfigError, "--steps is 200000; expected at least 400, and at most the 100000"),
        ({"whole": 20_000}, ConfigError, "--whole is 20000; expected more than the 25000 random steps"),
        ({"rounds": 0}, ConfigError, "--rounds is 0"),
        ({"net": ()}, ConfigError, "nothing to measure; give at least one --net"),
        ({"engine": (), "against": ()}, ConfigError, "nothing to measure"),
        ({"engine": (), "against": ("none",)}, ConfigError, "nothing to measure"),
        ({"net": ("64x64", "64x64")}, ConfigError, "--net names one of 64x64 64x64 twice"),
        ({"net": ("64y64",)}, ConfigError, "--net '64y64'"),
        ({"net": ("simba:64x2",)}, ConfigError, "--net simba:64x2 has residual blocks"),
        ({"act": "rel"}, UnknownNameError, "unknown activation 'rel'"),
        ({"against": ("sb4",)}, UnknownNameError, "unknown contender of --against 'sb4'"),
        ({"peer_python": ("sbx",)}, ConfigError, "--peer-python 'sbx' is not of the form NAME=PYTHON"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    fields: dict[str, object], error: type[SwimrlError], message: str
) -> None:
    with pytest.raises(error) as caught:
        RunBenchmarkConfig(**fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

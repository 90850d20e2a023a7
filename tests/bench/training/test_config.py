"""What the training benchmark is asked for; tests/cli/test_bench.py runs it."""

from __future__ import annotations

import pytest

from swimrl.bench.training.config import TrainingBenchmarkConfig, recorded_settings
from swimrl.errors import ConfigError, SwimrlError, UnknownNameError


def test_contenders_are_engines_and_peers_with_their_threads() -> None:
    config = TrainingBenchmarkConfig(engine=("fused", "fused@2", "bf16"), against=("sb3@4", "sbx"))
    assert config.contenders() == [
        ("swimrl-fused", 1),
        ("swimrl-fused", 2),
        ("swimrl-bf16", 1),
        ("sb3", 4),
        ("sbx", 1),
    ]


def test_a_record_holds_no_path_of_an_interpreter() -> None:
    settings = recorded_settings(TrainingBenchmarkConfig(peer_python=("sbx=/a/python",)))
    assert settings["against"] == ("sb3",)
    assert "/a/python" not in str(settings)


def test_none_stands_for_no_peer() -> None:
    assert TrainingBenchmarkConfig(against=("none",)).contenders() == [("swimrl-fused", 1), ("swimrl-sb3", 1)]


def test_a_peers_interpreter_is_found_by_its_name() -> None:
    config = TrainingBenchmarkConfig(peer_python=("sbx=/a/python", "rltools=/b/python"))
    assert config.pythons() == {"sbx": "/a/python", "rltools": "/b/python"}


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"engine": ("fsed",)},
            UnknownNameError,
            "unknown contender of --engine 'fsed'; did you mean 'fused'",
        ),
        ({"against": ("sb4",)}, UnknownNameError, "unknown contender of --against 'sb4'"),
        ({"engine": ("fused@x",)}, ConfigError, "--engine 'fused@x' has no number of threads after @"),
        ({"engine": ("fused@0",)}, ConfigError, "has no number of threads after @"),
        ({"against": ("sb3", "sb3")}, ConfigError, "--against names one of sb3 sb3 twice"),
        ({"act": ()}, ConfigError, "nothing to measure"),
        ({"engine": (), "against": ()}, ConfigError, "nothing to measure"),
        ({"engine": (), "against": ("none",)}, ConfigError, "nothing to measure"),
        ({"act": ("swimm",)}, UnknownNameError, "unknown activation 'swimm'"),
        ({"net": "0x3"}, ConfigError, "--net '0x3'"),
        ({"rounds": 0}, ConfigError, "--rounds is 0; expected a whole number of at least 1"),
        ({"warm_up": 0}, ConfigError, "--warm-up is 0"),
        ({"reading": 0.0}, ConfigError, "--reading is 0.0; expected seconds"),
        ({"reading": float("nan")}, ConfigError, "--reading is nan"),
        ({"peer_python": ("sbx",)}, ConfigError, "--peer-python 'sbx' is not of the form NAME=PYTHON"),
        ({"peer_python": ("sb3=/usr/bin/python3",)}, ConfigError, "with one of sbx, rltools"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    fields: dict[str, object], error: type[SwimrlError], message: str
) -> None:
    with pytest.raises(error) as caught:
        TrainingBenchmarkConfig(**fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

"""What the benchmark of activations is asked for."""

from __future__ import annotations

import pytest

from swimrl.activations.language.registry import REGISTRY
from swimrl.bench.activations.config import ActivationBenchmarkConfig, arm_name
from swimrl.errors import ConfigError, SwimrlError, UnknownNameError


def names(config: ActivationBenchmarkConfig) -> list[str]:
    return [arm_name(about) for about in config.resolved().arms()]


def test_every_case_has_a_copy_the_reference_and_each_activation_in_each_implementation() -> None:
    config = ActivationBenchmarkConfig(
        act=("swim",), impl=("eager", "fused"), dtype=("float32",), shape=("1x8",), device=("cpu",)
    )
    assert names(config) == [
        "copy native float32 1x8",
        "relu native float32 1x8",
        "relu eager float32 1x8",
        "swim eager float32 1x8",
        "swim fused float32 1x8",
    ]


def test_the_reference_is_not_measured_twice() -> None:
    config = ActivationBenchmarkConfig(act=("relu", "swim"), quick=True)
    assert len(names(config)) == len(set(names(config))) == 2 * (1 + 2 * 3)


def test_a_cuda_device_is_measured_with_a_warm_and_a_cold_cache() -> None:
    config = ActivationBenchmarkConfig(act=("relu",), impl=("native",), dtype=("float32",), shape=("1x8",))
    assert names(config) == [
        "copy native float32 1x8",
        "relu eager float32 1x8",
        "relu native float32 1x8",
        *(
            f"{name} float32 1x8 cuda {cache}"
            for cache in ("warm", "cold")
            for name in ("copy native", "relu eager", "relu native")
        ),
    ]


def test_without_names_it_is_the_whole_catalogue() -> None:
    whole = ActivationBenchmarkConfig().resolved()
    assert set(whole.act) == {definition.name for definition in REGISTRY.definitions()}


def test_names_are_made_canonical() -> None:
    assert ActivationBenchmarkConfig(act=("swim( k = 1 )", "silu")).resolved().act == ("swim(k=1)", "swish")


def test_quick_decides_what_is_measured() -> None:
    quick = ActivationBenchmarkConfig(act=("swim",), quick=True).resolved()
    assert (quick.dtype, quick.shape, quick.device) == (("float32",), ("256x256", "1x256"), ("cpu",))
    assert quick.impl == ("eager", "native", "fused")


def test_the_estimate_grows_with_what_is_measured() -> None:
    def estimate(**fields: object) -> float:
        return ActivationBenchmarkConfig(**{"act": ("swim", "relu"), **fields}).resolved().estimate_s()

    quick = estimate(quick=True)
    assert quick < estimate(quick=True, rounds=16) < estimate() < estimate(act=())
    assert estimate(dtype=("float32",), impl=("eager",)) < estimate(dtype=("float32",), impl=("compiled",))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"act": ("swimm",)}, UnknownNameError, "unknown activation 'swimm'; did you mean 'swim'"),
        ({"reference": "rel"}, UnknownNameError, "unknown activation 'rel'; did you mean 'relu'"),
        ({"act": ("silu", "swish")}, ConfigError, "silu swish names one activation twice"),
        ({"shape": ("256",)}, ConfigError, "--shape '256' is no shape; expected batch x neurons"),
        ({"shape": ("0x4",)}, ConfigError, "--shape '0x4' is no shape"),
        ({"shape": ()}, ConfigError, "--shape is empty"),
        ({"impl": ("eager", "eager")}, ConfigError, "--impl names one of eager eager twice"),
        ({"quick": True, "dtype": ("float64",)}, ConfigError, "--quick decides --dtype itself"),
        ({"quick": True, "impl": ("compiled",)}, ConfigError, "--quick decides --impl itself"),
        ({"rounds": 0}, ConfigError, "--rounds is 0; expected a whole number of at least 1"),
        ({"processes": 0}, ConfigError, "--processes is 0"),
        ({"reading": float("nan")}, ConfigError, "--reading is nan; expected seconds"),
        ({"seed": -1}, ConfigError, "--seed is -1"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    fields: dict[str, object], error: type[SwimrlError], message: str
) -> None:
    with pytest.raises(error) as caught:
        ActivationBenchmarkConfig(**fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

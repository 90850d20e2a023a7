"""Costs from timing records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swimrl.errors import DamagedFileError, InputError
from swimrl.reporting.cost import pareto_front, read_costs
from swimrl.timing.record import Series, TimingRecord, write
from tests.reporting.studies import analysis_of, run

ROUNDS = (0.9e-6, 1.0e-6, 1.1e-6, 1.0e-6, 1.0e-6, 1.0e-6)


def arm(
    activation: str, implementation: str, dtype: str = "float32", shape: Any = (256, 256)
) -> dict[str, Any]:
    return {
        "activation": activation,
        "implementation": implementation,
        "dtype": dtype,
        "shape": list(shape),
        "device": "cpu",
        "cache": "warm",
    }


def record(
    arms: dict[str, dict[str, Any]], times: dict[tuple[str, str], float], kind: str = "activations"
) -> TimingRecord:
    series = tuple(
        Series(name, work, 10, (tuple(10 * factor * t for t in ROUNDS),), ())
        for (name, work), factor in times.items()
    )
    return TimingRecord(kind, {"reference": "relu"}, arms, series, host={"processor": "a processor"})


def test_forward_and_backward_in_every_form_at_the_shape_of_training(tmp_path: Path) -> None:
    arms = {
        "relu native": arm("relu", "native"),
        "relu fused": arm("relu", "fused"),
        "silu eager": arm("silu", "eager"),
        "small": arm("relu", "fused", shape=(1, 256)),
        "gelu fused": arm("gelu", "fused"),
    }
    times = {
        ("small", "forward+backward"): 100.0,
        ("relu native", "forward"): 1.0,
        ("relu native", "forward+backward"): 3.0,
        ("relu fused", "forward+backward"): 2.0,
        ("silu eager", "forward+backward"): 7.0,
        ("gelu fused", "forward+backward"): 1.0,
    }
    write(record(arms, times), tmp_path / "cost.json")
    analysis = analysis_of([run(), run(arm="swish"), run(arm="tanh")])
    costs = read_costs(tmp_path / "cost.json", analysis.arms)
    assert costs.forms == ("eager", "native", "fused")
    assert costs.unit == "µs for forward+backward, float32, 256x256"
    assert costs.host == "a processor"
    found = {key: cost.value for key, cost in costs.costs.items()}
    assert found == pytest.approx({("relu", "native"): 3, ("relu", "fused"): 2, ("swish", "eager"): 7})
    fused = costs.of(analysis.arms[0], "fused")
    assert fused is not None
    assert fused.low is not None
    assert fused.high is not None
    assert 1.8 <= fused.low <= 2 <= fused.high <= 2.2
    assert costs.of(analysis.arms[2], "fused") is None


def test_a_record_of_training_gives_the_cost_of_an_update(tmp_path: Path) -> None:
    arms = {
        f"{name} relu": {"contender": name, "act": "relu", "threads": 1} for name in ("sb3", "swimrl-fused")
    }
    times = {
        ("sb3 relu", "steps"): 9.0,
        ("sb3 relu", "updates"): 4.0,
        ("swimrl-fused relu", "updates"): 2.0,
    }
    write(record(arms, times, "train"), tmp_path / "cost.json")
    costs = read_costs(tmp_path / "cost.json", analysis_of([run()]).arms)
    assert costs.unit == "µs for an update"
    assert costs.forms == ("swimrl-fused", "sb3")
    assert costs.costs["relu", "sb3"].value == pytest.approx(4)


def test_a_record_of_other_activations_is_no_use(tmp_path: Path) -> None:
    write(record({"a": arm("gelu", "fused")}, {("a", "forward+backward"): 1.0}), tmp_path / "cost.json")
    with pytest.raises(
        InputError, match=r"measured none of relu; measure them with `swimrl bench activations"
    ):
        read_costs(tmp_path / "cost.json", analysis_of([run()]).arms)
    write(record({}, {}, "policy"), tmp_path / "other.json")
    with pytest.raises(InputError, match=r"a record of `swimrl bench policy`; expected one of"):
        read_costs(tmp_path / "other.json", analysis_of([run()]).arms)
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="no timing record"):
        read_costs(tmp_path / "broken.json", analysis_of([run()]).arms)


def test_the_front_holds_what_no_other_beats_in_both() -> None:
    points = [(1.0, 5.0), (1.0, 4.0), (2.0, 5.0), (3.0, 9.0), (4.0, 8.0)]
    beaten = [p for p in points if any(q != p and q[0] <= p[0] and q[1] >= p[1] for q in points)]
    assert pareto_front(points) == [p for p in points if p not in beaten]
    assert pareto_front([]) == []

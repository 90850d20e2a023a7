"""What a study declared, and when it does not count."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from swimrl.reporting.declaration import declaration
from tests.reporting.studies import PRIMARY, record, run


def declaring(primary: dict[str, Any] | None, seed: int = 0) -> Any:
    return run(seed=seed, record=record(env="Hopper-v4", act="relu", seed=seed, primary=primary))


def test_what_all_runs_declare_counts() -> None:
    found = declaration([declaring(PRIMARY, seed) for seed in range(3)])
    assert found.warnings == ()
    assert found.primary is not None
    assert (found.primary.metric, found.primary.baseline, found.primary.comparisons) == (
        "last10",
        "relu",
        ("swim",),
    )
    assert (found.primary.planned_seeds, found.primary.correction, found.primary.paired) == (4, "holm", False)
    assert len(str(found.sha256)) == 64


def test_nothing_declared_is_nothing_to_warn_of() -> None:
    assert declaration([declaring(None), run()]).primary is None
    assert declaration([declaring(None), run()]).warnings == ()


@pytest.mark.parametrize("other", [None, {**PRIMARY, "metric": "auc"}])
def test_runs_that_disagree_declare_nothing(other: dict[str, Any] | None) -> None:
    found = declaration([declaring(PRIMARY), declaring(other, 1)])
    assert found.primary is None
    assert "runs disagree about what was declared" in found.warnings[0]


def test_a_declaration_changed_afterwards_is_noticed() -> None:
    one = declaring(PRIMARY)
    changed = dict(one.record.study, primary={**PRIMARY, "metric": "per_seed_max"})
    forged = dataclasses.replace(one, record=dataclasses.replace(one.record, study=changed))
    found = declaration([forged])
    assert found.primary is None
    assert "does not match its hash" in found.warnings[0]


def test_names_are_those_that_runs_record() -> None:
    found = declaration([declaring({**PRIMARY, "baseline": "silu", "comparisons": ["swim( k = 1 )"]})])
    assert found.primary is not None
    assert (found.primary.baseline, found.primary.comparisons) == ("swish", ("swim(k=1)",))


def test_a_declaration_that_cannot_be_read_is_told() -> None:
    found = declaration([declaring({"metric": "last10"})])
    assert found.primary is None
    assert "cannot be read" in found.warnings[0]

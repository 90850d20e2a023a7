"""What a study declares."""

from __future__ import annotations

from typing import Any

import pytest

from swimrl.errors import ConfigError
from swimrl.runs.declaration import Primary, read_primary, sha256_of

DECLARED = {"baseline": "relu", "comparisons": ["swim"], "planned_seeds": 5}


def graph(weights: object, transfer: object = None) -> dict[str, Any]:
    content = {"weights": weights, **({} if transfer is None else {"transfer": transfer})}
    return {"correction": "graph", "graph": content}


def test_what_is_left_out_has_its_default() -> None:
    primary = read_primary({**DECLARED, "correction": "benjamini-hochberg"}, source="study.yaml: primary")
    assert primary == Primary("relu", ("swim",), 5, correction="benjamini-hochberg")
    assert (primary.metric, primary.environments, primary.diverged) == ("last10", (), "random-policy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"planned_seeds": 0}, "planned_seeds is 0; expected a whole number of at least 1"),
        ({"metric": "best"}, "metric is 'best'; expected one of last10, "),
        ({"paierd": True}, "unknown key paierd; did you mean paired"),
        ({"diverged": "zero"}, "diverged is 'zero'; expected one of random-policy"),
        ({"correction": "graph"}, "correction is graph, and graph needs both; add graph: {weights"),
        (
            {"graph": {"weights": {"swim": 1}}},
            "correction is holm, and graph needs both; add correction: graph",
        ),
        (graph({"swim": "much"}), "graph.weights.swim is 'much'; expected a number"),
        (graph({"swim": 0.7, "tanh": 0.7}), "graph: weights is swim 0.7, tanh 0.7; expected shares"),
        ({"correction": "graph", "graph": {}}, "graph: weights is nothing; expected shares"),
        (graph({"swim": "nan"}), "graph: weights is swim nan; expected shares"),
        (graph({"swim": 1}, {"swim": {"swim": 1}}), "graph: transfer of swim gives swim to itself"),
        (graph({"swim": 1}, {"swim": {"tanh": 1}}), "graph names tanh, which is none of the comparisons"),
        (graph([0.5]), "graph.weights is .*; expected names with values"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"study.yaml: primary.*{message}"):
        read_primary({**DECLARED, **change}, source="study.yaml: primary")


@pytest.mark.parametrize("name", DECLARED)
def test_what_must_be_declared_is_asked_for(name: str) -> None:
    declared = {key: value for key, value in DECLARED.items() if key != name}
    with pytest.raises(ConfigError, match=f"study.yaml: primary has no {name}; declare what"):
        read_primary(declared, source="study.yaml: primary")


def test_the_hash_depends_on_every_value_and_not_on_their_order() -> None:
    # As the runs of existing studies hold it.
    expected = "561231f53a82c8dcd1af9245c54f52dc6e8c57e924eb7ece9fd1b0ff579ae2d1"
    assert sha256_of(DECLARED) == sha256_of(dict(reversed(DECLARED.items()))) == expected
    assert sha256_of({**DECLARED, "planned_seeds": 6}) != expected

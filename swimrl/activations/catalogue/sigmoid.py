"""Fixed-shape, sigmoid-based."""

from __future__ import annotations

from swimrl.activations.definition import Definition

DEFINITIONS = (
    Definition("sigmoid", "sigmoid(x)", limits=("0", "1"), family="sigmoid-based", reference="classic"),
    Definition("tanh", "tanh(x)", limits=("-1", "1"), family="sigmoid-based", reference="classic"),
)

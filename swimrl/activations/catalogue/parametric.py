"""Parametric: learns its shape, whatever the input."""

from __future__ import annotations

from swimrl.activations.definition import Definition
from swimrl.activations.parameters import Parameter

_HALF_ROOT = 0.5**0.5
_AULU_START = (
    "our initial value, the paper's is unknown: 1/sqrt(2) starts at SiLU; at 0 the gradient is 0 for good"
)

DEFINITIONS = (
    Definition(
        "prelu",
        "where(x > 0, x, slope*x)",
        (
            Parameter(
                "slope", 0.25, trainable=True, doc="slope for x < 0; the paper's and torch's initial value"
            ),
        ),
        limits=("where(slope > 0, -inf, where(slope < 0, inf, 0))", "inf"),
        family="parametric",
        reference="He et al. 2015, arXiv:1502.01852",
        summary="one slope for the whole layer",
    ),
    Definition(
        "aulu",
        "x*sigmoid(2*x*where(x > 0, beta2**2, beta1**2))",
        (
            Parameter("beta1", _HALF_ROOT, trainable=True, doc=f"ULU's alpha1 is beta1^2; {_AULU_START}"),
            Parameter("beta2", _HALF_ROOT, trainable=True, doc=f"ULU's alpha2 is beta2^2; {_AULU_START}"),
        ),
        limits=("where(beta1**2 > 0, 0, -inf)", "inf"),
        family="parametric",
        reference="Huo 2025, arXiv:2508.05073",
        summary="ULU with learned sharpness on each side",
    ),
)

"""Fixed-shape, ReLU-based."""

from __future__ import annotations

from swimrl.activations.definition import Definition
from swimrl.activations.parameters import POSITIVE, Parameter

DEFINITIONS = (
    Definition(
        "relu",
        "relu(x)",
        limits=("0", "inf"),
        family="relu-based",
        reference="Nair & Hinton 2010",
        summary="slope 0 at 0",
    ),
    Definition(
        "leaky_relu",
        "where(x > 0, x, slope*x)",
        (Parameter("slope", 0.01, doc="slope for x < 0; torch's default (surveys often write 1/slope)"),),
        limits=("where(slope > 0, -inf, where(slope < 0, inf, 0))", "inf"),
        family="relu-based",
        reference="Maas et al. 2013",
    ),
    Definition(
        "softplus",
        "softplus(beta*x)/beta",
        (Parameter("beta", 1.0, domain=POSITIVE, doc="sharpness; relu in the limit"),),
        limits=("0", "inf"),
        family="relu-based",
        reference="Dugas et al. 2001",
    ),
)

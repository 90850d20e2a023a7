"""Fixed-shape, ELU-based."""

from __future__ import annotations

from swimrl.activations.definition import Definition
from swimrl.activations.parameters import NON_NEGATIVE, POSITIVE, Parameter

DEFINITIONS = (
    Definition(
        "elu",
        "where(x > 0, x, alpha*expm1(x))",
        (Parameter("alpha", 1.0, domain=NON_NEGATIVE, doc="minus the value at minus infinity"),),
        limits=("-alpha", "inf"),
        family="elu-based",
        reference="Clevert et al. 2015, arXiv:1511.07289",
    ),
    Definition(
        "selu",
        "1.0507009873554805*where(x > 0, x, 1.6732632423543772*expm1(x))",
        limits=("-1.7580993408473766", "inf"),
        family="elu-based",
        reference="Klambauer et al. 2017, arXiv:1706.02515",
        summary="its two constants keep mean 0 and variance 1 from layer to layer",
    ),
    Definition(
        "celu",
        "where(x > 0, x, alpha*expm1(x/alpha))",
        (Parameter("alpha", 1.0, domain=POSITIVE, doc="minus the value at minus infinity"),),
        limits=("-alpha", "inf"),
        family="elu-based",
        reference="Barron 2017, arXiv:1704.07483",
        summary="ELU with slope 1 at 0 for every alpha",
    ),
)

"""Fixed-shape, ELU-based: a saturating curve on the left, the identity on the right."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import NON_NEGATIVE, POSITIVE, Parameter

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
    Definition(
        "serlu",
        "1.07862*where(x > 0, x, 2.90427*x*exp(x))",
        limits=("0", "inf"),
        family="elu-based",
        reference="Zhang & Li 2018, arXiv:1807.10117",
        summary="returns to 0 on the far left; constants as for selu",
    ),
    Definition(
        "polu",
        # (1 - x)^-n - 1, without its cancellation near 0.
        "where(x > 0, x, expm1(-n*log1p(-x)))",
        (Parameter("n", 1.0, domain=POSITIVE, doc="the power, and the slope at 0 from the left"),),
        limits=("-1", "inf"),
        family="elu-based",
        reference="Li et al. 2018, arXiv:1802.00212",
        summary="power linear unit, (1 - x)^-n - 1 for x < 0",
    ),
    Definition(
        "fplus",
        "where(x > 0, x, x/(1 - x))",
        limits=("-1", "inf"),
        family="elu-based",
        reference="Duan et al. 2021, arXiv:2111.14349",
        aliases=("polylu",),
        summary="polu(n=1), as a quotient",
    ),
)

"""Miscellaneous: fixed shapes outside the families of sigmoid, ReLU and ELU; waves, bells, polynomials."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, Interval, Parameter


def _sinc(scale: str) -> str:
    """Return sin(u)/u for u = scale*x; near 0, where it is 0/0, its power series, exact in float64."""
    u = f"({scale}*x)"
    series = "1"
    for n in (15, 13, 11, 9, 7, 5, 3):
        series = f"1 - {u}**2/{n * (n - 1)}*({series})"
    return f"where(x > 1/4, sin{u}/{u}, where(x < -1/4, sin{u}/{u}, {series}))"


def _odd(u: str, *coefficients: float) -> str:
    """Return the odd polynomial c_0 u + c_1 u^3 + ... as nested products."""
    *others, nested = map(str, coefficients)
    for coefficient in reversed(others):
        nested = f"({coefficient} + {u}**2*{nested})"
    return f"({u}*{nested})"


# |x (1 + _SIGN)/2 - relu(x)| <= 2^-7 bound for |x| <= bound: two odd polynomials, each as near to the sign
# as its degree allows where the other leaves it. Outside the bound they explode, hence the clip.
_SIGN = _odd(
    _odd("clip(x/bound, -1, 1)", 7.3034, -34.674, 59.844, -31.866), 2.40069, -2.63091, 1.54895, -0.33116
)


def _spocu() -> str:
    """Return alpha (r(beta + d) - r(beta)) for d = x/gamma and r(u) = u^8 - 2 u^7 + 2 u^3, held below u = 0.

    The difference as a polynomial in d, so that nothing cancels at 0.
    """
    difference = "1"
    for coefficient in (
        "8*beta - 2",
        "28*beta**2 - 14*beta",
        "56*beta**3 - 42*beta**2",
        "70*beta**4 - 70*beta**3",
        "56*beta**5 - 70*beta**4 + 2",
        "28*beta**6 - 42*beta**5 + 6*beta",
        "8*beta**7 - 14*beta**6 + 6*beta**2",
    ):
        difference = f"({coefficient} + x/gamma*{difference})"
    return f"where(x > -beta*gamma, alpha*x/gamma*{difference}, {_SPOCU_FLOOR})"


# sign(x) and |x|, but with slope 1 at 0 for their product; the logarithm or exponential is computed once.
_SIDE, _SIZE = "where(x > 0, 1, -1)", "where(x > 0, x, -x)"
_SPOCU_FLOOR = "-alpha*(beta**8 - 2*beta**7 + 2*beta**3)"

DEFINITIONS = (
    Definition(
        "sine",
        "sin(omega*x)",
        (Parameter("omega", 1.0, domain=POSITIVE, doc="frequency"),),
        family="miscellaneous",
        reference="classic",
    ),
    Definition(
        "siren",
        "sin(omega*x)",
        (
            Parameter(
                "omega",
                30.0,
                domain=POSITIVE,
                doc="frequency; the paper's 30, with initial weights of its own, which are not set here",
            ),
        ),
        family="miscellaneous",
        reference="Sitzmann et al. 2020, arXiv:2006.09661",
    ),
    Definition(
        "gcu",
        "x*cos(x)",
        family="miscellaneous",
        reference="Noel et al. 2021, arXiv:2108.12943",
        summary="growing cosine unit",
    ),
    Definition(
        "sinc",
        _sinc("1"),
        limits=("0", "0"),
        family="miscellaneous",
        reference="classic",
        summary="sin(x)/x, not torch's sinc: see sinc_pi",
    ),
    Definition(
        "sinc_pi",
        _sinc("pi"),
        limits=("0", "0"),
        family="miscellaneous",
        reference="classic",
        summary="sin(pi x)/(pi x), torch's sinc",
    ),
    Definition(
        "gaussian",
        "exp(-x**2)",
        limits=("0", "0"),
        family="miscellaneous",
        reference="classic",
        aliases=("rbf",),
    ),
    Definition(
        "quadratic",
        "x**2",
        limits=("inf", "inf"),
        family="miscellaneous",
        reference="classic",
        aliases=("square",),
    ),
    Definition(
        "cubic",
        "x - x**3",
        limits=("inf", "-inf"),
        family="miscellaneous",
        reference="classic",
    ),
    Definition(
        "quadratic_relu",
        "x**2/8 + x/2 + 1/4",
        limits=("inf", "inf"),
        family="miscellaneous",
        reference="snu-ccl/approxCNN",
        summary="the parabola that stands in for relu under encryption",
    ),
    Definition(
        "minimax_relu",
        f"x/2*(1 + {_SIGN})",
        (
            Parameter(
                "bound",
                10.0,
                domain=POSITIVE,
                doc="how far it follows relu; our default (papers use 40 to 100)",
            ),
        ),
        limits=("-inf", "inf"),
        family="miscellaneous",
        reference="Lee et al. 2021, arXiv:2105.10879",
        summary="composite minimax polynomials (7, 7); held outside the bound, which is ours",
    ),
    Definition(
        "spocu",
        _spocu(),
        (
            Parameter("alpha", 3.0937, domain=POSITIVE, doc="height; the paper's"),
            Parameter("beta", 0.6653, domain=Interval(0, 1), doc="place of 0 on the polynomial; the paper's"),
            Parameter("gamma", 4.437, domain=POSITIVE, doc="width; the paper's"),
        ),
        limits=(_SPOCU_FLOOR, "inf"),
        family="miscellaneous",
        reference="Kisel'ak et al. 2020 (SPOCU)",
        summary="scaled polynomial constant unit with c infinite: constant on the left, x^8 on the right",
    ),
    Definition(
        "symlog",
        f"{_SIDE}*log1p({_SIZE})",
        limits=("-inf", "inf"),
        family="miscellaneous",
        reference="Hafner et al. 2023, arXiv:2301.04104",
    ),
    Definition(
        "symexp",
        f"{_SIDE}*expm1({_SIZE})",
        limits=("-inf", "inf"),
        family="miscellaneous",
        reference="Hafner et al. 2023, arXiv:2301.04104",
        summary="the inverse of symlog; TD3 diverges with it unless --td3.layer-norm holds its input",
    ),
)

"""Fixed-shape, self-gated: x times a gate that, as a rule, rises from 0 to 1."""

from __future__ import annotations

import math

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, OneOf, Parameter

_ODD = {
    3: ("pi/2", 1.8, ("2",), (-1,)),
    5: ("3*pi/8", 1.5, ("3/2", "4"), (-4 / 3, 1 / 6)),
    7: ("5*pi/16", 1.2, ("5/4", "10/3", "32/3"), (-3 / 2, 3 / 10, -1 / 30)),
}
"""By degrees of freedom, for `_odd_student`: c, cut, coefficients of p, p^2, ..., weights w_1, w_2, ..."""


def _odd_student(nu: int) -> str:
    """Return the distribution function of Student's t with 3, 5 or 7 degrees of freedom.

    With s = t/sqrt(nu) = c slope x, for which the slope at 0 is ``slope``, g = atan_gate(s) and
    p = isru_gate(s) isru_gate(-s) = 1/(4 + 4 s^2) it is g + slope x times a polynomial in p without constant
    (Abramowitz & Stegun 26.7.3). That cancels in the left tail. But with u = 2 pi g the same is
    (u + sum_j w_j sin(j u))/(2 pi), of whose power series the terms below u^nu vanish.
    """
    factor, cut, coefficients, weights = _ODD[nu]
    s = f"{factor}*slope*x"
    gate, p = f"atan_gate({s})", f"isru_gate({s})*isru_gate(-{s})"
    polynomial = " + ".join(f"{c}*({p})**{power}" for power, c in enumerate(coefficients, start=1))
    series = ""
    for k in range(2 * nu + 2, nu // 2 - 1, -1):  # at the cut, the next term is below 1e-16 of the sum
        weight = sum(w * j ** (2 * k + 1) for j, w in enumerate(weights, start=1))
        coefficient = (-1) ** k * (2 * math.pi) ** (2 * k) / math.factorial(2 * k + 1) * weight
        text = f"{coefficient:.{17 + nu // 2 - k}g}"  # later terms need fewer digits
        series = f"({text} + {gate}**2*{series})" if series else text
    return f"where(x > -{cut}/({factor}*slope), {gate} + slope*x*({polynomial}), {gate}**{nu}*{series})"


def _student(m: int, scale: str) -> str:
    """Return the distribution function of Student's t with 2m degrees of freedom.

    With g = isru_gate(t/sqrt(2m)) it is the incomplete beta function I_g(m, m) (Abramowitz & Stegun 26.5.27),
    a sum over j >= m of binomial(2m - 1, j) g^j (1 - g)^(2m - 1 - j), in which nothing cancels.

    Args:
        m: Half the degrees of freedom.
        scale: Factor of slope*x with which the slope at 0 is ``slope``.
    """
    rising, falling = f"isru_gate({scale}*slope*x)", f"isru_gate(-{scale}*slope*x)"
    terms = (
        f"{math.comb(2 * m - 1, j)}*{rising}**{j - m}*{falling}**{2 * m - 1 - j}" for j in range(m, 2 * m)
    )
    return f"{rising}**{m}*({' + '.join(terms)})"


_COLU = "exp(where(x > 0, -1, 1)*(x + exp(min(x, 30))))"

# exp(exp(x)) is infinite long before x = 30. The exponent is held there: inf * 0 in a gradient is NaN.
DEFINITIONS = (
    Definition(
        "gelu",
        "x*ndtr(x)",
        limits=("0", "inf"),
        family="self-gated",
        reference="Hendrycks & Gimpel 2016, arXiv:1606.08415",
        summary="the gate is the normal distribution function",
    ),
    Definition(
        "gelu_tanh",
        # (1 + tanh(u))/2 = sigmoid(2u), which does not cancel for u < 0.
        "x*sigmoid(2*sqrt(2/pi)*(x + 0.044715*x**3))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Hendrycks & Gimpel 2016, arXiv:1606.08415",
        summary="the tanh approximation of gelu, as a function of its own",
    ),
    Definition(
        "quick_gelu",
        "x*sigmoid(1.702*x)",
        limits=("0", "inf"),
        family="self-gated",
        reference="Hendrycks & Gimpel 2016, arXiv:1606.08415",
        summary="the sigmoid approximation of gelu, as a function of its own",
    ),
    Definition(
        "swish",
        "x*sigmoid(beta*x)",
        (Parameter("beta", 1.0, doc="sharpness of the gate; 1 is SiLU"),),
        limits=("where(beta > 0, 0, -inf)", "where(beta < 0, 0, inf)"),
        family="self-gated",
        reference="Ramachandran et al. 2017, arXiv:1710.05941",
        aliases=("silu",),
        summary="SiLU (Elfwing et al. 2017, arXiv:1702.03118) at beta = 1",
    ),
    Definition(
        "mish",
        "x*tanh(softplus(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Misra 2019, arXiv:1908.08681",
    ),
    Definition(
        "swim",
        # The authors' code (maryam-abdool/Swim-Control, TD3.py, new): x/2 (1 + k x/sqrt(1 + k^2
        # x^2)), k in both places. Ports with k only outside the root compute another, leaky
        # function.
        "x*isru_gate(k*x)",
        (Parameter("k", 0.5, domain=POSITIVE, doc="sharpness of the gate; the authors fix it at 0.5"),),
        limits=("where(k > 0, 0, -inf)", "where(k < 0, 0, inf)"),
        family="self-gated",
        reference="Abdool & Dear 2023, arXiv:2303.02640",
        summary="PFLU at k = 1; agrees with SiLU to second order at 0 for k = 0.5",
    ),
    Definition(
        "pflu",
        "x*isru_gate(x)",
        limits=("0", "inf"),
        family="self-gated",
        reference="Zhu et al. 2021 (PFLU and FPFLU)",
        summary="swim(k=1), published earlier",
    ),
    Definition(
        "fpflu",
        "where(x > 0, x, 2*x*isru_gate(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Zhu et al. 2021 (PFLU and FPFLU)",
        summary="twice PFLU on the left, the identity on the right: slope 1 at 0",
    ),
    Definition(
        "ulu",
        # x (1 + tanh(alpha x))/2 = x sigmoid(2 alpha x), with one alpha on each side of 0.
        "x*sigmoid(2*x*where(x > 0, alpha2, alpha1))",
        (
            Parameter(
                "alpha1",
                0.5,
                domain=POSITIVE,
                doc="for x < 0; our default (0.5 is SiLU), the paper's is unknown",
            ),
            Parameter("alpha2", 1.0, domain=POSITIVE, doc="for x > 0; our default, the paper's is unknown"),
        ),
        limits=("where(alpha1 > 0, 0, -inf)", "where(alpha2 < 0, 0, inf)"),
        family="self-gated",
        reference="Huo 2025, arXiv:2508.05073",
        summary="a Swish of another sharpness on each side of 0",
    ),
    Definition(
        "atlu",
        "x*atan_gate(x)",
        limits=("-1/pi", "inf"),
        family="self-gated",
        reference="Huang 2024, arXiv:2405.20768",
        summary="the gate is the Cauchy distribution function; ends at -1/pi on the left",
    ),
    Definition(
        "tgate",
        f"x*where(nu > 15/2, {_student(4, '32/35')}, where(nu > 13/2, {_odd_student(7)},"
        f" where(nu > 11/2, {_student(3, '16/15')}, where(nu > 9/2, {_odd_student(5)},"
        f" where(nu > 7/2, {_student(2, '4/3')}, where(nu > 5/2, {_odd_student(3)},"
        f" where(nu > 3/2, {_student(1, '2')}, atan_gate(pi*slope*x))))))))",
        (
            Parameter(
                "nu",
                2.0,
                domain=OneOf((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)),
                doc="degrees of freedom: weight of the tails; 1 is ATLU's shape, 2 is Swim",
            ),
            Parameter(
                "slope",
                0.25,
                domain=POSITIVE,
                doc="slope of the gate at 0, half of f''(0); SiLU's and Swim's 1/4",
            ),
        ),
        limits=("where(nu > 3/2, 0, -1/(pi**2*slope))", "inf"),
        family="self-gated",
        reference="ours",
        summary="x times Student's t distribution function: tails and curvature at 0 apart",
    ),
    Definition(
        "tgate_normal",
        "x*ndtr(sqrt(2*pi)*slope*x)",
        (
            Parameter(
                "slope",
                0.25,
                domain=POSITIVE,
                doc="slope of the gate at 0; SiLU's and Swim's 1/4, GELU's is 1/sqrt(2 pi)",
            ),
        ),
        limits=("0", "inf"),
        family="self-gated",
        reference="ours",
        summary="tgate with infinitely many degrees of freedom: GELU's shape",
    ),
    Definition(
        "quadratic_gate",
        "x/2 + x**2/8",
        limits=("inf", "inf"),
        family="self-gated",
        reference="ours",
        summary="the gate is a line: one product of encrypted numbers; quadratic_relu without its constant",
    ),
    Definition(
        "tanhexp",
        "x*tanh(exp(min(x, 30)))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Liu & Di 2020, arXiv:2003.09855",
        aliases=("telu",),
        summary="also TeLU of arXiv:2412.20269; surveys know another TeLU, x tanh(ELU(x))",
    ),
    Definition(
        "serf",
        "x*erf(softplus(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Nag & Bhattacharyya 2021, arXiv:2108.09598",
    ),
    Definition(
        "logish",
        "x*log1p(sigmoid(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Zhu et al. 2021 (Logish)",
        summary="slope log(2) far to the right",
    ),
    Definition(
        "smish",
        # tanh(log(1 + s)) = ((1 + s)^2 - 1)/((1 + s)^2 + 1) for s = sigmoid(beta x)
        "alpha*x*sigmoid(beta*x)*(2 + sigmoid(beta*x))/(2 + sigmoid(beta*x)*(2 + sigmoid(beta*x)))",
        (
            Parameter("alpha", 1.0, domain=POSITIVE, doc="height"),
            Parameter("beta", 1.0, domain=POSITIVE, doc="sharpness of the gate"),
        ),
        limits=("0", "inf"),
        family="self-gated",
        reference="Wang et al. 2022 (Smish)",
        summary="slope 3/5 far to the right",
    ),
    Definition(
        "gish",
        # log(2 - exp(-exp(x))) without its cancellation for x < 0.
        "x*log1p(-expm1(-exp(min(x, 30))))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Kaytan et al. 2023 (Gish)",
        summary="slope log(2) far to the right",
    ),
    Definition(
        "phish",
        "x*tanh(x*ndtr(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Naveen 2022 (Phish)",
        summary="positive for x < 0 too",
    ),
    Definition(
        "lisht",
        "x*tanh(x)",
        limits=("inf", "inf"),
        family="self-gated",
        reference="Roy et al. 2019, arXiv:1901.05894",
        summary="even and never negative",
    ),
    Definition(
        "hardswish",
        "x*clip(x + 3, 0, 6)/6",
        limits=("0", "inf"),
        family="self-gated",
        reference="Howard et al. 2019, arXiv:1905.02244",
        summary="slope 0 at -3 and 1 at 3, as in torch",
    ),
    Definition(
        "colu",
        # x/(1 - x/e) with e = exp(x + exp(x)); for x > 0 with 1/e in place of e, which would overflow.
        f"x*where(x > 0, 1, {_COLU})/where(x > 0, 1 - x*{_COLU}, {_COLU} - x)",
        limits=("0", "inf"),
        family="self-gated",
        reference="Vagerwal 2021, arXiv:2112.12078",
        summary="Collapsing Linear Unit",
    ),
    Definition(
        "elish",
        "sigmoid(x)*where(x > 0, x, expm1(x))",
        limits=("0", "inf"),
        family="self-gated",
        reference="Basirat & Roth 2018, arXiv:1808.00783",
        summary="SiLU on the right, ELU times its gate on the left",
    ),
)

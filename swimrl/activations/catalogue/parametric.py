"""Parametric: learns its shape, whatever the input."""

from __future__ import annotations

import math

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, Parameter

_HALF_ROOT = 0.5**0.5
_AULU_START = (
    "our initial value, the paper's is unknown: 1/sqrt(2) starts at SiLU; at 0 the gradient is 0 for good"
)


def _raw(effective: float) -> float:
    """Return the number whose softplus is ``effective``."""
    return math.log(math.expm1(effective))


def _raw_parameter(name: str, effective: float, doc: str, *, offset: float = 0.0) -> Parameter:
    """Return a learned raw parameter whose effective value is offset + softplus(raw)."""
    text = f"softplus({name})" if offset == 0 else f"{offset:g} + softplus({name})"
    return Parameter(name, _raw(effective - offset), trainable=True, doc=f"raw; {doc}", effective=text)


def _straight(slope: str, up: str, down: str) -> str:
    """Return the limit of what is straight far out, from its slope there; 0 if that is 0."""
    return f"where({slope} > 0, {up}, where({slope} < 0, {down}, 0))"


_BETA = Parameter("beta", 0.5, doc="slope at 0; fixed, the paper's")
_EXPANSION = Parameter(
    "alpha", 0.0, trainable=True, doc="the gate runs from -alpha to 1 + alpha; the authors' initial value"
)
_EXPANDED_LIMITS = (
    "where(alpha > 0, inf, where(alpha < 0, -inf, {at_zero}))",
    "where(alpha > -1, inf, where(alpha < -1, -inf, 0))",
)

_SRS = "exp(where(x > 0, -x, x)/b)"

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
    Definition(
        "xielu",
        # The authors hold the exponent at -1e-6 to guard its branch; here every branch is guarded.
        "where(x > 0, softplus(a_p)*x**2 + beta*x, (beta + softplus(a_n))*(expm1(x) - x) + beta*x)",
        (
            _raw_parameter("a_p", 0.8, "curvature for x > 0"),
            # The effective value starts at 0.8 too, of which beta is 0.5.
            _raw_parameter("a_n", 0.8, "strength for x < 0; above beta, so the slope turns", offset=0.5),
            _BETA,
        ),
        limits=("inf", "inf"),
        family="parametric",
        reference="Huang & Schlag 2024, arXiv:2411.13010",
        summary="grows like x^2 on the right and, for x -> -inf, to +inf",
    ),
    Definition(
        "xiprelu",
        "where(x > 0, softplus(a_p), softplus(a_n))*x**2 + beta*x",
        (
            _raw_parameter("a_p", 0.8, "curvature for x > 0"),
            _raw_parameter("a_n", 0.8, "curvature for x < 0"),
            _BETA,
        ),
        limits=("inf", "inf"),
        family="parametric",
        reference="Huang & Schlag 2024, arXiv:2411.13010",
        summary="a parabola on each side of 0",
    ),
    Definition(
        "xiep",
        "where(x > 0, softplus(a_p3)*x**3 + softplus(a_p2)*x**2 + beta*x,"
        " (beta + softplus(a_n))*(expm1(x) - x) + beta*x)",
        (
            _raw_parameter("a_p3", 0.4, "cubic strength for x > 0"),
            _raw_parameter("a_p2", 0.8, "curvature for x > 0"),
            _raw_parameter("a_n", 0.8, "strength for x < 0", offset=0.5),
            _BETA,
        ),
        limits=("inf", "inf"),
        family="parametric",
        reference="Huang & Schlag 2024, arXiv:2411.13010",
        summary="xIELU with a cubic term on the right",
    ),
    Definition(
        "xsilu",
        "x*(sigmoid(x)*(1 + 2*alpha) - alpha)",
        (_EXPANSION,),
        limits=(_EXPANDED_LIMITS[0].format(at_zero="0"), _EXPANDED_LIMITS[1]),
        family="parametric",
        reference="Huang 2024, arXiv:2405.20768",
        summary="SiLU with an expanded gate; SiLU at alpha = 0",
    ),
    Definition(
        "xgelu",
        "x*(ndtr(x)*(1 + 2*alpha) - alpha)",
        (_EXPANSION,),
        limits=(_EXPANDED_LIMITS[0].format(at_zero="0"), _EXPANDED_LIMITS[1]),
        family="parametric",
        reference="Huang 2024, arXiv:2405.20768",
        summary="GELU with an expanded gate; GELU at alpha = 0",
    ),
    Definition(
        "xatlu",
        "x*(atan_gate(x)*(1 + 2*alpha) - alpha)",
        (_EXPANSION,),
        limits=(
            _EXPANDED_LIMITS[0].format(at_zero="-1/pi"),
            "where(alpha > -1, inf, where(alpha < -1, -inf, 1/pi))",
        ),
        family="parametric",
        reference="Huang 2024, arXiv:2405.20768",
        summary="ATLU with an expanded gate; ATLU at alpha = 0",
    ),
    Definition(
        "e_swish",
        "beta*x*sigmoid(x)",
        (
            Parameter(
                "beta", 1.5, domain=POSITIVE, doc="slope far to the right; preset, the paper tries 1 to 2"
            ),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Alcaide 2018, arXiv:1801.07145",
    ),
    Definition(
        "pelu",
        "where(x > 0, a/b*x, a*expm1(x/b))",
        (
            Parameter("a", 1.0, trainable=True, domain=POSITIVE, doc="minus the value at minus infinity"),
            Parameter("b", 1.0, trainable=True, domain=POSITIVE, doc="width; a/b is the slope for x > 0"),
        ),
        limits=("-a", "inf"),
        family="parametric",
        reference="Trottier et al. 2016, arXiv:1605.09332",
    ),
    Definition(
        "flexible_relu",
        "relu(x) + b",
        (
            Parameter(
                "b",
                -0.398,
                trainable=True,
                doc="shift of the output; -0.398 gives mean 0 for a standard normal input",
            ),
        ),
        limits=("b", "inf"),
        family="parametric",
        reference="Qiu et al. 2017, arXiv:1706.08098",
        summary="FReLU; that short name also means the funnel and the fractional ReLU",
    ),
    Definition(
        "star_relu",
        "s*relu(x)**2 + b",
        (
            Parameter("s", 0.8944, trainable=True, domain=POSITIVE, doc="scale; the paper's initial value"),
            Parameter("b", -0.4472, trainable=True, doc="shift; the paper's initial value"),
        ),
        limits=("b", "inf"),
        family="parametric",
        reference="Yu et al. 2022, arXiv:2210.13452",
        summary="starts with mean 0 and variance 1 for a standard normal input",
    ),
    Definition(
        "poly_relu",
        "a0 + relu(x)*(a1 + relu(x)*(a2 + relu(x)*a3))",
        (
            Parameter("a0", 0.0, trainable=True, doc="value for x < 0; the paper's initial value"),
            *(
                Parameter(f"a{k}", 1 / 3, trainable=True, doc=f"weight of relu(x)^{k}; the paper's")
                for k in (1, 2, 3)
            ),
        ),
        limits=("a0", _straight("a3", "inf", "-inf")),
        family="parametric",
        reference="Zhuo et al. 2024, arXiv:2411.03884",
        summary="PolyCom with relu inside; its other form, which normalises, is poly_norm",
    ),
    Definition(
        "acon_c",
        "(p1 - p2)*x*sigmoid(beta*(p1 - p2)*x) + p2*x",
        (
            Parameter(
                "p1",
                1.0,
                trainable=True,
                doc="slope far to the right; our initial value, SiLU's (the authors draw it at random)",
            ),
            Parameter("p2", 0.0, trainable=True, doc="slope far to the left; as for p1"),
            Parameter("beta", 1.0, trainable=True, doc="sharpness of the switch; the authors' initial value"),
        ),
        limits=(
            _straight("where(beta*(p1 - p2) > 0, p2, p1)", "-inf", "inf"),
            _straight("where(beta*(p1 - p2) > 0, p1, p2)", "inf", "-inf"),
        ),
        family="parametric",
        reference="Ma et al. 2021, arXiv:2009.04759",
        summary="a smooth switch between two slopes",
    ),
    Definition(
        "erfact",
        "x*erf(alpha*exp(min(beta*x, 30)))",
        (
            Parameter("alpha", 0.75, trainable=True, domain=POSITIVE, doc="height of the gate at 0"),
            Parameter("beta", 0.75, trainable=True, domain=POSITIVE, doc="sharpness of the gate"),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Biswas et al. 2021, arXiv:2109.04386",
        summary="the exponent is held at 30, where the gate is 1",
    ),
    Definition(
        "pserf",
        "x*erf(gamma*softplus(delta*x))",
        (
            Parameter("gamma", 1.25, trainable=True, domain=POSITIVE, doc="height of the gate at 0"),
            Parameter("delta", 0.85, trainable=True, domain=POSITIVE, doc="sharpness of the gate"),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Biswas et al. 2021, arXiv:2109.04386",
        summary="Serf at gamma = delta = 1",
    ),
    Definition(
        "plogish",
        "alpha*x*log1p(sigmoid(beta*x))",
        (
            Parameter("alpha", 1.0, trainable=True, domain=POSITIVE, doc="height"),
            Parameter("beta", 10.0, trainable=True, domain=POSITIVE, doc="sharpness of the gate"),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Zhu et al. 2021 (Logish)",
    ),
    Definition(
        "aria2",
        # (1 + exp(-beta x))^-alpha as an exponential, so that the derivative by alpha has no log(0).
        "x*exp(-alpha*softplus(-beta*x))",
        (
            Parameter("alpha", 1.5, domain=POSITIVE, doc="power of the gate"),
            Parameter("beta", 2.0, domain=POSITIVE, doc="sharpness of the gate"),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Patwardhan et al. 2018, arXiv:1805.08878",
        summary="a power of the logistic function as gate (Richards's curve)",
    ),
    Definition(
        "snake",
        "x + sin(a*x)**2/a",
        (Parameter("a", 1.0, trainable=True, domain=POSITIVE, doc="frequency"),),
        limits=("-inf", "inf"),
        family="parametric",
        reference="Ziyin et al. 2020, arXiv:2006.08195",
    ),
    Definition(
        "smu",
        # ((1 + a) x + (1 - a) x erf(mu (1 - a) x))/2, with (1 + erf(u))/2 = Phi(sqrt(2) u).
        "x*(a + (1 - a)*ndtr(sqrt(2)*mu*(1 - a)*x))",
        (
            Parameter("a", 0.25, doc="slope far to the left"),
            Parameter(
                "mu",
                1.0,
                trainable=True,
                domain=POSITIVE,
                doc="sharpness; our initial value; leaky relu at inf",
            ),
        ),
        limits=("where(a > 0, -inf, where(a < 0, inf, 0))", "inf"),
        family="parametric",
        reference="Biswas et al. 2021, arXiv:2111.04682",
    ),
    Definition(
        "srs",
        # x/(x/a + 1/e) with e = exp(x/b); for x > 0 with 1/e in place of e, which would overflow.
        f"x*where(x > 0, 1, {_SRS})/where(x > 0, x/a + {_SRS}, 1 + x*{_SRS}/a)",
        (
            Parameter("a", 2.0, trainable=True, domain=POSITIVE, doc="the value at infinity"),
            Parameter(
                "b",
                3.0,
                trainable=True,
                domain=POSITIVE,
                doc="width on the left; b < e a, else there is a pole",
            ),
        ),
        limits=("0", "a"),
        family="parametric",
        reference="Zhou et al. 2020, arXiv:2003.00547",
        summary="soft-root-sign",
    ),
    Definition(
        "srelu",
        "where(x > t_right, t_right + a_right*(x - t_right),"
        " where(x > t_left, x, t_left + a_left*(x - t_left)))",
        (
            Parameter("t_left", 0.0, trainable=True, doc="the left corner; our initial value"),
            Parameter("a_left", 0.2, trainable=True, doc="slope on the left; our initial value"),
            Parameter("t_right", 1.0, trainable=True, doc="the right corner; our initial value"),
            Parameter("a_right", 0.5, trainable=True, doc="slope on the right; our initial value"),
        ),
        limits=(
            "where(a_left > 0, -inf, where(a_left < 0, inf, t_left))",
            "where(a_right > 0, inf, where(a_right < 0, -inf, t_right))",
        ),
        family="parametric",
        reference="Jin et al. 2016, arXiv:1512.07030",
        summary="S-shaped ReLU: three straight pieces",
    ),
    Definition(
        "arelu",
        "where(x > 0, (1 + sigmoid(b))*x, clip(a, 0.01, 0.99)*x)",
        (
            Parameter("a", 0.9, trainable=True, doc="slope for x < 0, held in [0.01, 0.99]; the paper's"),
            Parameter("b", 2.0, trainable=True, doc="slope for x > 0 is 1 + sigmoid(b); the paper's"),
        ),
        limits=("-inf", "inf"),
        family="parametric",
        reference="Chen et al. 2020, arXiv:2006.13858",
    ),
    Definition(
        "tanhsoft1",
        "tanh(alpha*x)*softplus(x)",
        (Parameter("alpha", 0.87, trainable=True, domain=POSITIVE, doc="sharpness; our initial value"),),
        limits=("0", "inf"),
        family="parametric",
        reference="Biswas et al. 2020, arXiv:2009.03863",
    ),
    Definition(
        "tanhsoft2",
        "x*tanh(beta*exp(min(gamma*x, 30)))",
        (
            Parameter("beta", 0.6, trainable=True, domain=POSITIVE, doc="height at 0; our initial value"),
            Parameter("gamma", 1.0, trainable=True, domain=POSITIVE, doc="sharpness; our initial value"),
        ),
        limits=("0", "inf"),
        family="parametric",
        reference="Biswas et al. 2020, arXiv:2009.03863",
        summary="TanhExp at beta = gamma = 1; the exponent is held at 30, where the gate is 1",
    ),
    Definition(
        "tanhsoft3",
        # log(1 + exp(x) tanh(delta x)); for x > 1 with exp(x) taken out, which would overflow.
        "where(x > 1, x, 0) + log1p(where(x > 1, expm1(where(x > 1, -x, x)) + tanh(delta*x),"
        " exp(where(x > 1, -x, x))*tanh(delta*x)))",
        (Parameter("delta", 0.85, trainable=True, domain=POSITIVE, doc="slope at 0; our initial value"),),
        limits=("0", "inf"),
        family="parametric",
        reference="Biswas et al. 2020, arXiv:2009.03863",
    ),
    Definition(
        "pau",
        "(a0 + x*(a1 + x*(a2 + x*(a3 + x*(a4 + x*a5)))))/(1 + abs(x*(b1 + x*(b2 + x*(b3 + x*b4)))))",
        tuple(
            Parameter(name, value, trainable=True, doc=f"coefficient of x^{name[1]} {side}")
            for side, letter, first, coefficients in (
                # As shipped with the authors' code: near leaky_relu(slope=0.01) on [-3, 3].
                (
                    "above",
                    "a",
                    0,
                    (0.02996348, 0.61690165, 2.37539147, 3.06608078, 1.52474449, 0.25281987),
                ),
                ("below", "b", 1, (1.19160814, 4.40811795, 0.91111034, 0.34885983)),
            )
            for name, value in ((f"{letter}{first + i}", value) for i, value in enumerate(coefficients))
        ),
        limits=("where(a5 > 0, -inf, inf)", "where(a5 > 0, inf, -inf)"),
        family="parametric",
        reference="Molina et al. 2019, arXiv:1907.06732; in RL: Delfosse et al. 2024, arXiv:2102.09407",
        aliases=("rational",),
        summary="safe rational function of degrees 5 and 4; the joint form is granularity=network",
    ),
    Definition(
        "bounded_rational",
        "(a0 + x*(a1 + x*(a2 + x*(a3 + x*(a4 + x*tanh(c)*softplus(h))))))"
        "/(1 + abs(x*(b1 + x*(b2 + x*b3))) + softplus(h)*x**4)",
        (
            Parameter("a0", 0.02996348, trainable=True, doc="coefficient of x^0 above; as pau's"),
            Parameter("a1", 0.61690165, trainable=True, doc="coefficient of x^1 above; as pau's"),
            Parameter("a2", 2.37539147, trainable=True, doc="coefficient of x^2 above; as pau's"),
            Parameter("a3", 3.06608078, trainable=True, doc="coefficient of x^3 above; as pau's"),
            Parameter("a4", 1.52474449, trainable=True, doc="coefficient of x^4 above; as pau's"),
            Parameter("b1", 1.19160814, trainable=True, doc="coefficient of x^1 below; as pau's"),
            Parameter("b2", 4.40811795, trainable=True, doc="coefficient of x^2 below; as pau's"),
            Parameter("b3", 0.91111034, trainable=True, doc="coefficient of x^3 below; as pau's"),
            Parameter(
                "c",
                math.atanh(0.25281987 / 0.34885983),
                trainable=True,
                doc="raw; pau's outer slope",
                effective="tanh(c)",
            ),
            _raw_parameter("h", 0.34885983, "coefficient of x^4 below; as pau's"),
        ),
        limits=("where(c > 0, -inf, inf)", "where(c > 0, inf, -inf)"),
        family="parametric",
        reference="ours, after Surdej et al. 2025, arXiv:2507.14736",
        summary="a rational function whose outer slope stays within +-1; not that paper's constraint",
    ),
    Definition(
        "hermite",
        # Hermite polynomials normalised under the standard normal: x, (x^2 - 1)/sqrt(2), ...
        "c0 + c1*x + c2*(x**2 - 1)/sqrt(2) + c3*x*(x**2 - 3)/sqrt(6) + c4*(x**2*(x**2 - 6) + 3)/sqrt(24)",
        tuple(
            Parameter(f"c{degree}", value, trainable=True, doc=f"weight of degree {degree}; relu's")
            # E[relu(z) h_n(z)] for a standard normal z
            for degree, value in enumerate(
                (
                    1 / math.sqrt(2 * math.pi),
                    0.5,
                    1 / math.sqrt(4 * math.pi),
                    0.0,
                    -1 / math.sqrt(48 * math.pi),
                )
            )
        ),
        limits=("where(c4 > 0, inf, -inf)", "where(c4 > 0, inf, -inf)"),
        family="parametric",
        reference="Lokhande et al. 2020, arXiv:1909.05479",
        summary="degree 4, our choice; starts as relu's projection",
    ),
)

"""Ensemble: weighted sums of other functions."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, Parameter

_HINGES = ("0", "1", "2", "5/2")  # SPLASH's, fixed


def _weights(prefix: str, values: tuple[float, ...], doc: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(f"{prefix}{number}", value, trainable=True, doc=doc)
        for number, value in enumerate(values, start=1)
    )


def _sign_of(slope: str, at_zero: str, *, left: bool) -> str:
    """Return the limit of a function that is straight far out, from its slope there."""
    up, down = ("-inf", "inf") if left else ("inf", "-inf")
    return f"where({slope} > 0, {up}, where({slope} < 0, {down}, {at_zero}))"


_PRELU_AND_PELU = (
    Parameter("slope", 0.25, trainable=True, doc="slope of prelu for x < 0; prelu's initial value"),
    Parameter("a", 1.0, trainable=True, domain=POSITIVE, doc="height of pelu; pelu's initial value"),
    Parameter("b", 1.0, trainable=True, domain=POSITIVE, doc="width of pelu; pelu's initial value"),
)


DEFINITIONS = (
    Definition(
        "abu",
        "a1*tanh(x) + a2*where(x > 0, x, expm1(x)) + a3*relu(x) + a4*x + a5*x*sigmoid(x)",
        _weights("a", (0.2,) * 5, "weight of, in order, tanh, elu, relu, the identity and silu; 1/5 each"),
        limits=(
            _sign_of("a4", "-a1 - a2", left=True),
            _sign_of("(a2 + a3 + a4 + a5)", "a1", left=False),
        ),
        family="ensemble",
        reference="Suetfeld et al. 2018 (Adaptive Blending Units)",
    ),
    Definition(
        "apl",
        "relu(x) + " + " + ".join(f"a{s}*relu(b{s} - x)" for s in range(1, 6)),
        (
            *_weights("a", (0.1, -0.1, 0.1, -0.1, 0.1), "weight of a hinge; our initial value"),
            *_weights("b", (-2.0, -1.0, 0.0, 1.0, 2.0), "place of a hinge; our initial value"),
        ),
        limits=(
            _sign_of("(-a1 - a2 - a3 - a4 - a5)", "a1*b1 + a2*b2 + a3*b3 + a4*b4 + a5*b5", left=True),
            "inf",
        ),
        family="ensemble",
        reference="Agostinelli et al. 2014, arXiv:1412.6830",
        summary="adaptive piecewise linear unit with five hinges; the paper has a set for each neuron",
    ),
    Definition(
        "splash",
        " + ".join(
            f"p{s}*relu(x - {hinge}) + n{s}*relu(-x - {hinge})" for s, hinge in enumerate(_HINGES, start=1)
        ),
        (
            *_weights("p", (1.0, 0.0, 0.0, 0.0), "weight of a hinge on the right; starts at relu"),
            *_weights("n", (0.0, 0.0, 0.0, 0.0), "weight of a hinge on the left; starts at relu"),
        ),
        limits=(
            _sign_of("(-n1 - n2 - n3 - n4)", "-n2 - 2*n3 - 5/2*n4", left=True),
            _sign_of("(p1 + p2 + p3 + p4)", "-p2 - 2*p3 - 5/2*p4", left=False),
        ),
        family="ensemble",
        reference="Tavakoli et al. 2020, arXiv:2006.08947",
        summary="hinges at 0, 1, 2 and 2.5 on both sides, with learned weights",
    ),
    Definition(
        "slaf",
        "a0 + x*(a1 + x*(a2 + x*a3))",
        (
            Parameter("a0", 0.25, trainable=True, doc="coefficient; our initial value, quadratic_relu's"),
            Parameter("a1", 0.5, trainable=True, doc="coefficient of x; our initial value"),
            Parameter("a2", 0.125, trainable=True, doc="coefficient of x^2; our initial value"),
            Parameter("a3", 0.0, trainable=True, doc="coefficient of x^3; our initial value"),
        ),
        limits=(
            "where(a3 > 0, -inf, where(a3 < 0, inf, where(a2 > 0, inf, -inf)))",
            "where(a3 > 0, inf, where(a3 < 0, -inf, where(a2 > 0, inf, -inf)))",
        ),
        family="ensemble",
        reference="Goyal et al. 2019, arXiv:1906.09529",
        summary="a learned polynomial, of degree 3 here",
    ),
    Definition(
        "mixed_prelu_pelu",
        "where(x > 0, x*(p + (1 - p)*a/b), p*slope*x + (1 - p)*a*expm1(x/b))",
        (
            Parameter("p", 0.5, trainable=True, doc="weight of prelu; our initial value"),
            *_PRELU_AND_PELU,
        ),
        limits=(
            _sign_of("(p*slope)", "-(1 - p)*a", left=True),
            _sign_of("(p + (1 - p)*a/b)", "0", left=False),
        ),
        family="ensemble",
        reference="Qian et al. 2018 (Adaptive activation functions)",
        summary="a learned mean of prelu and pelu",
    ),
    Definition(
        "gated_prelu_pelu",
        "where(x > 0, x*(sigmoid(w*x) + sigmoid(-w*x)*a/b),"
        " sigmoid(w*x)*slope*x + sigmoid(-w*x)*a*expm1(x/b))",
        (
            Parameter("w", 1.0, trainable=True, doc="sharpness of the gate; our initial value"),
            *_PRELU_AND_PELU,
        ),
        limits=(
            "where(w > 0, -a, where(slope > 0, -inf, where(slope < 0, inf, where(w < 0, 0, -a/2))))",
            "inf",
        ),
        family="ensemble",
        reference="Qian et al. 2018 (Adaptive activation functions)",
        summary="prelu where a gate of x is open, pelu where it is closed",
    ),
)

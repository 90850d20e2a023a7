"""Fixed-shape, sigmoid-based: bounded, or nearly so, and rising."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import POSITIVE, Parameter

DEFINITIONS = (
    Definition("sigmoid", "sigmoid(x)", limits=("0", "1"), family="sigmoid-based", reference="classic"),
    Definition("tanh", "tanh(x)", limits=("-1", "1"), family="sigmoid-based", reference="classic"),
    Definition(
        "scaled_tanh",
        "a*tanh(b*x)",
        (
            Parameter("a", 1.7159, domain=POSITIVE, doc="height; the paper's"),
            Parameter("b", 2 / 3, domain=POSITIVE, doc="sharpness; the paper's 2/3 gives f(1) = 1 nearly"),
        ),
        limits=("-a", "a"),
        family="sigmoid-based",
        reference="LeCun et al. 1998",
    ),
    Definition(
        "hardsigmoid",
        "clip(x/width + 1/2, 0, 1)",
        (
            Parameter(
                "width",
                6.0,
                domain=POSITIVE,
                doc="distance of the corners: 6 torch's, 5 Keras's, 2 the paper's",
            ),
        ),
        limits=("0", "1"),
        family="sigmoid-based",
        reference="Courbariaux et al. 2015",
        summary="three different functions have this name; width tells them apart",
    ),
    Definition(
        "hardtanh",
        "clip(x, -1, 1)",
        limits=("-1", "1"),
        family="sigmoid-based",
        reference="Collobert 2004",
        summary="slope 0 at both corners",
    ),
    Definition(
        "softsign",
        "x/(1 + abs(x))",
        limits=("-1", "1"),
        family="sigmoid-based",
        reference="Bergstra et al. 2009",
    ),
    Definition(
        "isru",
        "x/sqrt(1 + a*x**2)",
        (Parameter("a", 1.0, domain=POSITIVE, doc="the bounds are +-1/sqrt(a)"),),
        limits=("-1/sqrt(a)", "1/sqrt(a)"),
        family="sigmoid-based",
        reference="Carlile et al. 2017, arXiv:1710.09967",
        summary="Swim's gate is its image in (0, 1): swim(k) = x (1 + k isru(x; a=k^2))/2",
    ),
    Definition(
        "arctan",
        "atan(x)",
        limits=("-pi/2", "pi/2"),
        family="sigmoid-based",
        reference="classic",
        aliases=("atan",),
    ),
    Definition(
        "sqnl",
        "clip(x, -2, 2)*(1 - abs(clip(x, -2, 2))/4)",
        limits=("-1", "1"),
        family="sigmoid-based",
        reference="Wuraola & Patel 2018",
        summary="two parabolas between -2 and 2, constant outside",
    ),
    Definition(
        "penalized_tanh",
        "where(x > 0, tanh(x), slope*tanh(x))",
        (Parameter("slope", 0.25, domain=POSITIVE, doc="factor for x < 0; 1/4 (surveys write a = 4)"),),
        limits=("-slope", "1"),
        family="sigmoid-based",
        reference="Xu et al. 2016, arXiv:1602.05980",
    ),
    Definition(
        "logsigmoid",
        "-softplus(-x)",
        limits=("-inf", "0"),
        family="sigmoid-based",
        reference="classic",
        summary="log of the logistic function; the mirror image of softplus",
    ),
    Definition(
        "tanhshrink",
        "x - tanh(x)",
        limits=("-inf", "inf"),
        family="sigmoid-based",
        reference="torch",
        summary="what tanh takes away; flat at 0",
    ),
    Definition(
        "dsilu",
        "sigmoid(x)*(1 + x*sigmoid(-x))",
        limits=("0", "1"),
        family="sigmoid-based",
        reference="Elfwing et al. 2017, arXiv:1702.03118",
        summary="the derivative of SiLU, proposed for reinforcement learning",
    ),
)

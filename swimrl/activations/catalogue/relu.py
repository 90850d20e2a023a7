"""Fixed-shape, ReLU-based: little on the left, the identity or a power of it on the right."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import NON_NEGATIVE, POSITIVE, OneOf, Parameter

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
        "relu6",
        "clip(x, 0, 6)",
        limits=("0", "6"),
        family="relu-based",
        reference="Krizhevsky 2010",
        summary="slope 0 at both corners",
    ),
    Definition(
        "relu2",
        "relu(x)**2",
        limits=("0", "inf"),
        family="relu-based",
        reference="So et al. 2021, arXiv:2109.08668",
        aliases=("squared_relu",),
    ),
    Definition(
        "repu",
        "where(x > 0, x**p, 0)",
        (Parameter("p", 3.0, domain=OneOf((2.0, 3.0, 4.0)), doc="the power; our default (2 is relu2)"),),
        limits=("0", "inf"),
        family="relu-based",
        reference="Li et al. 2019",
        summary="rectified power unit",
    ),
    Definition(
        "sqlu",
        "where(x > 0, x, max(x, -2) + max(x, -2)**2/4)",
        limits=("-1", "inf"),
        family="relu-based",
        reference="Wuraola & Patel 2018",
        summary="SQNL on the left, the identity on the right",
    ),
    Definition(
        "softplus",
        "softplus(beta*x)/beta",
        (Parameter("beta", 1.0, domain=POSITIVE, doc="sharpness; relu in the limit"),),
        limits=("0", "inf"),
        family="relu-based",
        reference="Dugas et al. 2001",
    ),
    Definition(
        "squareplus",
        # (x + sqrt(x^2 + b))/2 cancels for x < 0; the other branch is the same function.
        "where(x > 0, (x + sqrt(x**2 + b))/2, b/(2*(sqrt(x**2 + b) - x)))",
        (Parameter("b", 4.0, domain=POSITIVE, doc="curvature; 4 gives the value 1 and the slope 1/2 at 0"),),
        limits=("0", "inf"),
        family="relu-based",
        reference="Barron 2021, arXiv:2112.11687",
        summary="its derivative is Swim's gate: swim(k) = x squareplus'(x; b=1/k^2)",
    ),
    Definition(
        "isrlu",
        "where(x > 0, x, x/sqrt(1 + a*x**2))",
        (Parameter("a", 1.0, domain=POSITIVE, doc="the lower bound is -1/sqrt(a)"),),
        limits=("-1/sqrt(a)", "inf"),
        family="relu-based",
        reference="Carlile et al. 2017, arXiv:1710.09967",
        summary="ISRU on the left, the identity on the right",
    ),
    Definition(
        "hardshrink",
        "where(abs(x) > threshold, x, 0)",
        (Parameter("threshold", 0.5, domain=NON_NEGATIVE, doc="what is smaller becomes 0; torch's default"),),
        limits=("-inf", "inf"),
        family="relu-based",
        reference="torch",
        summary="jumps at both thresholds",
    ),
    Definition(
        "softshrink",
        "where(x > threshold, x - threshold, where(x < -threshold, x + threshold, 0))",
        (Parameter("threshold", 0.5, domain=NON_NEGATIVE, doc="what is smaller becomes 0; torch's default"),),
        limits=("-inf", "inf"),
        family="relu-based",
        reference="torch",
    ),
    Definition(
        "fts",
        "relu(x)*sigmoid(x) + t",
        (Parameter("t", -0.2, doc="the value for x < 0; the paper's -0.20"),),
        limits=("t", "inf"),
        family="relu-based",
        reference="Chieng et al. 2018, arXiv:1812.06247",
        aliases=("flatten_t_swish",),
    ),
    Definition(
        "shifted_relu",
        "max(x, -1)",
        limits=("-1", "inf"),
        family="relu-based",
        reference="Clevert et al. 2015, arXiv:1511.07289",
    ),
    Definition(
        "bent_identity",
        # (sqrt(x^2 + 1) - 1)/2 cancels near 0; this is the same function.
        "x + x*(x/(2*(1 + sqrt(1 + x**2))))",
        limits=("-inf", "inf"),
        family="relu-based",
        reference="folklore",
        summary="slope 1/2 far to the left, 3/2 far to the right",
    ),
)

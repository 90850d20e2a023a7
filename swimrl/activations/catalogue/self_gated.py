"""Fixed-shape, self-gated: x times a gate that rises from 0 to 1."""

from __future__ import annotations

from swimrl.activations.definition import Definition
from swimrl.activations.parameters import POSITIVE, Parameter

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
)

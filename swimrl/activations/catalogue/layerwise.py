"""Adaptive, stochastic and non-standard: no elementwise formulas, but made by classes of ``modules``."""

from __future__ import annotations

from swimrl.activations.language.definition import Definition
from swimrl.activations.language.parameters import NON_NEGATIVE, POSITIVE, Interval, OneOf, Parameter


def _made_by(name: str) -> str:
    return f"swimrl.activations.torch.handwritten:{name}"


_COUNT = tuple(float(number) for number in range(1, 33))

DEFINITIONS = (
    Definition(
        "abrelu",
        module=_made_by("AverageBiasedReLU"),
        family="adaptive",
        reference="Dubey & Chakraborty 2018 (ABReLU)",
        summary="relu of the input less the layer's mean",
    ),
    Definition(
        "meta_acon",
        module=_made_by("MetaAcon"),
        parameters=(Parameter("r", 16.0, domain=OneOf(_COUNT), doc="how much narrower the inner layer is"),),
        family="adaptive",
        reference="Ma et al. 2021, arXiv:2009.04759",
        summary="ACON-C with a switch computed from the input; without the batch norms",
    ),
    Definition(
        "dynamic_relu",
        module=_made_by("DynamicReLU"),
        parameters=(Parameter("r", 8.0, domain=OneOf(_COUNT), doc="how much narrower the inner layer is"),),
        family="adaptive",
        reference="Chen et al. 2020, arXiv:2003.10027",
        summary="the larger of two lines whose coefficients the input decides",
    ),
    Definition(
        "funnel_relu",
        module=_made_by("FunnelReLU"),
        family="adaptive",
        reference="Ma et al. 2020, arXiv:2007.11824",
        summary="FReLU for images: max(x, 3x3 depthwise convolution)",
    ),
    Definition(
        "rrelu",
        module=_made_by("RandomisedLeakyReLU"),
        parameters=(
            Parameter("lower", 1 / 8, doc="least slope for x < 0; the paper's"),
            Parameter("upper", 1 / 3, doc="greatest slope for x < 0; the paper's"),
        ),
        family="stochastic",
        reference="Xu et al. 2015, arXiv:1505.00853",
        summary="random slope in training, 11/48 in evaluation",
    ),
    Definition(
        "nrelu",
        module=_made_by("NoisyReLU"),
        family="stochastic",
        reference="Nair & Hinton 2010",
        summary="relu of the input and noise of variance sigmoid(x); relu in evaluation",
    ),
    Definition(
        "probact",
        module=_made_by("ProbAct"),
        parameters=(
            Parameter("sigma", 0.1, domain=NON_NEGATIVE, doc="standard deviation of the noise; our default"),
        ),
        family="stochastic",
        reference="Shridhar et al. 2019, arXiv:1905.10761",
        summary="relu and noise; relu in evaluation",
    ),
    Definition(
        "elastic_relu",
        module=_made_by("ElasticReLU"),
        parameters=(
            Parameter("alpha", 0.1, domain=Interval(0, 1, True), doc="how far the slope strays from 1; ours"),
        ),
        family="stochastic",
        reference="Jiang et al. 2018 (EReLU)",
        summary="relu of random slope around 1; relu in evaluation",
    ),
    Definition(
        "pats",
        module=_made_by("Pats"),
        parameters=(
            Parameter("lower", 1 / 2, domain=POSITIVE, doc="least a; the paper's"),
            Parameter("upper", 3 / 4, domain=POSITIVE, doc="greatest a; the paper's"),
        ),
        family="stochastic",
        reference="Zhang et al. 2022 (PATS)",
        summary="x atan(pi a sigmoid(x)) with random a; 5/8 in evaluation",
    ),
    Definition(
        "noisy_hardtanh",
        module=_made_by("NoisyHardTanh"),
        parameters=(
            Parameter("alpha", 1.15, domain=POSITIVE, doc="1 saturates; above, it turns back; the authors'"),
            Parameter("c", 0.5, domain=NON_NEGATIVE, doc="strength of the noise; the authors'"),
        ),
        family="stochastic",
        reference="Gulcehre et al. 2016, arXiv:1603.00391",
        summary="hardtanh with noise where it saturates, learned how soon; its mean in evaluation",
    ),
    Definition(
        "crelu",
        module=_made_by("ConcatenatedReLU"),
        family="non-standard",
        reference="Shang et al. 2016, arXiv:1603.05201; in RL: Abbas et al. 2023, arXiv:2303.07507",
        summary="[relu(x), relu(-x)]: twice as wide",
    ),
    Definition(
        "maxout",
        module=_made_by("Maxout"),
        parameters=(Parameter("pieces", 2.0, domain=OneOf(_COUNT), doc="neurons that become one"),),
        family="non-standard",
        reference="Goodfellow et al. 2013, arXiv:1302.4389",
        summary="the largest of neighbouring neurons: half as wide with 2 pieces",
    ),
    *(
        Definition(
            name,
            module=_made_by(maker),
            family="non-standard",
            reference=reference,
            summary=f"a {gate}(b) for the halves a and b of the layer: half as wide",
        )
        for name, maker, gate, reference in (
            ("glu", "GatedLinearUnit", "sigmoid", "Dauphin et al. 2017"),
            ("reglu", "ReGLU", "relu", "Shazeer 2020, arXiv:2002.05202"),
            ("geglu", "GEGLU", "gelu", "Shazeer 2020, arXiv:2002.05202"),
            ("swiglu", "SwiGLU", "silu", "Shazeer 2020, arXiv:2002.05202"),
        )
    ),
    Definition(
        "oplu",
        module=_made_by("PairSort"),
        family="non-standard",
        reference="Chernodub & Nowicki 2016 (OPLU)",
        summary="neighbouring neurons in order; keeps every norm",
    ),
    Definition(
        "kwta",
        module=_made_by("WinnersTakeAll"),
        parameters=(
            Parameter("share", 0.2, domain=Interval(0, 1, False, True), doc="of neurons that win; ours"),
        ),
        family="non-standard",
        reference="Xiao et al. 2019 (k-WTA)",
        summary="the largest inputs of the layer, the others 0",
    ),
    Definition(
        "poly_norm",
        module=_made_by("PolyNorm"),
        family="non-standard",
        reference="Zhuo et al. 2024, arXiv:2411.03884",
        summary="learned sum of x, x^2 and x^3, each divided by its root mean square over the layer",
    ),
    Definition(
        "kaf",
        module=_made_by("KernelActivation"),
        family="ensemble",
        reference="Scardapane et al. 2017, arXiv:1707.04035",
        summary="a learned sum of 20 Gaussian bumps for each neuron; starts at a smoothed ELU",
    ),
    Definition(
        "softmax",
        module=_made_by("Softmax"),
        family="non-standard",
        reference="classic",
        summary="positive numbers that sum to 1 over the layer",
    ),
    Definition(
        "lslu",
        module=_made_by("SeriesLinearUnit"),
        parameters=(
            Parameter("n", 3.0, domain=OneOf(_COUNT), doc="steps; the authors' default"),
            Parameter("spatial", 0.0, domain=OneOf((0.0, 1.0)), doc="1: images, with the convolution"),
        ),
        family="non-standard",
        reference="Feng et al. 2024, arXiv:2409.08283",
        summary="theta relu(x) + omega, repeated; the spatial part for images",
    ),
)

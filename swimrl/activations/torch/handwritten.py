"""Activations that are not an elementwise formula: random, or using the whole layer, or changing its width.

Random ones draw numbers in training mode and are deterministic in evaluation mode. They draw from
``generator`` if it is set, else from torch's global generator, which a run seeds.

Letters in shapes: B anything, N neurons, P pieces.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from swimrl.errors import FormulaError


class Stochastic(nn.Module):
    """Base of the random activations.

    Attributes:
        generator: The source of random numbers; ``None`` is torch's global generator.
    """

    generator: torch.Generator | None = None

    def uniform(self, x: Tensor, low: float, high: float) -> Tensor:
        """Draw numbers between two bounds, one for each element of ``x``."""
        return torch.empty_like(x).uniform_(low, high, generator=self.generator)

    def normal(self, x: Tensor) -> Tensor:
        """Draw standard normal numbers, one for each element of ``x``."""
        return torch.empty_like(x).normal_(generator=self.generator)

    def __getstate__(self) -> dict[str, Any]:
        # A generator belongs to the run, not to the activation; and torch cannot pickle it.
        return {name: value for name, value in self.__dict__.items() if name != "generator"}


def _sigmoid(x: Tensor) -> Tensor:
    """Return the logistic function, whose gradient is 0 where it has reached 0 or 1.

    Otherwise the gradient there would be a product with 0, which is NaN if the other factor has overflowed.
    """
    bound = 750.0 if x.dtype == torch.float64 else 110.0
    return torch.sigmoid(x.clamp(-bound, bound))


def _wide(x: Tensor) -> Tensor:
    """Return ``x``, in float32 if it is float16 or bfloat16, whose range or digits do not suffice."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class RandomisedLeakyReLU(Stochastic):
    """A random slope between ``lower`` and ``upper`` for x < 0; its mean in evaluation.

    Xu et al. 2015, arXiv:1505.00853.
    """

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        if self.training:
            return torch.where(x > 0, x, self.uniform(x, self.lower, self.upper) * x)
        return torch.where(x > 0, x, (self.lower + self.upper) / 2 * x)


class NoisyReLU(Stochastic):
    """relu(x + n) with n normal of variance sigmoid(x); relu in evaluation (Nair & Hinton 2010)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        if self.training:
            x = x + self.normal(x) * torch.sigmoid(x).sqrt().detach()
        return torch.relu(x)


class ProbAct(Stochastic):
    """relu(x) + sigma n with n standard normal; relu in evaluation.

    Shridhar et al. 2019, arXiv:1905.10761.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        return torch.relu(x) + (self.sigma * self.normal(x) if self.training else 0.0)


class ElasticReLU(Stochastic):
    """k relu(x) with k uniform in 1 -+ alpha; relu in evaluation (Jiang et al. 2018)."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        value = torch.relu(x)
        return value * self.uniform(x, 1 - self.alpha, 1 + self.alpha) if self.training else value


class Pats(Stochastic):
    """x atan(pi a sigmoid(x)) with a uniform in [lower, upper]; their mean in evaluation."""

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        a = self.uniform(x, self.lower, self.upper) if self.training else (self.lower + self.upper) / 2
        wide = _wide(x)
        return (wide * torch.atan(math.pi * a * _sigmoid(wide))).to(x.dtype)


class NoisyHardTanh(Stochastic):
    """Hardtanh, noisy where it saturates, and leaking back (Gulcehre et al. 2016, arXiv:1603.00391).

    alpha h(x) + (1 - alpha) x + s |n|, with h hardtanh, n standard normal, and
    s = sign(x) sign(alpha - 1) c (sigmoid(p (h(x) - x)) - 1/2)^2. So the noise points to where h has a
    slope. p is learned; it starts at 1, which is ours. In evaluation |n| is its mean, sqrt(2/pi).

    Args:
        alpha: Weight of h.
        c: Strength of the noise.
    """

    def __init__(self, alpha: float, c: float) -> None:
        super().__init__()
        self.alpha, self.c = alpha, c
        self.p = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, of any shape."""
        saturated = functional.hardtanh(x)
        noise: Tensor | float = self.normal(x).abs() if self.training else math.sqrt(2 / math.pi)
        deviation = self.c * (torch.sigmoid(self.p * (saturated - x)) - 0.5).square()
        direction = torch.sign(x) * math.copysign(1.0, self.alpha - 1.0)
        return self.alpha * saturated + (1 - self.alpha) * x + direction * deviation * noise


class AverageBiasedReLU(nn.Module):
    """relu(x - m) with m the mean of the layer's inputs at this sample (Dubey & Chakraborty 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        return torch.relu(x - x.mean(-1, keepdim=True))


class MetaAcon(nn.Module):
    """ACON-C whose switch beta is computed from the input by two small linear layers.

    (p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x, with p1, p2 and beta for each neuron (Ma et al. 2021,
    arXiv:2009.04759). The authors' code normalises both layers over the batch and averages over space;
    here there is neither: off-policy learning changes the statistics that batch normalisation relies on.
    They draw p1 and p2 at random; here they start at 1 and 0, which with beta = 1/2 is near SiLU.

    Args:
        width: N.
        r: N/r, but at least r, is the number of hidden units.
    """

    def __init__(self, width: int, r: float) -> None:
        super().__init__()
        hidden = max(int(r), width // int(r))
        self.squeeze, self.expand = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.p1, self.p2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        beta = _sigmoid(self.expand(self.squeeze(x)))
        gated = (self.p1 - self.p2) * x
        return gated * _sigmoid(beta * gated) + self.p2 * x


class DynamicReLU(nn.Module):
    """The larger of two lines a_k x + b_k whose coefficients are computed from the input.

    Theta(x) = 2 sigmoid(W2 relu(W1 x)) - 1 for each neuron; a = (1, 0) + theta_a, b = theta_b/2:
    variant B of Chen et al. 2020, arXiv:2003.10027, with neurons as channels and no space to pool.

    Args:
        width: N.
        r: N/r is the number of hidden units.
    """

    def __init__(self, width: int, r: float) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, max(1, width // int(r)))
        self.expand = nn.Linear(self.squeeze.out_features, 4 * width)
        self.register_buffer("start", torch.tensor([1.0, 0.0, 0.0, 0.0]), persistent=False)
        self.register_buffer("scale", torch.tensor([1.0, 1.0, 0.5, 0.5]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        theta = 2 * _sigmoid(self.expand(torch.relu(self.squeeze(x)))) - 1
        slopes_and_shifts = self.get_buffer("start") + self.get_buffer("scale") * theta.reshape(*x.shape, 4)
        a1, a2, b1, b2 = slopes_and_shifts.unbind(-1)
        return torch.maximum(a1 * x + b1, a2 * x + b2)


class FunnelReLU(nn.Module):
    """max(x, T(x)) with T a 3x3 depthwise convolution, for images (Ma et al. 2020, arXiv:2007.11824).

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.surroundings = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N, height, width] -> the same."""
        if x.dim() != 4:
            raise FormulaError(
                f"funnel_relu got an input of shape {tuple(x.shape)}; it is for images "
                f"[batch, channels, height, width]; for vectors choose flexible_relu or another"
            )
        return torch.maximum(x, self.surroundings(x))


class ConcatenatedReLU(nn.Module):
    """[relu(x), relu(-x)], twice as wide (Shang et al. 2016, arXiv:1603.05201).

    Abbas et al. 2023 use it to keep a reinforcement learner plastic: no unit of the pair can die alone.
    """

    def output_width(self, width: int) -> int:
        """Return 2N."""
        return 2 * width

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, 2N]."""
        return torch.cat([torch.relu(x), torch.relu(-x)], dim=-1)


class Maxout(nn.Module):
    """The largest of each P neighbouring neurons (Goodfellow et al. 2013, arXiv:1302.4389).

    With the linear layer in front it is max_k(W_k x + b_k).

    Args:
        pieces: P.
    """

    def __init__(self, pieces: float) -> None:
        super().__init__()
        self.pieces = int(pieces)

    def output_width(self, width: int) -> int:
        """Return N/P."""
        return _divided("maxout", width, self.pieces)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N/P]."""
        return x.reshape(*x.shape[:-1], self.output_width(x.shape[-1]), self.pieces).amax(-1)


class GatedLinearUnit(nn.Module):
    """a f(b) for the two halves a and b of the layer (Dauphin et al. 2017; Shazeer 2020, arXiv:2002.05202).

    With the linear layer in front these are two projections, one of which gates the other. For as many
    parameters as an ordinary layer of width N, take 4N/3 (two thirds of it for each half).
    """

    name = "glu"

    def gate(self, b: Tensor) -> Tensor:
        """Return f(b)."""
        return torch.sigmoid(b)

    def output_width(self, width: int) -> int:
        """Return N/2."""
        return _divided(self.name, width, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N/2]."""
        self.output_width(x.shape[-1])
        a, b = x.chunk(2, dim=-1)
        return a * self.gate(b)


class ReGLU(GatedLinearUnit):
    """a relu(b)."""

    name = "reglu"

    def gate(self, b: Tensor) -> Tensor:
        """Return f(b)."""
        return torch.relu(b)


class GEGLU(GatedLinearUnit):
    """a gelu(b)."""

    name = "geglu"

    def gate(self, b: Tensor) -> Tensor:
        """Return f(b)."""
        return functional.gelu(b)


class SwiGLU(GatedLinearUnit):
    """a silu(b)."""

    name = "swiglu"

    def gate(self, b: Tensor) -> Tensor:
        """Return f(b)."""
        return functional.silu(b)


class PairSort(nn.Module):
    """OPLU: each pair of neighbouring neurons, the larger first (Chernodub & Nowicki 2016).

    It keeps the norm of a layer and of every gradient.
    """

    def output_width(self, width: int) -> int:
        """Return N, which must be even."""
        return 2 * _divided("oplu", width, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        self.output_width(x.shape[-1])
        a, b = x.reshape(*x.shape[:-1], -1, 2).unbind(-1)
        return torch.stack([torch.maximum(a, b), torch.minimum(a, b)], dim=-1).flatten(-2)


class WinnersTakeAll(nn.Module):
    """k-WTA: the largest inputs of a layer as they are, the others 0 (Xiao et al. 2019).

    Args:
        share: The fraction of neurons that keep their input; at least one does.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        winners = max(1, round(self.share * x.shape[-1]))
        values, where = x.topk(winners, dim=-1)
        return torch.zeros_like(x).scatter(-1, where, values)


_LARGE = 1e4  # the derivative of 1/sqrt(mean(x^6)) has x^-9, which is a normal float32 up to about here


class PolyNorm(nn.Module):
    """w1 n(x^3) + w2 n(x^2) + w3 n(x) + b with n(u) = u/sqrt(mean(u^2) + 1e-6) over the layer.

    The weights start at 1/3 and b at 0, as in the authors' code (Zhuo et al. 2024, arXiv:2411.03884).
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.full((3,), 1 / 3)), nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        wide = _wide(x)
        # x^6 overflows for large x. With x = s t, n(x^k) = t^k/sqrt(mean(t^2k) + 1e-6/s^2k) for any s.
        largest = wide.detach().abs().amax(-1, keepdim=True)
        s = torch.where(largest > _LARGE, largest, torch.ones_like(largest))
        t = wide / s
        powers = torch.stack([t**3, t**2, t])
        small = 1e-6 * torch.stack([s**-6, s**-4, s**-2])
        normalised = powers * torch.rsqrt(powers.square().mean(-1, keepdim=True) + small)
        weight = self.weight.to(wide.dtype)
        return (torch.einsum("k,k...->...", weight, normalised) + self.bias).to(x.dtype)


class KernelActivation(nn.Module):
    """KAF: a learned sum of 20 Gaussian bumps for each neuron (Scardapane et al. 2017, arXiv:1707.04035).

    f_n(x) = sum_i a_ni exp(-(x - d_i)^2 / (6 D^2)), where the d_i lie evenly in [-3, 3], D apart; places and
    width are the authors'. They draw the weights at random or fit them to another function. Here they start
    at elu(d_i)/sqrt(6 pi), which is ELU smoothed over 0.55; a fit would need weights up to 134 that cancel.
    Beyond the bumps the function goes to 0.

    Args:
        width: N.
    """

    places: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        places = torch.linspace(-3, 3, 20)
        self.register_buffer("places", places, persistent=False)
        start = functional.elu(places) / math.sqrt(6 * math.pi)
        self.weight = nn.Parameter(start.expand(width, -1).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        apart = 6 / (len(self.places) - 1)
        # At a distance of 25 a bump is 0 in every dtype; the square of a larger one could overflow.
        distances = (x[..., None] - self.places).clamp(-25, 25)
        bumps = torch.exp(-(distances**2) / (6 * apart**2))
        return torch.einsum("...nd,nd->...n", bumps, self.weight)


class Softmax(nn.Module):
    """exp(x_i) over the sum of the layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N] -> [B, N]."""
        return torch.softmax(x, dim=-1)


class SeriesLinearUnit(nn.Module):
    """LSLU: relu, scaled and shifted, n times over (Feng et al. 2024, arXiv:2409.08283).

    x <- theta_i relu(x) + omega_i for i = 1..n, then relu. theta starts at 1 and omega at 0, and so the
    whole at relu. For images [B, N, height, width] a depthwise convolution of size 2n + 1 and a batch
    normalisation follow, as in the authors' code; vectors have no neighbours to convolve.

    Three defects of the original (vontran2021/Learnable-series-linear-units-LSLU, LSLU.py) are not copied:
    it makes theta and omega as long as the layer is wide and learns the first n entries alone; it fails where
    the layer is narrower than n; and its "deploy" form drops omega and reads theta by channel, which is
    another function.

    Args:
        width: N.
        n: Number of steps.
        spatial: 1 for images, 0 for vectors.
    """

    def __init__(self, width: int, n: float, spatial: float) -> None:
        super().__init__()
        steps = int(n)
        self.theta, self.omega = nn.Parameter(torch.ones(steps)), nn.Parameter(torch.zeros(steps))
        self.spread: nn.Module | None = None
        if spatial:
            convolution = nn.Conv2d(width, width, 2 * steps + 1, padding=steps, groups=width, bias=False)
            nn.init.trunc_normal_(convolution.weight, std=0.02)
            self.spread = nn.Sequential(convolution, nn.BatchNorm2d(width, eps=1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``; [B, N], or with ``spatial`` [B, N, height, width], to the same."""
        for theta, omega in zip(self.theta, self.omega, strict=True):
            x = torch.relu(x) * theta + omega
        x = torch.relu(x)
        if self.spread is not None:
            x = self.spread(x)
        return x


def _divided(name: str, width: int, parts: int) -> int:
    if width % parts:
        raise FormulaError(f"{name} cannot divide {width} neurons by {parts}; choose a multiple of {parts}")
    return width // parts

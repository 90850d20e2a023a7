"""Every formula of the catalogue once more: the textbook form in mpmath, sharing nothing with ours.

Each function takes x and the parameters of the definition, in its order, as mpmath numbers.
"""

from __future__ import annotations

import mpmath
from mpmath import mpf


def relu(x):
    return max(x, mpf(0))


def clip(x, low, high):
    return min(max(x, mpf(low)), mpf(high))


def decay(x):
    """exp(-x), 0 where mpmath would need the digits of x: exp(-1e6) is far below the smallest double."""
    return mpmath.exp(-x) if x < 10**6 else mpf(0)


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def softplus(x):
    return mpmath.log1p(mpmath.exp(x))


def normal(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def cauchy(x):
    return mpmath.atan2(1, -x) / mpmath.pi


def swish(x, beta):
    return x * sigmoid(beta * x)


def isru(x, a):
    return x / mpmath.sqrt(1 + a * x**2)


def swim(x, k):
    return x / 2 * (1 + k * x / mpmath.sqrt(1 + k**2 * x**2))


def leaky(x, slope):
    return x if x > 0 else slope * x


def elu(x, alpha):
    return x if x > 0 else alpha * mpmath.expm1(x)


def sqnl(x):
    if abs(x) > 2:
        return mpmath.sign(x)
    return x - x**2 / 4 if x > 0 else x + x**2 / 4


def student(t, nu):
    """The distribution function of Student's t as an incomplete beta function, from the lighter side."""
    tail = mpmath.betainc(nu / 2, mpf(1) / 2, 0, nu / (nu + t**2), regularized=True) / 2
    return tail if t < 0 else 1 - tail


def tgate(x, nu, slope):
    nu = mpf(int(mpmath.nint(nu)))
    density_at_0 = mpmath.gamma((nu + 1) / 2) / (mpmath.sqrt(nu * mpmath.pi) * mpmath.gamma(nu / 2))
    return x * student(slope / density_at_0 * x, nu)


def xielu(x, positive, a_n, beta):
    return positive if x > 0 else (beta + softplus(a_n)) * (mpmath.expm1(x) - x) + beta * x


def odd(u, *coefficients):
    return sum(mpf(c) * u ** (2 * i + 1) for i, c in enumerate(coefficients))


def minimax_relu(x, bound):
    inner = odd(clip(x / bound, -1, 1), "7.3034", "-34.674", "59.844", "-31.866")
    return x * (1 + odd(inner, "2.40069", "-2.63091", "1.54895", "-0.33116")) / 2


def rational(x, above, below):
    return mpmath.polyval(above[::-1], x) / (1 + abs(mpmath.polyval([*below[::-1], 0], x)))


def bounded_rational(x, a0, a1, a2, a3, a4, b1, b2, b3, c, h):
    above = mpmath.polyval([mpmath.tanh(c) * softplus(h), a4, a3, a2, a1, a0], x)
    return above / (1 + abs(mpmath.polyval([b3, b2, b1, 0], x)) + softplus(h) * x**4)


def hermite(x, *weights):
    return sum(
        c * mpmath.hermite(n, x / mpmath.sqrt(2)) / mpmath.sqrt(mpf(2) ** n * mpmath.factorial(n))
        for n, c in enumerate(weights)
    )


def srelu(x, t_left, a_left, t_right, a_right):
    if x > t_right:
        return t_right + a_right * (x - t_right)
    return x if x > t_left else t_left + a_left * (x - t_left)


def apl(x, *parameters):
    return relu(x) + sum(a * relu(b - x) for a, b in zip(parameters[:5], parameters[5:], strict=True))


def splash(x, *parameters):
    hinges = (0, 1, 2, mpf("2.5"))
    right = sum(p * relu(x - hinge) for p, hinge in zip(parameters[:4], hinges, strict=True))
    return right + sum(n * relu(-x - hinge) for n, hinge in zip(parameters[4:], hinges, strict=True))


def spocu(x, alpha, beta, gamma):
    def h(u):
        return u**3 * (u**5 - 2 * u**4 + 2) if u > 0 else mpf(0)

    return alpha * h(x / gamma + beta) - alpha * h(beta)


def pelu(x, a, b):
    return a / b * x if x > 0 else a * mpmath.expm1(x / b)


def gated(gate, x, slope, a, b):
    return gate * leaky(x, slope) + (1 - gate) * pelu(x, a, b)


def sinc(x):
    return mpf(1) if x == 0 else mpmath.sin(x) / x


ORACLES = {
    "sigmoid": sigmoid,
    "tanh": mpmath.tanh,
    "scaled_tanh": lambda x, a, b: a * mpmath.tanh(b * x),
    "hardsigmoid": lambda x, width: clip(x / width + mpf(1) / 2, 0, 1),
    "hardtanh": lambda x: clip(x, -1, 1),
    "softsign": lambda x: x / (1 + abs(x)),
    "isru": isru,
    "arctan": mpmath.atan,
    "sqnl": sqnl,
    "penalized_tanh": lambda x, slope: leaky(mpmath.tanh(x), slope),
    "logsigmoid": lambda x: -softplus(-x),
    "tanhshrink": lambda x: x - mpmath.tanh(x),
    "dsilu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    "gelu": lambda x: x * normal(x),
    "gelu_tanh": lambda x: (
        x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpf("0.044715") * x**3)))
    ),
    "quick_gelu": lambda x: swish(x, mpf("1.702")),
    "swish": swish,
    "mish": lambda x: x * mpmath.tanh(softplus(x)),
    "swim": swim,
    "pflu": lambda x: swim(x, 1),
    "fpflu": lambda x: x if x > 0 else x + x**2 / mpmath.sqrt(1 + x**2),
    "ulu": lambda x, alpha1, alpha2: swish(x, 2 * (alpha1 if x < 0 else alpha2)),
    "atlu": lambda x: x * cauchy(x),
    "tgate": tgate,
    "tgate_normal": lambda x, slope: x * normal(mpmath.sqrt(2 * mpmath.pi) * slope * x),
    "tanhexp": lambda x: x * mpmath.tanh(mpmath.exp(x)),
    "serf": lambda x: x * mpmath.erf(softplus(x)),
    "logish": lambda x: x * mpmath.log(1 + sigmoid(x)),
    "smish": lambda x, alpha, beta: alpha * x * mpmath.tanh(mpmath.log(1 + sigmoid(beta * x))),
    "gish": lambda x: x * mpmath.log(2 - decay(mpmath.exp(x))),
    "phish": lambda x: x * mpmath.tanh(x * normal(x)),
    "lisht": lambda x: x * mpmath.tanh(x),
    "hardswish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "colu": lambda x: x / (1 - x * decay(x + mpmath.exp(x))),
    "elish": lambda x: (x if x > 0 else mpmath.expm1(x)) * sigmoid(x),
    "relu": relu,
    "leaky_relu": leaky,
    "relu6": lambda x: clip(x, 0, 6),
    "relu2": lambda x: relu(x) ** 2,
    "repu": lambda x, p: relu(x) ** p,
    "sqlu": lambda x: x if x > 0 else sqnl(x),
    "softplus": lambda x, beta: softplus(beta * x) / beta,
    "squareplus": lambda x, b: (x + mpmath.sqrt(x**2 + b)) / 2,
    "isrlu": lambda x, a: x if x > 0 else isru(x, a),
    "hardshrink": lambda x, threshold: x if abs(x) > threshold else mpf(0),
    "softshrink": lambda x, threshold: mpmath.sign(x) * relu(abs(x) - threshold),
    "fts": lambda x, t: relu(x) * sigmoid(x) + t,
    "shifted_relu": lambda x: max(x, mpf(-1)),
    "bent_identity": lambda x: (mpmath.sqrt(x**2 + 1) - 1) / 2 + x,
    "elu": elu,
    "selu": lambda x: (
        mpf("1.0507009873554804934193349852946")
        * (x if x > 0 else mpf("1.6732632423543772848170429916717") * mpmath.expm1(x))
    ),
    "celu": lambda x, alpha: relu(x) + min(mpf(0), alpha * mpmath.expm1(x / alpha)),
    "serlu": lambda x: mpf("1.07862") * (x if x > 0 else mpf("2.90427") * x * mpmath.exp(x)),
    "polu": lambda x, n: x if x > 0 else (1 - x) ** -n - 1,
    "fplus": lambda x: x if x > 0 else 1 / (1 - x) - 1,
    "prelu": leaky,
    "aulu": lambda x, beta1, beta2: swish(x, 2 * (beta1 if x < 0 else beta2) ** 2),
    "xielu": lambda x, a_p, a_n, beta: xielu(x, softplus(a_p) * x**2 + beta * x, a_n, beta),
    "xiprelu": lambda x, a_p, a_n, beta: softplus(a_p if x > 0 else a_n) * x**2 + beta * x,
    "xiep": lambda x, a_p3, a_p2, a_n, beta: xielu(
        x, softplus(a_p3) * x**3 + softplus(a_p2) * x**2 + beta * x, a_n, beta
    ),
    "xsilu": lambda x, alpha: x * (sigmoid(x) * (1 + 2 * alpha) - alpha),
    "xgelu": lambda x, alpha: x * (normal(x) * (1 + 2 * alpha) - alpha),
    "xatlu": lambda x, alpha: x * (cauchy(x) * (1 + 2 * alpha) - alpha),
    "e_swish": lambda x, beta: beta * x * sigmoid(x),
    "pelu": pelu,
    "flexible_relu": lambda x, b: relu(x) + b,
    "star_relu": lambda x, s, b: s * relu(x) ** 2 + b,
    "poly_relu": lambda x, *a: mpmath.polyval(a[::-1], relu(x)),
    "acon_c": lambda x, p1, p2, beta: (p1 - p2) * x * sigmoid(beta * (p1 - p2) * x) + p2 * x,
    "erfact": lambda x, alpha, beta: x * mpmath.erf(alpha * mpmath.exp(beta * x)),
    "pserf": lambda x, gamma, delta: x * mpmath.erf(gamma * softplus(delta * x)),
    "plogish": lambda x, alpha, beta: alpha * x * mpmath.log(1 + sigmoid(beta * x)),
    "aria2": lambda x, alpha, beta: x * (1 + mpmath.exp(-beta * x)) ** -alpha,
    "snake": lambda x, a: x + mpmath.sin(a * x) ** 2 / a,
    "smu": lambda x, a, mu: ((1 + a) * x + (1 - a) * x * mpmath.erf(mu * (1 - a) * x)) / 2,
    "srs": lambda x, a, b: x / (x / a + mpmath.exp(-x / b)),
    "srelu": srelu,
    "arelu": lambda x, a, b: (1 + sigmoid(b)) * x if x > 0 else clip(a, "0.01", "0.99") * x,
    "tanhsoft1": lambda x, alpha: mpmath.tanh(alpha * x) * softplus(x),
    "tanhsoft2": lambda x, beta, gamma: x * mpmath.tanh(beta * mpmath.exp(gamma * x)),
    "tanhsoft3": lambda x, delta: mpmath.log(1 + mpmath.exp(x) * mpmath.tanh(delta * x)),
    "pau": lambda x, *p: rational(x, p[:6], p[6:]),
    "bounded_rational": bounded_rational,
    "hermite": hermite,
    "sine": lambda x, omega: mpmath.sin(omega * x),
    "siren": lambda x, omega: mpmath.sin(omega * x),
    "gcu": lambda x: x * mpmath.cos(x),
    "sinc": sinc,
    "sinc_pi": lambda x: sinc(mpmath.pi * x),
    "gaussian": lambda x: mpmath.exp(-(x**2)),
    "quadratic": lambda x: x**2,
    "cubic": lambda x: x - x**3,
    "quadratic_gate": lambda x: x / 2 * (1 + x / 4),
    "quadratic_relu": lambda x: x**2 / 8 + x / 2 + mpf(1) / 4,
    "minimax_relu": minimax_relu,
    "spocu": spocu,
    "symlog": lambda x: mpmath.sign(x) * mpmath.log1p(abs(x)),
    "symexp": lambda x: mpmath.sign(x) * mpmath.expm1(abs(x)),
    "abu": lambda x, *a: (
        a[0] * mpmath.tanh(x) + a[1] * elu(x, 1) + a[2] * relu(x) + a[3] * x + a[4] * swish(x, 1)
    ),
    "apl": apl,
    "splash": splash,
    "slaf": lambda x, *a: mpmath.polyval(a[::-1], x),
    "mixed_prelu_pelu": lambda x, p, *rest: gated(p, x, *rest),
    "gated_prelu_pelu": lambda x, w, *rest: gated(sigmoid(w * x), x, *rest),
}

KINKS = {
    "hardsigmoid": (-3, 3),
    "hardtanh": (-1, 1),
    "hardswish": (-3, 3),
    "hardshrink": (-0.5, 0.5),
    "softshrink": (-0.5, 0.5),
    "shifted_relu": (-1,),
    "srelu": (0, 1),
    "apl": (-2, -1, 0, 1, 2),
    "splash": (-2.5, -2, -1, 0, 1, 2, 2.5),
    "relu6": (0, 6),
    "sqnl": (-2, 2),
    "sqlu": (-2,),
    "minimax_relu": (-10, 10),
}
"""Where, other than at 0, an activation with default parameters is not smooth."""

CANCELLING = {"tanhshrink", "minimax_relu"}
"""Differences of nearly equal numbers near 0, or in a tail: good to a few units of 1, not of the value."""

DOUBLE_EXPONENTIAL = {"tanhexp", "gish", "colu", "erfact", "tanhsoft2"}
"""exp(exp(x)) is in the formula, which not even mpmath can take to 1e100."""

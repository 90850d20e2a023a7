"""The functions that formulas consist of, each with a value and a derivative that lose no digits.

SymPy's own derivatives are correct on paper and poor in floating point: ``1 - tanh(x)**2`` cancels,
``Max`` differentiates to a ``Heaviside`` that is 1/2 at 0 and then to a ``DiracDelta``. So formulas
consist of the functions of this file, and of those SymPy functions whose derivatives are accurate
(``exp``, ``log``, ``sqrt``, ``sin``, ``cos``, ``atan``).

Convention at kinks: torch's derivative where torch has the function (relu'(0) = 0, hardtanh'(1) =
0), else the left one. A condition ``x > c`` is false at ``c``, so ``where(x > c, a, b)`` takes
``b`` there, which is the left side.

Each class computes its value in mpmath's arbitrary precision; each target has a floating-point function
of the same ``spelling``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import mpmath
import sympy

X = sympy.Symbol("x")
"""The input of every formula."""


class Primitive(sympy.Function):  # type: ignore[misc]  # SymPy ships no types
    """Base of the functions below.

    Attributes:
        spelling: The name in formula text and in generated code.
        latex_form: LaTeX with ``{i}`` for argument ``i``.
        mathml_form: MathML with ``{i}`` for argument ``i``; empty for a call of ``spelling``.
        slopes: The derivative by each argument, from SymPy expressions.
        exact: The value at mpmath numbers, in mpmath's current precision.
    """

    spelling: ClassVar[str]
    latex_form: ClassVar[str]
    mathml_form: ClassVar[str] = ""
    slopes: ClassVar[Callable[..., tuple[Any, ...]]]
    exact: ClassVar[Callable[..., Any]]

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative by one argument; SymPy's chain rule calls it."""
        return self.slopes(*self.args)[argindex - 1]

    def _eval_evalf(self, prec: int) -> Any:
        precision = prec + 16
        with mpmath.workprec(precision):
            numbers = [argument._to_mpmath(precision) for argument in self.args]
            return sympy.Float(self.exact(*numbers), precision=prec)

    def _sympystr(self, printer: Any) -> str:
        return f"{self.spelling}({', '.join(map(printer._print, self.args))})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self.latex_form.format(*map(printer._print, self.args))
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


class Sigmoid(Primitive):
    """The logistic function 1/(1 + exp(-u)); its derivative is s(u) s(-u), exact in both tails."""

    nargs = 1
    spelling = "sigmoid"
    latex_form = r"\sigma\left({0}\right)"
    mathml_form = "<mi>σ</mi><mo>(</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (Sigmoid(u) * Sigmoid(-u),))
    exact = staticmethod(lambda u: 1 / (1 + mpmath.exp(-u)))


class Softplus(Primitive):
    """log(1 + exp(u)); its derivative is the logistic function."""

    nargs = 1
    spelling = "softplus"
    latex_form = r"\operatorname{{softplus}}\left({0}\right)"
    mathml_form = "<mi>softplus</mi><mo>(</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (Sigmoid(u),))
    exact = staticmethod(lambda u: mpmath.log1p(mpmath.exp(u)))


class Expm1(Primitive):
    """exp(u) - 1."""

    nargs = 1
    spelling = "expm1"
    latex_form = r"\left(e^{{{0}}} - 1\right)"
    mathml_form = "<mo>(</mo><msup><mi>e</mi>{0}</msup><mo>−</mo><mn>1</mn><mo>)</mo>"
    slopes = staticmethod(lambda u: (sympy.exp(u),))
    exact = staticmethod(lambda u: mpmath.expm1(u))


class Log1p(Primitive):
    """log(1 + u)."""

    nargs = 1
    spelling = "log1p"
    latex_form = r"\log\left(1 + {0}\right)"
    mathml_form = "<mi>log</mi><mo>(</mo><mn>1</mn><mo>+</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (1 / (1 + u),))
    exact = staticmethod(lambda u: mpmath.log1p(u))


class Ndtr(Primitive):
    """The distribution function of the standard normal; its derivative is the density."""

    nargs = 1
    spelling = "ndtr"
    latex_form = r"\Phi\left({0}\right)"
    mathml_form = "<mi>Φ</mi><mo>(</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (NormalPdf(u),))
    exact = staticmethod(lambda u: mpmath.erfc(-u / mpmath.sqrt(2)) / 2)


class NormalPdf(Primitive):
    """The density of the standard normal, exp(-u^2/2)/sqrt(2 pi).

    A primitive, so that a kernel computes it from the exponential that ``ndtr`` needs too.
    """

    nargs = 1
    spelling = "normal_pdf"
    latex_form = r"\varphi\left({0}\right)"
    mathml_form = "<mi>φ</mi><mo>(</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (-u * NormalPdf(u),))
    exact = staticmethod(lambda u: mpmath.npdf(u))


class Erf(Primitive):
    """The error function; its derivative is written with ``normal_pdf``, for the same reason."""

    nargs = 1
    spelling = "erf"
    latex_form = r"\operatorname{{erf}}\left({0}\right)"
    slopes = staticmethod(lambda u: (2 * sympy.sqrt(2) * NormalPdf(sympy.sqrt(2) * u),))
    exact = staticmethod(lambda u: mpmath.erf(u))


class Tanh(Primitive):
    """The hyperbolic tangent; its derivative is sech^2, not 1 - tanh^2, which cancels."""

    nargs = 1
    spelling = "tanh"
    latex_form = r"\tanh\left({0}\right)"
    slopes = staticmethod(lambda u: (Sech2(u),))
    exact = staticmethod(lambda u: mpmath.tanh(u))

    @classmethod
    def eval(cls, u: Any) -> Any:
        """Take the composite with softplus, the gate of Mish, as one function."""
        return TanhSoftplus(u.args[0]) if isinstance(u, Softplus) else None


class Sech2(Primitive):
    """1/cosh(u)^2."""

    nargs = 1
    spelling = "sech2"
    latex_form = r"\operatorname{{sech}}^{{2}}\left({0}\right)"
    mathml_form = "<msup><mi>sech</mi><mn>2</mn></msup><mo>(</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (-2 * Tanh(u) * Sech2(u),))
    exact = staticmethod(lambda u: mpmath.sech(u) ** 2)


class TanhSoftplus(Primitive):
    """tanh(softplus(u)): in exp(u) it is a rational function, with one exponential and no logarithm."""

    nargs = 1
    spelling = "tanh_softplus"
    latex_form = r"\tanh\left(\operatorname{{softplus}}\left({0}\right)\right)"
    mathml_form = "<mi>tanh</mi><mo>(</mo><mi>softplus</mi><mo>(</mo>{0}<mo>)</mo><mo>)</mo>"
    slopes = staticmethod(lambda u: (TanhSoftplusSlope(u),))
    exact = staticmethod(lambda u: mpmath.tanh(mpmath.log1p(mpmath.exp(u))))

    def _sympystr(self, printer: Any) -> str:
        return f"tanh(softplus({printer._print(self.args[0])}))"


class TanhSoftplusSlope(Primitive):
    """sech2(softplus(u)) sigmoid(u), the derivative of ``tanh_softplus``, rational in exp(u) too."""

    nargs = 1
    spelling = "tanh_softplus_slope"
    latex_form = (
        r"\operatorname{{sech}}^{{2}}\left(\operatorname{{softplus}}\left({0}\right)\right)"
        r" \sigma\left({0}\right)"
    )
    slopes = staticmethod(
        lambda u: (TanhSoftplusSlope(u) * (Sigmoid(-u) - 2 * TanhSoftplus(u) * Sigmoid(u)),)
    )
    exact = staticmethod(lambda u: mpmath.sech(mpmath.log1p(mpmath.exp(u))) ** 2 / (1 + mpmath.exp(-u)))

    def _sympystr(self, printer: Any) -> str:
        u = printer._print(self.args[0])
        return f"(sech2(softplus({u}))*sigmoid({u}))"


class IsruGate(Primitive):
    """(1 + u/sqrt(1 + u^2))/2, the gate of Swim.

    For u < 0 the sum cancels; the equal form 1/(2 r (r - u)) with r = sqrt(1 + u^2) does not.
    """

    nargs = 1
    spelling = "isru_gate"
    latex_form = r"\frac{{1}}{{2}}\left(1 + \frac{{{0}}}{{\sqrt{{1 + \left({0}\right)^{{2}}}}}}\right)"
    mathml_form = (
        "<mfrac><mn>1</mn><mn>2</mn></mfrac><mo>(</mo><mn>1</mn><mo>+</mo><mfrac>{0}<msqrt><mn>1</mn>"
        "<mo>+</mo><msup><mrow><mo>(</mo>{0}<mo>)</mo></mrow><mn>2</mn></msup></msqrt></mfrac><mo>)</mo>"
    )

    slopes = staticmethod(lambda u: (IsruSlope(u),))
    exact = staticmethod(lambda u: _isru_gate(u, mpmath.sqrt(1 + u * u)))


def _isru_gate(u: Any, r: Any) -> Any:
    return 1 / (2 * r * (r - u)) if u < 0 else (1 + u / r) / 2


class IsruSlope(Primitive):
    """(1 + u^2)^(-3/2)/2, the derivative of ``isru_gate``, which has the same root."""

    nargs = 1
    spelling = "isru_slope"
    latex_form = r"\frac{{1}}{{2}}\left(1 + \left({0}\right)^{{2}}\right)^{{-3/2}}"
    slopes = staticmethod(lambda u: (-3 * u / (1 + u**2) * IsruSlope(u),))
    exact = staticmethod(lambda u: (1 + u * u) ** mpmath.mpf(-1.5) / 2)


class AtanGate(Primitive):
    """1/2 + atan(u)/pi, the gate of ATLU; as an angle it needs no branch: atan2(1, -u)/pi."""

    nargs = 1
    spelling = "atan_gate"
    latex_form = r"\left(\frac{{1}}{{2}} + \frac{{1}}{{\pi}}\arctan\left({0}\right)\right)"
    mathml_form = (
        "<mo>(</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><mo>+</mo><mfrac><mn>1</mn><mi>π</mi></mfrac>"
        "<mi>arctan</mi><mo>(</mo>{0}<mo>)</mo><mo>)</mo>"
    )
    slopes = staticmethod(lambda u: (1 / (sympy.pi * (1 + u**2)),))
    exact = staticmethod(lambda u: mpmath.atan2(1, -u) / mpmath.pi)


class Relu(Primitive):
    """max(0, u), with slope 0 at 0."""

    nargs = 1
    spelling = "relu"
    latex_form = r"\max\left(0, {0}\right)"
    mathml_form = "<mi>max</mi><mo>(</mo><mn>0</mn><mo>,</mo>{0}<mo>)</mo>"
    slopes = staticmethod(lambda u: (Step(u),))
    exact = staticmethod(lambda u: max(u, mpmath.mpf(0)))


class Step(Primitive):
    """1 for u > 0, else 0; constant on both sides, so its derivative is 0."""

    nargs = 1
    spelling = "step"
    latex_form = r"\mathbf{{1}}\left[{0} > 0\right]"
    mathml_form = "<mn>𝟏</mn><mo>[</mo>{0}<mo>&gt;</mo><mn>0</mn><mo>]</mo>"
    slopes = staticmethod(lambda u: (sympy.S.Zero,))
    exact = staticmethod(lambda u: mpmath.mpf(1 if u > 0 else 0))


class Absolute(Primitive):
    """|u|, with slope 0 at 0, as in torch."""

    nargs = 1
    spelling = "abs"
    latex_form = r"\left|{0}\right|"
    mathml_form = "<mo>|</mo>{0}<mo>|</mo>"
    slopes = staticmethod(lambda u: (Sign(u),))
    exact = staticmethod(lambda u: abs(u))


class Sign(Primitive):
    """-1, 0 or 1; its derivative is 0."""

    nargs = 1
    spelling = "sign"
    latex_form = r"\operatorname{{sign}}\left({0}\right)"
    slopes = staticmethod(lambda u: (sympy.S.Zero,))
    exact = staticmethod(lambda u: mpmath.sign(u))


class Clip(Primitive):
    """u clipped to two bounds, with slope 0 at both, like torch's hardtanh."""

    nargs = 3
    spelling = "clip"
    latex_form = r"\operatorname{{clip}}\left({0}, {1}, {2}\right)"

    slopes = staticmethod(
        lambda u, low, high: (
            Where(u > low, Where(u < high, 1, 0), 0),
            Where(u > low, 0, 1),
            Where(u > low, Where(u < high, 0, 1), 0),
        )
    )
    exact = staticmethod(lambda u, low, high: min(max(u, low), high))


class Affine(Primitive):
    """scale*u + shift, kept as one piece: the argument of a wrapped activation.

    SymPy would multiply a sum out. Then the condition and the values of a branch would no longer contain the
    same argument, and the branch could not be guarded. Generated code contains the sum.
    """

    nargs = 3
    spelling = "affine"
    latex_form = r"\left({1} {0} + {2}\right)"
    mathml_form = "<mo>(</mo>{1}<mo>\u2062</mo>{0}<mo>+</mo>{2}<mo>)</mo>"

    slopes = staticmethod(lambda u, scale, shift: (scale, u, sympy.S.One))
    exact = staticmethod(lambda u, scale, shift: scale * u + shift)

    @classmethod
    def eval(cls, u: Any, scale: Any, shift: Any) -> Any:
        """Return ``u`` itself if nothing is scaled or shifted."""
        return u if scale == 1 and shift == 0 else None

    def expanded(self) -> Any:
        """Return the sum."""
        u, scale, shift = self.args
        return scale * u + shift


class Where(Primitive):
    """``where(condition, a, b)``: ``a`` where the condition holds, else ``b`` (also where ``x`` is NaN).

    The condition is one comparison. Each branch is differentiated alone, so the derivative never
    multiplies an infinity of the other branch by zero.
    """

    nargs = 3
    spelling = "where"
    is_commutative = True  # SymPy would conclude otherwise from the condition, and then not cancel u/u
    latex_form = r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}"
    mathml_form = (
        "<mo>{{</mo><mtable><mtr><mtd>{1}</mtd><mtd><mtext>if&#160;</mtext>{0}</mtd></mtr>"
        "<mtr><mtd>{2}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable>"
    )

    @classmethod
    def eval(cls, condition: Any, a: Any, b: Any) -> Any:
        """Return one branch if the condition is decided or both branches are equal."""
        if condition is sympy.true or a == b:
            return a
        if condition is sympy.false:
            return b
        return None

    def _eval_derivative(self, symbol: Any) -> Any:
        condition, a, b = self.args
        return Where(condition, a.diff(symbol), b.diff(symbol))

    def _eval_evalf(self, prec: int) -> Any:
        return None  # An undecided condition has no value; a decided one never gets here.


class Chebyshev(Primitive):
    """chebyshev(u, c0, c1, ...): the sum of c_k T_k(u), a polynomial in Chebyshev's basis.

    In powers of u a high degree has huge coefficients that cancel. Generated code contains Clenshaw's
    recurrence, one line for each coefficient (``source``), so no target needs a function of this name.
    """

    spelling = "chebyshev"
    slopes = staticmethod(lambda u, *coefficients: _chebyshev_slopes(u, coefficients))
    exact = staticmethod(lambda u, *coefficients: _chebyshev_sum(u, coefficients))

    @classmethod
    def eval(cls, u: Any, *coefficients: Any) -> Any:
        """Return a line or a constant as such, and leave out zeros at the end."""
        used = len(coefficients)
        while used > 1 and coefficients[used - 1] == 0:
            used -= 1
        if used == 1:
            return coefficients[0]
        if used == 2:
            return coefficients[0] + coefficients[1] * u
        return None if used == len(coefficients) else cls(u, *coefficients[:used])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        u, *coefficients = map(printer._print, self.args)
        terms = "+".join(f"{c} T_{{{k}}}" for k, c in enumerate(coefficients))
        text = rf"\left({terms}\right)\left({u}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


def _chebyshev_slopes(u: Any, coefficients: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the derivatives by u and by each coefficient; the first is a series again."""
    slope: list[Any] = [sympy.S.Zero] * (len(coefficients) + 1)
    for k in range(len(coefficients) - 1, 0, -1):
        slope[k - 1] = slope[k + 1] + 2 * k * coefficients[k]
    slope[0] = slope[0] / 2
    units = ((*(sympy.S.Zero,) * k, sympy.S.One) for k in range(len(coefficients)))
    return (Chebyshev(u, *slope[: max(1, len(coefficients) - 1)]), *(Chebyshev(u, *unit) for unit in units))


def _chebyshev_sum(u: Any, coefficients: tuple[Any, ...]) -> Any:
    """Return the value by Clenshaw's recurrence."""
    later, latest = mpmath.mpf(0), mpmath.mpf(0)
    for c in reversed(coefficients[1:]):
        later, latest = latest, c + 2 * u * latest - later
    return coefficients[0] + u * latest - later


PRIMITIVES: tuple[type[Primitive], ...] = (
    Sigmoid,
    Softplus,
    Expm1,
    Log1p,
    Ndtr,
    NormalPdf,
    Erf,
    Tanh,
    Sech2,
    IsruGate,
    IsruSlope,
    AtanGate,
    Relu,
    Step,
    Absolute,
    Sign,
    Clip,
    Affine,
    Where,
)
"""The functions of the expression language with a fixed number of arguments; ``TanhSoftplus`` and its slope
are spelled out there."""

"""exp and tanh for exported C, without a call.

A compiler does not vectorise a loop that calls libm. So the policy has these functions of its own, whose
errors are below 1.5 units in the last place (coefficients: Cephes, Moshier 1992).
"""

from __future__ import annotations

import re

_EXP = """\
/* exp(u) = 2^n exp(r) with |r| <= log(2)/2; results below 2.7e-38 become 0. */
static inline float act_exp(float u)
{
    const float shifted = u * 1.44269504f + 12582912.0f; /* its last bits hold n */
    const float n = shifted - 12582912.0f;
    const float r = (u - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f, half;
    uint32_t bits;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 126u) << 23; /* 2^(n - 1) */
    memcpy(&half, &bits, sizeof half);
    p = 2.0f * p * half;
    p = u > 88.7228390f ? INFINITY : p;
    return u < -86.5f ? 0.0f : p;
}
"""

_TANH = """\
static inline float act_tanh(float u)
{
    const float size = fabsf(u), z = u * u;
    const float large = copysignf(1.0f - 2.0f / (act_exp(2.0f * size) + 1.0f), u);
    float small = -5.70498872745e-3f;
    small = small * z + 2.06390887954e-2f;
    small = small * z - 5.37397155531e-2f;
    small = small * z + 1.33314422036e-1f;
    small = small * z - 3.33332819422e-1f;
    small = small * z * u + u;
    return size < 0.625f ? small : large;
}
"""

C_MATH = f"{_EXP}\n{_TANH}"
"""The definitions; they need math.h, stdint.h and string.h."""


def without_calls(code: str) -> str:
    """Return C code that calls these functions where it called ``expf`` and ``tanhf``."""
    return re.sub(r"\b(exp|tanh)f\(", r"act_\1(", code)

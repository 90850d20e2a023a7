"""exp and tanh for exported C, without a call.

A compiler does not vectorise a loop that calls libm. So the policy has these functions of its own, whose
errors are below 1.5 units in the last place (coefficients: Cephes, Moshier 1992).
"""

from __future__ import annotations

import re

_EXP = """\
/* exp(u) = 2^n exp(r) with |r| <= log(2)/2; results below 1e-38 become 0, above 2.3e38 infinite. */
static inline float act_exp(float u)
{
    const float least = u < -88.0f ? -88.0f : u; /* where 2^n becomes 0; NaN passes */
    const float v = least > 89.0f ? 89.0f : least; /* where 2^n becomes infinite */
    const float shifted = v * 1.44269504f + 12582912.0f; /* its last bits hold n */
    const float n = shifted - 12582912.0f;
    const float r = (v - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f, power;
    uint32_t bits;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23; /* 2^n */
    memcpy(&power, &bits, sizeof power);
    return p * power;
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

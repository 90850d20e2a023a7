"""encrypted.json: all that was measured of encrypted episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swimrl.encrypting.plan import SECURITY_BITS
from swimrl.fields import to_mapping

if TYPE_CHECKING:
    from swimrl.encrypting.api import Encrypted

SECURITY = (
    "The server is assumed to keep to the protocol. It knows the weights, but no observation or action.",
    (
        "CKKS protects against a server that sees ciphertexts only. One that also sees decrypted numbers can "
        "recover the secret key (Li and Micciancio, eprint 2020/1533), and a server may watch the robot. So "
        "the client rounds actions, and raw decryptions never leave it. Rounding lowers the risk; it is no "
        "proof."
    ),
)
"""What encryption protects, and what it does not."""


def as_json(result: Encrypted) -> dict[str, Any]:
    """Return what was measured as a JSON-serialisable mapping."""
    plan, policy = result.policy.plan, result.policy
    return {
        "schema_version": 1,
        "run": str(result.run.path),
        "environment": result.run.env_id,
        "activations": [spec.canonical for spec in result.actor.activations],
        "widths": [len(layer.bias) for layer in policy.network.layers],
        "settings": to_mapping(result.settings),
        "parameters": {
            "log_ring": plan.log_ring,
            "prime_bits": list(plan.bits),
            "modulus_bits": plan.modulus_bits,
            "scale_bits": plan.scale_bits,
            "levels": plan.levels,
            "security_bits": SECURITY_BITS,
            "is_masked": policy.network.is_masked,
            "bounds": [*(gate.bound for gate in policy.gates), policy.output_bound],
        },
        "keys": {
            "seconds": result.key_s,
            "bytes": result.key_bytes,
            "rotations": len(policy.packing.rotations),
        },
        "bytes_up": result.up_bytes,
        "bytes_down": result.down_bytes,
        "control_interval_s": result.control_s,
        "action_s": {name: spread(values) for name, values in vars(result.times).items()},
        "error_bits": result.error_bits,
        "equal_actions": result.equal,
        "outside": result.outside,
        "returns": result.played.returns.tolist(),
        "plain_returns": result.plain.returns.tolist(),
        "lengths": result.played.lengths.tolist(),
        "plain_lengths": result.plain.lengths.tolist(),
        "security": list(SECURITY),
    }


def spread(seconds: list[float]) -> dict[str, float]:
    """Return median, 99 % quantile and largest of some seconds."""
    median, high, largest = np.quantile(seconds, [0.5, 0.99, 1.0]).tolist()
    return {"median": median, "99%": high, "largest": largest}


def verdict(result: Encrypted) -> str:
    """Return whether the policy keeps the task's control interval, in one sentence."""
    times = spread(result.times.whole_s)
    ms, high = times["median"] * 1e3, times["99%"] * 1e3
    taken = f"An encrypted action takes {ms:.0f} ms (median; 99 % within {high:.0f} ms)"
    if result.control_s is None:
        return f"{taken}; the environment names no control interval."
    interval = f"the control interval of {result.control_s * 1e3:.0f} ms ({1 / result.control_s:.0f} Hz)"
    if times["99%"] <= result.control_s:
        return f"{taken} and keeps {interval}."
    if times["median"] <= result.control_s:
        return f"{taken}: most actions keep {interval}, not all."
    return f"{taken} and does not keep {interval}."

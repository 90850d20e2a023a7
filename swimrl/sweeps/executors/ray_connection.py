"""Checks quickly whether a Ray cluster answers. Light: it answers before anything large is imported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from swimrl.errors import InputError

CONNECT_S = 7.0
"""If a cluster does not answer within this many seconds, it counts as missing."""

_CONNECT = """\
import sys, ray
print("imported", flush=True)
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def check_cluster(address: str | None) -> str:
    """Return the address of a Ray cluster that answers, or raise an error within ten seconds.

    Args:
        address: ``host:port`` of its head. When not given, the value of ``RAY_ADDRESS``, or the cluster to
            which this machine belongs.

    Raises:
        InputError: If Ray is not installed or no cluster answers; the message says how to start one.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--executor ray needs Ray; install it with: pip install 'swimrl[ray]'")
    address = address or "auto"
    if "://" in address:
        raise InputError(
            f"--ray-address {address} is a Ray Client's; run the sweep on a machine of the cluster, whose "
            "address is host:port"
        )
    reason = _why_not_reached(address)
    if reason:
        raise InputError(
            f"no Ray cluster at {address} ({reason}); start one with `ray start --head`, or join this "
            "machine to one with `ray start --address HOST:PORT`, or name another --ray-address"
        )
    return address


def _why_not_reached(address: str) -> str:
    # Ray itself tries for more than a minute, which no option changes. So another process tries first.
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _CONNECT, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as trying:
        assert trying.stdout
        trying.stdout.readline()  # Ray is imported; on a busy machine that alone takes long
        try:
            _, errors = trying.communicate(timeout=CONNECT_S)
        except subprocess.TimeoutExpired:
            trying.kill()
            return f"no answer within {CONNECT_S:.0f} s"
    return _last_line(errors) if trying.returncode else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") if lines else "it gave no reason"

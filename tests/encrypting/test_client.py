"""Client and server are two processes, and the server never has the secret key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from swimrl.encrypting.client import Client, rounded, server_process
from swimrl.errors import SwimrlError

pytest.importorskip("seal", reason="an optional library; pip install 'swimrl[encrypted]'")


def parts_of_memory(pid: int | str) -> Iterator[bytes]:
    """Yield what a process has in its memory, as Linux shows it."""
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, permissions, *_ = line.split()
            low, high = (int(end, 16) for end in addresses.split("-"))
            if permissions.startswith("rw"):
                memory.seek(low)
                try:
                    yield memory.read(high - low)
                except OSError:
                    continue  # such as a device's memory


def holds(pid: int | str, content: bytes) -> bool:
    return any(content in part for part in parts_of_memory(pid))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux shows the memory of a process")
def test_the_secret_key_is_in_the_client_alone(small):
    with server_process(small.network) as (process, connection):
        client = Client(small.plan(), small.packing(), 1.0, 9, connection)
        action = client.act(small.x[0])
        np.testing.assert_array_equal(action, rounded(np.tanh(small.y[0]), 9))
        key = client._secret.to_string()
        middle = key[len(key) // 2 :][:64]
        assert len(set(middle)) > 16  # no zeros, which every process has
        assert holds("self", middle)
        assert not holds(process.pid, middle)
        bias = small.network.layers[0].bias.tobytes()
        assert holds(process.pid, bias[:64])  # the search finds what the server does have
        client._connection.send_bytes(b"no ciphertext")
        with pytest.raises(SwimrlError, match="has ended; start the command again"):
            client.act(small.x[0])
    assert process.returncode is not None


def test_actions_are_rounded_and_errors_are_told_as_a_power_of_two(small):
    with server_process(small.network) as (_, connection):
        client = Client(small.plan(), small.packing(), 2.0, 4, connection)
        assert client.error_bits is None
        action = client.act(small.x[1], expected=lambda x: 2.0 * small.network(x)[0])
    np.testing.assert_array_equal(action * 16, np.round(action * 16))
    np.testing.assert_allclose(action, np.tanh(2.0 * small.y[1]), atol=2.0**-5 + 1e-6)
    assert client.error_bits is not None
    assert client.error_bits >= 20
    assert client.up_bytes > client.down_bytes > 10_000
    assert len(client.times.whole_s) == 1


def test_a_server_that_cannot_start_says_why(small, monkeypatch):
    monkeypatch.setattr(type(small.network), "to_bytes", lambda self: b"damaged")
    with pytest.raises(SwimrlError, match="cannot start: "), server_process(small.network):
        pass

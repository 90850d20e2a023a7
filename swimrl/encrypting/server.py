"""The process that computes on encrypted observations. It never has the secret key.

It reads a password and its network from standard input, prints the port on which it listens on this
machine, and answers one client. Messages are bytes, and nothing is unpickled:

1. the scale as a double, then SEAL's public parameters; the key of products; the keys of rotations
2. for each action: the encrypted vectors; the answer is the processor time in seconds as a double, then the
   encrypted vector with the outputs
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from multiprocessing.connection import Connection, Listener

from swimrl.encrypting.ciphertexts import Ciphertexts, context_of
from swimrl.encrypting.network import Network
from swimrl.encrypting.packing import Packing

PASSWORD_BYTES = 32
HEAD = struct.Struct("<d")


def send_at_once(connection: Connection) -> None:
    """Let a connection send the end of a message at once; else TCP may keep it for tens of milliseconds."""
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def serve(connection: Connection, network: Network) -> None:
    """Answer one client until it closes the connection."""
    first = connection.recv_bytes()
    (scale,) = HEAD.unpack_from(first)
    context = context_of(first[HEAD.size :])
    relinearisation = context.from_relin_str(connection.recv_bytes())
    arithmetic = Ciphertexts(context, relinearisation, context.from_galois_str(connection.recv_bytes()))
    packing = Packing(network, arithmetic.slots)
    while True:
        try:
            received = [connection.recv_bytes() for _ in range(packing.vectors)]
        except EOFError:
            return
        started = time.process_time()
        vectors = [context.from_cipher_str(content) for content in received]
        output = packing.output(arithmetic, vectors, scale).to_string()
        connection.send_bytes(HEAD.pack(time.process_time() - started) + output)


def main() -> None:
    """Serve one client on a port of this machine."""
    password = sys.stdin.buffer.read(PASSWORD_BYTES)
    network = Network.from_bytes(sys.stdin.buffer.read())
    with Listener(("127.0.0.1", 0), authkey=password) as listener:
        print(listener.address[1], flush=True)  # noqa: T201 - the parent process reads it
        with listener.accept() as connection:
            send_at_once(connection)
            serve(connection, network)


if __name__ == "__main__":
    main()

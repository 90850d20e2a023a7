"""The side that has the secret key: it encrypts observations, decrypts outputs, and rounds the actions."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection as loopback
from multiprocessing.connection import Connection

import numpy as np

from swimrl.encrypting.arithmetic import Array
from swimrl.encrypting.ciphertexts import context_of, library, parameters_of, signed_steps
from swimrl.encrypting.network import Network
from swimrl.encrypting.packing import Packing
from swimrl.encrypting.plan import Plan
from swimrl.encrypting.server import HEAD, PASSWORD_BYTES, send_at_once
from swimrl.errors import SwimrlError


@dataclass
class Times:
    """Seconds of each action.

    Args:
        whole_s: From the observation to the action.
        encrypt_s: Of them, until the vectors are sent.
        server_s: Processor time of the server.
        decrypt_s: From the answer to the action.
    """

    whole_s: list[float] = field(default_factory=list)
    encrypt_s: list[float] = field(default_factory=list)
    server_s: list[float] = field(default_factory=list)
    decrypt_s: list[float] = field(default_factory=list)


class Client:
    """Makes the keys, and acts through a server.

    Raw decryptions never leave this class: together with what the server sees they could betray the key.

    Args:
        plan: The parameters.
        packing: Where the numbers of the network have their places.
        output_bound: By which the network's outputs were divided.
        round_bits: Actions are rounded to multiples of 2^-round_bits.
        connection: To the server, which gets the public keys now.

    Attributes:
        times: Seconds of each action.
        key_s: Seconds that the keys took.
        key_bytes: Bytes of the keys that were sent.
        up_bytes: Bytes of an observation.
        down_bytes: Bytes of an answer.
    """

    def __init__(
        self, plan: Plan, packing: Packing, output_bound: float, round_bits: int, connection: Connection
    ) -> None:
        seal, started = library(), time.perf_counter()
        self._plan, self._packing, self._connection = plan, packing, connection
        self._output_bound, self._round_bits, self._largest_error = output_bound, round_bits, 0.0
        parameters = parameters_of(plan)
        self._context = context_of(parameters)
        generator = seal.KeyGenerator(self._context)
        self._secret = generator.secret_key()
        rotation = seal.GaloisKeys()
        generator.create_galois_keys(signed_steps(packing.rotations, plan.slots), rotation)
        keys = [generator.create_relin_keys().to_string(), rotation.to_string()]
        self.key_s = time.perf_counter() - started
        self.key_bytes, self.up_bytes, self.down_bytes, self.times = sum(map(len, keys)), 0, 0, Times()
        self._encoder = seal.CKKSEncoder(self._context)
        self._encryptor = seal.Encryptor(self._context, self._secret)
        self._decryptor = seal.Decryptor(self._context, self._secret)
        for message in (HEAD.pack(plan.scale) + parameters, *keys):
            connection.send_bytes(message)

    def act(self, x: Array, expected: Callable[[Array], Array] | None = None) -> Array:
        """Return the rounded action in [-1, 1], [A].

        Args:
            x: The normalised observation, [O].
            expected: Returns the outputs before tanh, [A], without encryption; their difference is counted in
                `error_bits`. A client in use has none.

        Raises:
            SwimrlError: If the server has ended.
        """
        started = time.perf_counter()
        vectors = [self._encrypted(values) for values in self._packing.packed(x)]
        sent = time.perf_counter()
        try:
            for vector in vectors:
                self._connection.send_bytes(vector)
            answer = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise SwimrlError(
                "the server of the encrypted policy has ended; start the command again"
            ) from error
        received = time.perf_counter()
        outputs = self._output_bound * self._packing.unpacked(self._decrypted(answer[HEAD.size :]))
        action = rounded(np.tanh(outputs), self._round_bits)
        ended = time.perf_counter()
        self.up_bytes, self.down_bytes = sum(map(len, vectors)), len(answer) - HEAD.size
        self.times.whole_s.append(ended - started)
        self.times.encrypt_s.append(sent - started)
        self.times.server_s.append(HEAD.unpack_from(answer)[0])
        self.times.decrypt_s.append(ended - received)
        if expected is not None:
            errors = np.abs(np.tanh(outputs) - np.tanh(expected(x)))
            self._largest_error = max(self._largest_error, float(errors.max()))
        return action

    @property
    def error_bits(self) -> int | None:
        """b, where 2^-b is above every error of an action before rounding; None if none was measured.

        It is a whole number on purpose: it says little about a single decryption.
        """
        return None if self._largest_error == 0 else int(np.floor(-np.log2(self._largest_error)))

    def _encrypted(self, values: Array) -> bytes:
        plain = self._encoder.encode(values, self._plan.scale)
        content: bytes = self._encryptor.encrypt_symmetric(plain).to_string()
        return content

    def _decrypted(self, content: bytes) -> Array:
        slots: Array = self._encoder.decode(self._decryptor.decrypt(self._context.from_cipher_str(content)))
        return slots


def rounded(actions: Array, bits: int) -> Array:
    """Return actions as multiples of 2^-bits."""
    steps: Array = np.round(actions * 2.0**bits) / 2.0**bits
    return steps


@contextlib.contextmanager
def server_process(network: Network) -> Iterator[tuple[subprocess.Popen[bytes], Connection]]:
    """Start a server on this machine; yield its process and a connection to it.

    Raises:
        SwimrlError: If it cannot start.
    """
    password = os.urandom(PASSWORD_BYTES)
    command = [sys.executable, "-m", "swimrl.encrypting.server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:  # noqa: S603 - our own module
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            with contextlib.suppress(BrokenPipeError):  # then it has ended, and its last line says why
                process.stdin.write(password + network.to_bytes())
                process.stdin.close()
            port = process.stdout.readline()
            if not port.strip():
                lines = process.stderr.read().decode(errors="replace").strip().splitlines() or ["no message"]
                raise SwimrlError(f"the server of the encrypted policy cannot start: {lines[-1]}")
            with loopback.Client(("127.0.0.1", int(port)), authkey=password) as connection:
                send_at_once(connection)
                yield process, connection
        finally:
            process.terminate()

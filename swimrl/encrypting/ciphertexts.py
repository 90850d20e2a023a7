"""The arithmetic on encrypted vectors, by Microsoft SEAL (`seal-python`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from swimrl.encrypting.arithmetic import Array
from swimrl.encrypting.plan import Plan
from swimrl.errors import InputError

if TYPE_CHECKING:
    import seal


def library() -> Any:
    """Return SEAL.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import seal
    except ImportError as error:
        raise InputError("encryption needs SEAL; install it with: pip install 'swimrl[encrypted]'") from error
    return seal


def parameters_of(plan: Plan) -> bytes:
    """Return the parameters as SEAL writes them; they are public."""
    seal = library()
    parameters = seal.EncryptionParameters(seal.scheme_type.ckks)
    parameters.set_poly_modulus_degree(1 << plan.log_ring)
    parameters.set_coeff_modulus(seal.CoeffModulus.Create(1 << plan.log_ring, list(plan.bits)))
    content: bytes = parameters.to_bytes()
    return content


def context_of(parameters: bytes) -> seal.SEALContext:
    """Return what SEAL computes with these parameters.

    Raises:
        InputError: If SEAL refuses them, such as for less than 128 bits of security.
    """
    seal = library()
    read = seal.EncryptionParameters(seal.scheme_type.ckks)
    read.load_bytes(parameters)
    context: Any = seal.SEALContext(read, True, seal.sec_level_type.tc128)
    if not context.parameters_set():
        raise InputError(
            f"SEAL refuses the parameters: {context.parameter_error_message()}; choose a larger ring"
        )
    return context


class Ciphertexts:
    """The arithmetic on encrypted vectors; it needs no secret key.

    Args:
        context: From `context_of`.
        relinearisation: The key that makes a product as short as its factors.
        rotation: The keys of the rotations.
    """

    def __init__(
        self, context: seal.SEALContext, relinearisation: seal.RelinKeys, rotation: seal.GaloisKeys
    ) -> None:
        library_ = library()
        self._context, self._relinearisation, self._rotation = context, relinearisation, rotation
        self._evaluator, self._encoder = library_.Evaluator(context), library_.CKKSEncoder(context)
        self.slots: int = self._encoder.slot_count()
        self._ids: list[Any] = []
        primes: list[float] = []
        data = context.first_context_data()
        while data is not None:
            self._ids.insert(0, data.parms_id())
            primes.insert(0, float(data.parms().coeff_modulus()[-1].value()))
            data = data.next_context_data()
        self.primes: Sequence[float] = primes
        self._levels = {tuple(one): level for level, one in enumerate(self._ids)}
        self._encoded: dict[tuple[Any, int, float], tuple[Array | float, seal.Plaintext]] = {}

    def level(self, x: seal.Ciphertext) -> int:
        """Return how many times ``x`` can be rescaled."""
        return self._levels[tuple(x.parms_id())]

    def scale(self, x: seal.Ciphertext) -> float:
        """Return the scale."""
        scale: float = x.scale()
        return scale

    def add(self, x: seal.Ciphertext, y: seal.Ciphertext) -> seal.Ciphertext:
        """Return x + y."""
        return self._evaluator.add(x, y)

    def subtract(self, x: seal.Ciphertext, y: seal.Ciphertext) -> seal.Ciphertext:
        """Return x - y."""
        return self._evaluator.sub(x, y)

    def add_plain(self, x: seal.Ciphertext, values: Array | float) -> seal.Ciphertext:
        """Return x + values."""
        return self._evaluator.add_plain(x, self._plain(values, self.level(x), x.scale()))

    def multiply(self, x: seal.Ciphertext, y: seal.Ciphertext) -> seal.Ciphertext:
        """Return x y."""
        product = self._evaluator.square(x) if x is y else self._evaluator.multiply(x, y)
        self._evaluator.relinearize_inplace(product, self._relinearisation)
        return product

    def multiply_plain(self, x: seal.Ciphertext, values: Array | float, scale: float) -> seal.Ciphertext:
        """Return x values."""
        factor, level = scale / x.scale(), self.level(x)
        plain = self._plain(values, level, factor)
        if plain.is_zero():
            # SEAL refuses a product with 0, which anybody could read. The smallest number with a code is
            # as near.
            plain = self._plain(1.0 / factor, level, factor)
        product = self._evaluator.multiply_plain(x, plain)
        product.scale(scale)
        return product

    def rotate(self, x: seal.Ciphertext, steps: int) -> seal.Ciphertext:
        """Return y with y[i] = x[i + steps]."""
        return self._evaluator.rotate_vector(x, signed(steps, self.slots), self._rotation)

    def rescale(self, x: seal.Ciphertext, scale: float | None = None) -> seal.Ciphertext:
        """Return x one level lower."""
        exact = x.scale() / self.primes[self.level(x)] if scale is None else scale
        lower = self._evaluator.rescale_to_next(x)
        lower.scale(exact)
        return lower

    def lower(self, x: seal.Ciphertext, level: int) -> seal.Ciphertext:
        """Return x at a lower level."""
        return x if self.level(x) == level else self._evaluator.mod_switch_to(x, self._ids[level])

    def _plain(self, values: Array | float, level: int, scale: float) -> seal.Plaintext:
        """Return encoded numbers; each is encoded once."""
        key = (id(values) if isinstance(values, np.ndarray) else values, level, scale)
        if key not in self._encoded:
            plain = self._encoder.encode(values, scale)
            if level < len(self._ids) - 1:
                self._evaluator.mod_switch_to_inplace(plain, self._ids[level])
            self._encoded[key] = (values, plain)  # holds the array, whose id stays taken
        return self._encoded[key][1]


def signed(steps: int, slots: int) -> int:
    """Return the shortest rotation that ends where ``steps`` does."""
    steps %= slots
    return steps if steps <= slots // 2 else steps - slots


def signed_steps(rotations: Iterable[int], slots: int) -> list[int]:
    """Return the rotations for which SEAL makes keys."""
    return sorted({signed(steps, slots) for steps in rotations})

"""Encryption by SEAL: the same numbers as the simulation, and what only the secret key reads."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.encrypting.ciphertexts import Ciphertexts, context_of, parameters_of, signed_steps
from swimrl.errors import InputError
from tests.encrypting.conftest import Case, case_of

seal = pytest.importorskip("seal", reason="an optional library; pip install 'swimrl[encrypted]'")


class Secret:
    """A secret key, and what a client does with it."""

    def __init__(self, case: Case) -> None:
        self.plan, self.packing = case.plan(), case.packing()
        self.context = context_of(parameters_of(self.plan))
        self.generator = seal.KeyGenerator(self.context)
        self.key = self.generator.secret_key()
        self.encoder = seal.CKKSEncoder(self.context)

    def arithmetic(self) -> Ciphertexts:
        rotation = seal.GaloisKeys()
        steps = signed_steps(self.packing.rotations, self.plan.slots)
        self.generator.create_galois_keys(steps, rotation)
        return Ciphertexts(self.context, self.generator.create_relin_keys(), rotation)

    def encrypted(self, values: np.ndarray) -> seal.Ciphertext:
        plain = self.encoder.encode(values, self.plan.scale)
        return seal.Encryptor(self.context, self.key).encrypt_symmetric(plain)

    def decrypted(self, x: seal.Ciphertext, key: seal.SecretKey | None = None) -> np.ndarray:
        return self.encoder.decode(seal.Decryptor(self.context, key or self.key).decrypt(x))


@pytest.fixture(scope="module")
def secret(small: Case) -> Secret:
    return Secret(small)


def test_encrypted_outputs_are_within_2_to_minus_20(small, secret):
    arithmetic = secret.arithmetic()
    for x, y in zip(small.x[:3], small.y[:3], strict=True):
        vectors = [secret.encrypted(values) for values in secret.packing.packed(x)]
        output = secret.packing.output(arithmetic, vectors, secret.plan.scale)
        errors = np.abs(secret.packing.unpacked(secret.decrypted(output)) - y)
        assert errors.max() < 2.0**-20


@pytest.mark.parametrize(
    ("sizes", "polynomial"), [((5, 8, 2), "even 4"), ((5, 8, 2), "tanh 7"), ((5, 8, 6, 2), "swish 6")]
)
def test_series_on_encrypted_numbers(sizes, polynomial):
    case = case_of(sizes, polynomial)
    secret = Secret(case)
    vectors = [secret.encrypted(values) for values in secret.packing.packed(case.x[0])]
    output = secret.packing.output(secret.arithmetic(), vectors, secret.plan.scale)
    np.testing.assert_allclose(secret.packing.unpacked(secret.decrypted(output)), case.y[0], atol=2.0**-15)


def test_two_encryptions_of_one_observation_differ(small, secret):
    values = secret.packing.packed(small.x[0])[0]
    first, second = secret.encrypted(values), secret.encrypted(values)
    assert first.to_string() != second.to_string()
    np.testing.assert_allclose(secret.decrypted(first), secret.decrypted(second), atol=1e-6)


def test_another_key_decrypts_noise(small, secret):
    values = secret.packing.packed(small.x[0])[0]
    other = seal.KeyGenerator(secret.context).secret_key()
    noise = secret.decrypted(secret.encrypted(values), other)
    assert np.abs(noise).max() > 1e6 * np.abs(values).max()
    assert abs(np.corrcoef(noise, values)[0, 1]) < 0.1


def test_seal_refuses_less_than_128_bits(secret):
    parameters = seal.EncryptionParameters(seal.scheme_type.ckks)
    parameters.set_poly_modulus_degree(8192)
    parameters.set_coeff_modulus(seal.CoeffModulus.Create(8192, [50, 40, 40, 40, 49]))  # 219 bits, of 218
    with pytest.raises(InputError, match="SEAL refuses the parameters"):
        context_of(parameters.to_bytes())


def test_a_product_with_numbers_too_small_for_a_code_is_nearly_0(small, secret):
    arithmetic = secret.arithmetic()
    x = secret.encrypted(secret.packing.packed(small.x[0])[0])
    product = arithmetic.multiply_plain(x, np.zeros(secret.plan.slots), x.scale() * 2.0**30)
    assert np.abs(secret.decrypted(product)).max() < 1e-7

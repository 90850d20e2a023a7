"""From a run to what a client and a server need to act with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.approximating.actor import Actor
from swimrl.encrypting.activation import degree_of
from swimrl.encrypting.arithmetic import Array, Plain, Simulation
from swimrl.encrypting.network import MOST_HIDDEN, Gate, Linear, Network, folded, gate_of, masked
from swimrl.encrypting.packing import Packing, fits
from swimrl.encrypting.plan import Plan, plan_for
from swimrl.errors import InputError

_SIMULATED = 20  # observations with which the slots between the units are looked at


@dataclass(frozen=True)
class EncryptedPolicy:
    """A policy with its parameters of encryption.

    Args:
        packing: The network, and where its numbers have their places.
        plan: The parameters.
        gates: The activations, with the bounds of their inputs.
        output_bound: By which the network's outputs are divided.
    """

    packing: Packing
    plan: Plan
    gates: tuple[Gate, ...]
    output_bound: float

    @property
    def network(self) -> Network:
        """The network on encrypted inputs."""
        return self.packing.network

    def outputs(self, x: Array) -> Array:
        """Return the outputs before tanh, [M, A] or [A], of normalised observations, without encryption."""
        return self.output_bound * self.network(x)[0]

    def is_outside(self, x: Array) -> bool:
        """Return whether an activation's input or an output is outside its bound, for an observation [O]."""
        outputs, inputs = self.network(x)
        return any(bool(np.abs(one).max() > 1) for one in (outputs, *inputs))


def check_encryptable(actor: Actor) -> list[int]:
    """Return the degree of each activation of an actor.

    Raises:
        InputError: If it has more hidden layers than there are places for, or an activation is no polynomial.
    """
    if actor.depth > MOST_HIDDEN:
        raise InputError(
            f"the actor has {actor.depth} hidden layers; encrypted ones are at most {MOST_HIDDEN}; train "
            f"one with "
            "--net-actor 64 or 64x64"
        )
    return [degree_of(spec) for spec in actor.activations]


def encrypted_policy(
    actor: Actor, observations: Array, *, margin: float = 1.5, log_ring: int | None = None
) -> EncryptedPolicy:
    """Return an actor with its parameters of encryption.

    Args:
        actor: A policy with polynomials as activations.
        observations: Some that it meets, [M, O]; they decide the bounds.
        margin: A bound is this multiple of the largest number seen.
        log_ring: log2 N; the smallest ring that is precise enough when not given.

    Raises:
        InputError: If the policy cannot be encrypted; the message says why.
    """
    degrees = check_encryptable(actor)
    seen: list[Array] = []
    actor.act(observations, actor.functions, lambda number, z: seen.append(z))
    x = actor.normalised(observations)
    gates = [
        gate_of(function, degree, z, margin)
        for function, degree, z in zip(actor.functions, degrees, seen, strict=True)
    ]
    layers = [Linear(*_arrays(layer.weight, layer.bias)) for layer in actor.controller.layers]
    last = layers[-1]
    outputs = actor.functions[-1](seen[-1]) @ last.weight.T + last.bias
    bound = margin * max(float(np.abs(outputs).max()), 1e-3)
    network = folded(layers, gates, bound)
    plan = _plan(network, log_ring)
    if _needs_mask(Packing(network, plan.slots), x):
        network = masked(network)
        plan = _plan(network, log_ring)
    return EncryptedPolicy(Packing(network, plan.slots), plan, tuple(gates), bound)


def _plan(network: Network, log_ring: int | None) -> Plan:
    return plan_for(network.levels, lambda slots: fits(network, slots), log_ring)


def _arrays(*arrays: np.ndarray) -> Sequence[Array]:
    return [array.astype(np.float64) for array in arrays]


def _needs_mask(packing: Packing, x: Array) -> bool:
    """Return whether the slots between the units leave [-1, 1], where a series grows; a square may."""
    network = packing.network
    if network.hidden < 2 or len(network.gates[1].coefficients) <= 3:
        return False
    simulation, largest = Simulation(packing.slots, (1.0,) * (network.levels + 1)), [0.0]

    def watch(number: int, z: Plain) -> None:
        if number == 1:
            largest.append(float(np.abs(z.values).max()))

    for row in x[:: max(1, len(x) // _SIMULATED)]:
        packing.output(simulation, [simulation.fresh(one, 1.0) for one in packing.packed(row)], 1.0, watch)
    return max(largest) > 1

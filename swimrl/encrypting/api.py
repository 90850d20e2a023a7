"""Lets a policy act on encrypted observations, and compares. `swimrl encrypt` calls this."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.approximating.actor import Actor, Array, actor_of
from swimrl.encrypting.ciphertexts import library
from swimrl.encrypting.client import Client, Times, rounded, server_process
from swimrl.encrypting.page import write_page
from swimrl.encrypting.policy import EncryptedPolicy, check_encryptable, encrypted_policy
from swimrl.encrypting.record import as_json
from swimrl.envs.seeding import final_seeds
from swimrl.errors import InputError
from swimrl.rollouts import Rollouts, lockstep, play
from swimrl.training import Run

_CALIBRATION = 1_000_000
"""The first calibration episode has this number, so that no episode is measured on its own bounds."""


@dataclass(frozen=True)
class Settings:
    """How a policy acts on encrypted observations.

    Raises:
        InputError: If a value lies outside its range; the message names it.
    """

    episodes: int = 1
    """Episodes, from the first starts of the final evaluation."""

    steps: int | None = None
    """Environment steps after which an episode is cut off; whole episodes when not given."""

    ring: str = "auto"
    """log2 of the ring dimension N: 12, 13, 14 or 15; auto takes the smallest that is precise enough."""

    round_bits: int = 9
    """Actions in [-1, 1] are rounded to multiples of 2^-ROUND_BITS before they leave the client."""

    margin: float = 1.5
    """Numbers between the layers may be this multiple of the largest that was seen."""

    calibration_episodes: int = 5
    """Other episodes, without encryption, that show how large the numbers between the layers are."""

    def __post_init__(self) -> None:
        for name in ("episodes", "steps", "calibration_episodes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name.replace('_', '-')} is {value}; expected at least 1")
        if not 1 <= self.round_bits <= 30:
            raise InputError(f"--round-bits is {self.round_bits}; expected 1 to 30, such as 9")
        if not 1 <= self.margin < np.inf:
            raise InputError(f"--margin is {self.margin}; expected a number from 1 on, such as 1.5")
        if self.ring != "auto" and not self.ring.isdecimal():
            raise InputError(f"--ring is {self.ring!r}; expected auto, or 12, 13, 14 or 15 for log2 N")

    @property
    def log_ring(self) -> int | None:
        """log2 N, if it is given."""
        return None if self.ring == "auto" else int(self.ring)


@dataclass(frozen=True)
class Encrypted:
    """A policy's encrypted episodes.

    Args:
        run: The run.
        actor: Its actor.
        settings: How it acted.
        policy: Parameters and bounds.
        played: The episodes on encrypted observations.
        plain: The same starts without encryption, with actions rounded in the same way.
        times: Seconds of each encrypted action.
        key_s: Seconds that the keys took.
        key_bytes: Bytes of the keys that the client sends once.
        up_bytes: Bytes of an encrypted observation.
        down_bytes: Bytes of an encrypted action.
        error_bits: 2^-error_bits is above every error of an action before it was rounded.
        equal: Share of action components that equal those computed without encryption, from the same
            observation.
        outside: Actions at which a number between the layers was outside its bound.
        control_s: The task's control interval in seconds; None where the environment has none.
        page: The page that was written.
    """

    run: Run
    actor: Actor
    settings: Settings
    policy: EncryptedPolicy
    played: Rollouts
    plain: Rollouts
    times: Times
    key_s: float
    key_bytes: int
    up_bytes: int
    down_bytes: int
    error_bits: int | None
    equal: float
    outside: int
    control_s: float | None
    page: Path

    @property
    def record(self) -> Path:
        """The file with all that was measured."""
        return self.page.with_name("encrypted.json")


def encrypt(
    run: Run,
    settings: Settings | None = None,
    *,
    out: Path | None = None,
    best: bool = False,
    on_step: Callable[[int], None] | None = None,
) -> Encrypted:
    """Let a policy act on encrypted observations; write encrypted.json and a page.

    The client is this process and has the secret key. The server is another process of this machine.

    Args:
        run: A run whose actor has polynomials as activations, and one or two hidden layers.
        settings: How it acts.
        out: The folder for the files; when not given, ``encrypted`` in the directory of the run.
        best: Take the policy of the best evaluation instead of the last.
        on_step: Receives the number of encrypted actions so far.

    Raises:
        InputError: If the policy cannot be encrypted, or SEAL is not installed.
        SwimrlError: If the server ends.
    """
    settings = settings or Settings()
    actor = actor_of(run, best=best)
    check_encryptable(actor)
    library()
    with closing(run.make_environment()) as env:
        observations = _observations(actor, env, settings.calibration_episodes)
        policy = encrypted_policy(actor, observations, margin=settings.margin, log_ring=settings.log_ring)
        acting = _Acting(actor, policy, settings, on_step)
        starts = [final_seeds(number) for number in range(settings.episodes)]
        plain = play(acting.plain, lockstep(env, 1), starts, most_steps=settings.steps)
        with server_process(policy.network) as (_, connection):
            client = Client(policy.plan, policy.packing, policy.output_bound, settings.round_bits, connection)
            # The first action encodes the weights, so it takes longer than all others and is left out.
            client.act(actor.normalised(observations[0]))
            client.times = Times()
            acting.client = client
            played = play(acting.encrypted, lockstep(env, 1), starts, most_steps=settings.steps)
        control_s = getattr(env.unwrapped, "dt", None)
    result = Encrypted(
        run,
        actor,
        settings,
        policy,
        played,
        plain,
        client.times,
        client.key_s,
        client.key_bytes,
        client.up_bytes,
        client.down_bytes,
        client.error_bits,
        acting.equal / acting.components,
        acting.outside,
        None if control_s is None else float(control_s),
        (run.path / "encrypted" if out is None else out) / "index.html",
    )
    write_page(result)
    text = json.dumps(as_json(result), indent=1, allow_nan=False)
    result.record.write_text(f"{text}\n", encoding="utf-8")
    return result


def _observations(actor: Actor, env: Any, episodes: int) -> Array:
    """Return the observations of some episodes, [M, O]."""
    seen: list[Array] = []

    def act(observations: Array, numbers: Any) -> Array:
        seen.append(np.array(observations))
        return actor.act(observations, actor.functions)

    play(act, lockstep(env, episodes), [final_seeds(_CALIBRATION + number) for number in range(episodes)])
    return np.concatenate(seen)


class _Acting:
    """The policy with and without encryption, and what is counted on the way."""

    def __init__(
        self, actor: Actor, policy: EncryptedPolicy, settings: Settings, on_step: Callable[[int], None] | None
    ) -> None:
        self._actor, self._policy, self._settings, self._on_step = actor, policy, settings, on_step
        self.client: Client | None = None
        self.equal, self.components, self.outside, self._steps = 0, 0, 0, 0

    def plain(self, observations: Array, numbers: Any) -> Array:
        """Return the actions without encryption, [M, A]."""
        return self._actor.in_units(self._rounded(self._actor.normalised(observations)))

    def encrypted(self, observations: Array, numbers: Any) -> Array:
        """Return the action of the client, [1, A]."""
        assert self.client is not None
        (x,) = self._actor.normalised(observations)
        action = self.client.act(x, expected=self._policy.outputs)
        self.equal += int((action == self._rounded(x)).sum())
        self.components += action.size
        self.outside += self._policy.is_outside(x)
        self._steps += 1
        if self._on_step is not None:
            self._on_step(self._steps)
        return self._actor.in_units(action[None])

    def _rounded(self, x: Array) -> Array:
        return rounded(np.tanh(self._policy.outputs(x)), self._settings.round_bits)

"""Policies in single files, without a run directory: zip files of Stable-Baselines3, and exported files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swimrl.envs.make import Env, make
from swimrl.errors import DamagedFileError, InputError
from swimrl.training.policy_function import Policy, policy_function


@dataclass(frozen=True)
class FilePolicy:
    """The policy of one file, and the environment it is for."""

    path: Path
    policy: Policy
    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best_policy(self) -> Policy:
        """Not available, because a file holds one policy.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self.path} holds one policy; --best needs the directory of a run")

    def make_environment(self, *, render_mode: str | None = None) -> Env:
        """Return a new environment.

        Raises:
            InputError: If it cannot be made or drawn.
        """
        return make(self.env_id, self.env_kwargs, render_mode=render_mode)


def open_zip(path: Path, env_id: str | None, *, trust: bool) -> FilePolicy:
    """Return the policy of a zip file of Stable-Baselines3.

    Such a file holds pickled objects, and unpickling can run any code that its author put there.

    Raises:
        InputError: If it is not trusted, or no environment is named.
        DamagedFileError: If it cannot be read.
    """
    if not trust:
        raise InputError(
            f"{path} has no run.json beside it, and reading it can run code that its author put there; "
            "if you trust its author, add --trust"
        )
    if env_id is None:
        raise InputError(f"{path} does not say which environment it is for; name it with --env")

    import stable_baselines3

    try:
        agent = stable_baselines3.TD3.load(path, device="cpu")
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror or error}") from error
    # The zip holds anybody's pickled objects, so that reading it may raise anything.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedFileError(
            f"{path} is no TD3 policy of Stable-Baselines3 (damaged or of another kind: {reason}); "
            "restore it from a copy"
        ) from error
    return FilePolicy(path, policy_function(agent.policy), env_id)

"""A trained policy as it is found on disk: with the environment it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swimrl.envs.make import Env
from swimrl.errors import DamagedFileError, InputError
from swimrl.fields import from_mapping
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import RunRecord, read_record
from swimrl.runs.weights import Policy, acting, load_policy
from swimrl.training import build
from swimrl.training.config import TrainConfig


@dataclass(frozen=True)
class StoredPolicy:
    """A policy and how to make the environment it acts in."""

    policy: Policy
    config: TrainConfig
    record: RunRecord | None
    """None for a foreign file."""


def open_run(path: Path, *, best: bool = False) -> StoredPolicy:
    """Return the last policy of the run directory ``path``, or the best one seen.

    Raises:
        DamagedFileError: If run.json or the weights cannot be read.
        InputError: If the run has no such policy yet.
    """
    directory = RunDirectory(path)
    record = read_record(directory.record_file)
    config = from_mapping(TrainConfig, record.config, source=str(directory.record_file))
    build.import_modules(config)
    weights = directory.best_policy_file if best else directory.policy_file
    if not weights.exists():
        raise InputError(
            f"{path} has no {weights.name}: the run is {record.status!r} after {record.steps_done:,} steps; "
            "wait until it is done, or use --best for the best policy so far"
        )
    env = build.build_environment(config)
    policy = load_policy(weights, env, build.policy_kwargs(config))
    env.close()
    return StoredPolicy(policy, config, record)


def open_zip(path: Path, env_id: str | None, *, trust: bool) -> StoredPolicy:
    """Return the policy of a Stable-Baselines3 zip file.

    Such a file holds pickled objects, and unpickling can run any code that its author put there. Where
    run.json lies beside it, the weights beside it are read instead.

    Raises:
        InputError: If it has no run.json beside it and is not trusted, or no environment is named.
        DamagedFileError: If it cannot be read.
    """
    if (path.parent / "run.json").exists():
        return open_run(path.parent)
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
    return StoredPolicy(acting(agent.policy), TrainConfig(env=env_id), None)


def environment_for(stored: StoredPolicy, *, render_mode: str | None = None) -> Env:
    """Return a new environment for the policy.

    Raises:
        InputError: If it cannot be made or drawn.
    """
    return build.build_environment(stored.config, render_mode=render_mode)

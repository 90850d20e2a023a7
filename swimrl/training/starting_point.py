"""The networks of another run as the start of a run, to go on with other activations or settings."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from swimrl.errors import InputError
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import read_record
from swimrl.runs.weights import read_weights
from swimrl.td3.agent import TD3
from swimrl.training.config import TrainConfig


def starting_run(config: TrainConfig) -> RunDirectory | None:
    """Return the run whose networks are the start, if any; {env} and {seed} stand for the run's own."""
    if config.start_from is None:
        return None
    path = config.start_from.replace("{env}", config.env).replace("{seed}", str(config.seed))
    return RunDirectory(Path(path).expanduser())


def load_start(agent: TD3, config: TrainConfig) -> None:
    """Give an agent the last weights of the run that it starts from.

    Activations keep their own parameters. Optimisers and replay buffer are new.

    Args:
        agent: A new agent.
        config: Its settings.

    Raises:
        InputError: If that run has no policy, another environment, other networks, or normalised
            observations.
        DamagedFileError: If it cannot be read.
    """
    directory = starting_run(config)
    if directory is None:
        return
    record = read_record(directory.record_file)
    if record.config["env"] != config.env:
        raise InputError(
            f"--start-from {directory.path} is a run of {record.config['env']}; expected one of {config.env}"
        )
    if not directory.policy_file.exists():
        raise InputError(f"--start-from {directory.path} has no policy yet; wait until that run is done")
    tensors, normalisation = read_weights(directory.policy_file)
    if normalisation is not None:
        raise InputError(
            f"--start-from {directory.path} normalised its observations, and a policy has no whole "
            f"statistics to go on "
            "with; name a run without --normalize-obs"
        )
    own = {
        f"{name}.{parameter}": tensor
        for name, module in agent.policy.named_modules()
        if isinstance(module, nn.Linear | nn.LayerNorm)
        for parameter, tensor in module.named_parameters(recurse=False)
    }
    for name, tensor in own.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise InputError(
                f"--start-from {directory.path} has other networks (see {name}); give the same --net, "
                f"--net-actor and "
                "--td3.layer-norm as that run"
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])

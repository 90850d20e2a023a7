"""RLtools' TD3 as an arm of `swimrl bench train`; it runs in RLtools' own environment.

``benchmarks/setup-peers`` makes that environment. RLtools compiles the whole loop in C++ for one
configuration and steps the environment in Python. It offers steps of the loop, but no updates alone.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from swimrl.timing.clock import Work
from swimrl.timing.worker import Offer, Settings, serve

_FIRST_UPDATES = 100
_STEP_LIMIT = 10_000_000


def compiled_loop(settings: Settings) -> tuple[Any, str]:
    """Return the module that RLtools compiles for these settings, and the BLAS that it uses.

    Args:
        settings: As for `swimrl.bench.training.child`; all of them are compiled in.

    Raises:
        ValueError: If RLtools cannot do what the settings ask for.
        RuntimeError: If it found no BLAS.
    """
    activations = {"gelu": "GELU", "relu": "RELU", "tanh": "TANH"}
    if settings["act"] not in activations:
        raise ValueError(f"RLtools has no {settings['act']}; it has {', '.join(activations)}")
    widths = set(settings["net"].split("x"))
    if len(widths) > 1:
        raise ValueError("RLtools takes hidden layers of one width only")
    if settings["threads"] > 1:
        raise ValueError("RLtools' loop has one thread")
    import gymnasium
    import rltools

    def environment() -> gymnasium.Env:
        return gymnasium.make(settings["env"])

    (width,) = widths
    shape = {"HIDDEN_DIM": int(width), "NUM_LAYERS": len(settings["net"].split("x")) + 1}
    compiled_in = {
        "STEP_LIMIT": _STEP_LIMIT,
        "REPLAY_BUFFER_CAP": settings["buffer_size"],
        "N_WARMUP_STEPS": settings["warm_up"],
        "ACTOR_BATCH_SIZE": settings["batch_size"],
        "CRITIC_BATCH_SIZE": settings["batch_size"],
        "OPTIMIZER_ALPHA": settings["lr"],
        "EXPLORATION_NOISE": settings["exploration_noise"],
        **{f"{network}_{name}": value for network in ("ACTOR", "CRITIC") for name, value in shape.items()},
        "ACTOR_ACTIVATION_FUNCTION": activations[settings["act"]],
        "CRITIC_ACTIVATION_FUNCTION": activations[settings["act"]],
    }
    # RLtools keeps one compiled module for a name, and compiles it again when the settings differ.
    digest = hashlib.sha256(json.dumps([settings["env"], compiled_in]).encode()).hexdigest()[:10]
    name = f"{settings['act']}_{digest}"
    module = rltools.TD3(environment, enable_evaluation=False, interface_name=name, **compiled_in)
    command = (Path(rltools.CACHE_PATH) / "build" / f"rltools_td3_{name}" / "cmd.txt").read_text()
    blas = next((b for b in ("MKL", "OPENBLAS") if f"RL_TOOLS_BACKEND_ENABLE_{b}" in command), None)
    if blas is None:
        raise RuntimeError(
            "RLtools found no BLAS, so its products would be plain loops; install rltools[mkl]"
        )
    return module, blas


def prepare(settings: Settings) -> Offer:
    """Return the works of RLtools, warmed up; settings as for `swimrl.bench.training.child`."""
    warnings.filterwarnings("ignore")
    module, blas = compiled_loop(settings)
    state = module.State(0)

    def steps(count: int) -> None:
        for _ in range(count):
            state.step()

    steps(settings["warm_up"] + _FIRST_UPDATES)
    versions = {name: version(name) for name in ("rltools", "gymnasium", "mujoco")}
    return Offer({"versions": versions, "blas": blas}, {"steps": Work(steps)})


if __name__ == "__main__":
    serve(prepare)

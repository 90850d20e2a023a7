"""A folder for a model hub: the policy, its results, a page, and code that loads it. Nothing is uploaded."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from swimrl.activations import parse_name, split_layers
from swimrl.errors import InputError
from swimrl.runs.directory import RunDirectory, read_evaluations
from swimrl.training import Run

_COPIED = ("evaluations.csv", "final.csv", "policy.zip", "vecnormalize.pkl")


def write_card(
    run: Run, folder: Path, metadata: dict[str, Any], exported: Sequence[Path], *, best: bool
) -> tuple[Path, tuple[str, ...]]:
    """Write the folder ``td3-ENV`` into ``folder``.

    Args:
        run: The run.
        folder: Where to write.
        metadata: As `swimrl.exporting.metadata` makes it.
        exported: Files of the same policy, which are copied.
        best: Whether the policy is the one of the best evaluation.

    Returns:
        The folder, and what could not be added, with the reason.
    """
    card = folder / f"td3-{run.config.env.replace('/', '-')}"
    card.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.weights_file(best=best), card / "policy.safetensors")
    for name in _COPIED:
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, card / name)
    for path in exported:
        shutil.copyfile(path, card / path.name)
    # What the machine was called and had is nobody's business; what decides the numbers is in the versions.
    record = dataclasses.replace(run.record, host={}, study={})
    (card / "run.json").write_text(record.to_json(), encoding="utf-8")
    results = _results(run)
    (card / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    missing = tuple(filter(None, [_plot(run, card), _film(run, card, best=best)]))
    (card / "README.md").write_text(_page(run, card, metadata, results, exported), encoding="utf-8")
    return card, missing


def _results(run: Run) -> dict[str, Any]:
    """Return the results by the names that other reinforcement-learning cards use."""
    final = RunDirectory(run.path).final_file
    if not final.exists():
        return {}
    _, returns, _ = read_evaluations(final)
    return {
        "mean_reward": float(returns.mean()),
        "std_reward": float(returns.std(ddof=1)) if returns.size > 1 else None,
        "is_deterministic": True,
        "n_eval_episodes": int(returns.size),
        "eval_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _plot(run: Run, card: Path) -> str | None:
    """Draw the activation; return why it could not be."""
    from swimrl.activations.figure import curve, plot

    names = dict.fromkeys(split_layers(run.config.actor_activation))
    try:
        plot([curve(parse_name(name), -5.0, 5.0) for name in names], card / "activation.png")
    except InputError as error:
        return f"no plot of the activation: {error}"
    return None


def _film(run: Run, card: Path, *, best: bool) -> str | None:
    """Film one episode; return why it could not be."""
    from swimrl.envs.video import FilmedEnv
    from swimrl.training.evaluation import run_episodes

    try:
        env = FilmedEnv(run.make_environment(render_mode="rgb_array"), card / "replay.mp4")
        try:
            run_episodes(run.best_policy if best else run.policy, env, episodes=1)
        finally:
            env.close()
    except InputError as error:
        return f"no film: {error}"
    return None


def _learned(layer: dict[str, Any]) -> str:
    """Return the values of a layer's learned parameters, if each has one value for the whole layer."""
    single = {name: values[0] for name, values in layer["parameters"].items() if len(values) == 1}
    return "".join(f", `{name}` = {value:.4g}" for name, value in single.items())


def _page(
    run: Run, card: Path, metadata: dict[str, Any], results: dict[str, Any], exported: Sequence[Path]
) -> str:
    env = run.config.env
    front: dict[str, Any] = {
        "library_name": "swimrl",
        "tags": [env, "deep-reinforcement-learning", "reinforcement-learning", "stable-baselines3", "td3"],
    }
    sentence = "No fresh episodes were played after training."
    if results:
        spread = "" if results["std_reward"] is None else f" +/- {results['std_reward']:.2f}"
        value = f"{results['mean_reward']:.2f}{spread}"
        metric = {"type": "mean_reward", "value": value, "name": "mean_reward", "verified": False}
        task = {"type": "reinforcement-learning", "name": "reinforcement-learning"}
        result = {"task": task, "dataset": {"name": env, "type": env}, "metrics": [metric]}
        front["model-index"] = [{"name": "TD3", "results": [result]}]
        sentence = (
            f"Mean return of {results['n_eval_episodes']} fresh episodes after training: {value} (standard "
            "deviation over episodes)."
        )
    formulas = "\n".join(
        f"| {number} | {layer['units']} | `{layer['activation']}` "
        f"| $f(x) = {layer['latex']}${_learned(layer)} |"
        for number, layer in enumerate(
            (layer for layer in metadata["layers"][:-1] if layer["activation"] is not None), start=1
        )
    )
    files = "\n".join(
        f"| `{name}` | {about} |"
        for name, about in {
            "policy.safetensors": "the weights; `swimrl.open_run` reads them, and nothing is unpickled",
            **{path.name: "the same policy for other programs; see its metadata" for path in exported},
            "policy.zip": "for `stable_baselines3.TD3.load`; a pickle, which can run code, and needs swimrl",
            "vecnormalize.pkl": "the normalisation for Stable-Baselines3; a pickle, which can run code",
            "run.json": "configuration, formulas, versions, scores",
            "evaluations.csv": "the evaluations during training",
            "final.csv": "the fresh episodes after training",
        }.items()
        if (card / name).exists()
    )
    film = '\n<video src="replay.mp4" controls></video>\n' if (card / "replay.mp4").exists() else ""
    plot = (
        "\n![The activation and its derivative](activation.png)\n"
        if (card / "activation.png").exists()
        else ""
    )
    training = metadata["training"]
    return f"""\
---
{yaml.safe_dump(front, sort_keys=False).strip()}
---

# TD3 on {env}

{sentence} This is the {training["policy"]} policy of one seed ({training["seed"]}), trained
for {training["steps"]:,} environment steps with swimrl. One seed says little about an activation.
{film}
## The actor

| hidden layer | units | activation | formula |
|---|---|---|---|
{formulas}
{plot}
## Use it

```python
import swimrl  # pip install swimrl

run = swimrl.open_run(".")  # this folder
env = run.make_environment()
observation, _ = env.reset(seed=0)
action = run.policy(observation)
```

## Files

| file | what it is |
|---|---|
{files}
"""

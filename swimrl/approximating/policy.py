"""A policy with polynomials in place of its activations, written as a run that other commands read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from swimrl.activations.language.names import parse_name
from swimrl.activations.language.polynomial import MAX_DEGREE, series_text
from swimrl.approximating.study import ArmEpisodes, Measured
from swimrl.errors import InputError, RunExistsError
from swimrl.fields import to_mapping
from swimrl.polynomials import Series
from swimrl.runs.directory import RunDirectory
from swimrl.runs.weights import write_weights
from swimrl.training import Run


def write_policy(measured: Measured, episodes: ArmEpisodes, folder: Path, *, best: bool = False) -> Run:
    """Write the policy of an arm as a run directory; return the run.

    Its activations are expressions with the coefficients, so `swimrl eval` and `swimrl export` compute this
    very polynomial. It has the scores of no training.

    Args:
        measured: The study.
        episodes: One of its arms, not the exact one.
        folder: A new folder.
        best: Whether the study measured the policy of the best evaluation.

    Raises:
        RunExistsError: If the folder exists.
        InputError: If each unit has a polynomial of its own, its degree is too large, or the arm's errors are
            not those of a polynomial.
    """
    arm, settings = episodes.arm, measured.settings
    if folder.exists():
        raise RunExistsError(f"{folder} exists and is never overwritten; give another --save")
    if settings.errors != "both" or any(len(layer.series) > 1 for layer in arm.layers):
        raise InputError(
            "only polynomials of a whole layer are a policy of their own; use --range layer or a number, and "
            "--errors both"
        )
    if arm.degree is None or arm.degree > MAX_DEGREE:
        raise InputError(f"--save writes polynomials of degree 1 to {MAX_DEGREE}; choose one with --degrees")
    series = [one for layer in arm.layers for one in layer.series if isinstance(one, Series)]
    if len(series) < len(arm.layers):
        raise InputError("--save writes single polynomials, not compositions; choose --fit minimax")
    names = [parse_name(f"expr: {series_text(one)}").canonical for one in series]
    run = measured.run
    config, record = run.config, run.record
    changed = dataclasses.replace(
        config,
        act=",".join(names),
        act_actor=None,
        act_critic=config.critic_activation,
    )
    policy, normalisation = run.td3_policy(best=best)
    learned = {
        f"{prefix}.{name}.{parameter}"
        for prefix in ("actor", "actor_target")
        for name, module in getattr(policy, prefix).named_modules()
        if hasattr(module, "spec")
        for parameter, _ in module.named_parameters()
    }
    tensors = {name: tensor for name, tensor in policy.state_dict().items() if name not in learned}
    specs = [parse_name(name) for name in names]
    folder.mkdir(parents=True)
    directory = RunDirectory(folder)
    write_weights(directory.policy_file, tensors, normalisation)
    directory.write_record(
        dataclasses.replace(
            record,
            config=to_mapping(changed),
            activations={**record.activations, "actor": [spec.describe() for spec in specs]},
            metrics={},
            study={},
            reason=f"the policy of {run.path} with polynomials of degree {arm.degree} in its actor",
        )
    )
    return Run(folder)

"""A repair from the run to the page."""

from __future__ import annotations

import csv
import html
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import swimrl
from swimrl.errors import ConfigError, InputError, UnknownNameError
from swimrl.repairing import Place, windows
from swimrl.repairing.places import read
from swimrl.runs.weights import read_weights, write_weights
from swimrl.td3.policy import perceptrons
from swimrl.training import Run
from tests.repairing.conftest import FAULT, RIGHT, small_run

SMALL: dict[str, Any] = {
    "repair_starts": 12,
    "validation_starts": 20,
    "test_starts": 30,
    "population": 12,
    "generations": 12,
    "lead": 4,
    "window": 30,
    "seed": 1,
    "progress": False,
}


@pytest.fixture(scope="session")
def repaired(balance_run: Run, tmp_path_factory: pytest.TempPathFactory) -> swimrl.repairing.Repaired:
    return swimrl.repair(balance_run, out=tmp_path_factory.mktemp("repairs") / "one", **SMALL)


def test_a_planted_fault_of_a_controller_is_found_and_repaired_and_that_is_established(
    repaired: swimrl.repairing.Repaired,
) -> None:
    assert FAULT[0] in repaired.patch.places
    fresh = repaired.assessment.fresh.counts
    assert 0.3 < fresh.fails_before / fresh.starts < 0.7
    assert fresh.fails_after == 0
    assert repaired.assessment.is_established
    assert repaired.verdict.startswith("The repair is established")
    validation = repaired.assessment.validation
    assert 5 < validation.fails_before < 15
    assert validation.fails[validation.chosen] == min(validation.fails) == 0


def test_the_folder_says_everything(repaired: swimrl.repairing.Repaired) -> None:
    folder = repaired.folder
    content = json.loads((folder / "repair.json").read_text())
    assert content["status"] == "done"
    assert content["verdict"] == repaired.verdict
    assert [Place(w["layer"], w["row"], w["column"]) for w in content["patch"]["weights"]] == [
        *repaired.patch.places
    ]
    with (folder / "starts.csv").open() as file:
        rows = [*csv.DictReader(file)]
    fresh = [row for row in rows if row["set"] == "test"]
    assert len(rows) == 12 + 30
    assert sum(int(row["failed_before"]) for row in fresh) == content["fresh"]["fails_before"]
    assert len({row["seed"] for row in rows}) == len(rows)
    page = (folder / "report.html").read_text()
    assert repaired.verdict in html.unescape(page)
    assert page.count("<svg") == 2
    assert "Left out" not in page


def test_the_folder_is_a_run_with_the_repaired_policy_in_both_files(
    balance_run: Run, repaired: swimrl.repairing.Repaired
) -> None:
    run = swimrl.open_run(repaired.folder)
    policies = [run.td3_policy()[0], swimrl.TD3.load(repaired.folder / "policy.zip").policy]
    for policy in policies:
        values = read(perceptrons(policy.actor)[0], repaired.patch.places)
        np.testing.assert_allclose(values, repaired.patch.after, rtol=1e-6)
    before = balance_run.td3_policy()[0].state_dict()
    changed = [
        name for name, value in policies[0].state_dict().items() if not torch.equal(value, before[name])
    ]
    assert changed
    assert all(name.startswith(("actor.mu", "actor_target.mu")) and "weight" in name for name in changed)
    assert run.evaluate(episodes=10).mean_return > balance_run.evaluate(episodes=10).mean_return
    assert run.scores == {}
    exported = swimrl.export(
        run, ["numpy"], verify_steps=20, verify_episodes=0, out=repaired.folder / "numpy"
    )
    assert exported.is_right


def test_a_report_on_the_run_leaves_its_repairs_out(balance_run: Run) -> None:
    from swimrl.reporting.read import collect

    swimrl.repair(balance_run, **{**SMALL, "generations": 1, "null_draws": 1, "places": "2"})
    assert (balance_run.path / "repairs" / "2-seed-1" / "run.json").exists()
    assert len(collect([balance_run.path]).runs) == 1


def test_a_repair_that_a_signal_ends_keeps_the_best_and_continues_as_if_it_had_gone_on(
    balance_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {**SMALL, "population": 6, "test_starts": 10, "null_draws": 2}
    fitness, calls = windows.WindowTests.fitness, 0

    def with_ctrl_c(self: windows.WindowTests, *arguments: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return fitness(self, *arguments)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest's workers ignore Ctrl-C
    try:
        with monkeypatch.context() as patch:
            patch.setattr(windows.WindowTests, "fitness", with_ctrl_c)
            first = swimrl.repair(balance_run, out=tmp_path, **small)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == 2
    assert first.assessment is None
    assert "the same command continues it" in first.verdict
    content = json.loads((tmp_path / "repair.json").read_text())
    assert content["status"] == "interrupted"
    policy, _ = swimrl.open_run(tmp_path).td3_policy()  # the best so far
    np.testing.assert_allclose(
        read(perceptrons(policy.actor)[0], first.patch.places), first.patch.after, rtol=1e-6
    )
    with pytest.raises(InputError, match="other settings"):
        swimrl.repair(balance_run, out=tmp_path, **SMALL)

    again = swimrl.repair(balance_run, out=tmp_path, **small)
    whole = swimrl.repair(balance_run, out=tmp_path / "whole", **small)
    assert again.patch.history == whole.patch.history
    for name in ("starts.csv", "policy.safetensors"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert again.content["search"]["steps"] == whole.content["search"]["steps"]


def test_a_finished_repair_is_not_overwritten(balance_run: Run, repaired: swimrl.repairing.Repaired) -> None:
    with pytest.raises(InputError, match="finished repair"):
        swimrl.repair(balance_run, out=repaired.folder, **SMALL)


def test_chaos_is_not_taken_for_a_repair(chaos_run: Run, tmp_path: Path) -> None:
    repaired = swimrl.repair(
        chaos_run,
        out=tmp_path / "repair",
        **{
            **SMALL,
            "places": "random",
            "lead": 29,
            "generations": 4,
            "null_draws": 5,
            "validation_starts": 0,
        },
    )
    seen, fresh = repaired.assessment.seen.counts, repaired.assessment.fresh.counts
    assert seen.repaired > 0  # the search found a patch for its own starts
    assert fresh.repaired > 0
    assert fresh.broken > 0
    assert all(counts.repaired and counts.broken for counts in repaired.assessment.null)
    assert not repaired.assessment.is_established
    assert repaired.verdict.startswith("Nothing is established")


def test_a_search_that_helps_on_its_own_starts_alone_leaves_the_policy_as_it_was(
    chaos_run: Run, tmp_path: Path
) -> None:
    small = {**SMALL, "places": "random", "lead": 29, "generations": 1, "population": 5}
    repaired = swimrl.repair(chaos_run, out=tmp_path / "repair", **small)
    assert repaired.patch.fitness_after > repaired.patch.fitness_before
    assert repaired.content["validation"]["chosen"] is None
    assert repaired.verdict.startswith("The policy is as it was: on 20 validation starts it failed on")
    assert not repaired.assessment.is_established
    assert (repaired.patch.after == repaired.patch.before).all()
    policies = [run.td3_policy()[0].state_dict() for run in (chaos_run, swimrl.open_run(repaired.folder))]
    assert all(torch.equal(value, policies[1][name]) for name, value in policies[0].items())
    page = html.unescape((repaired.folder / "report.html").read_text())
    assert repaired.verdict in page
    assert page.count("<svg") == 1


def test_the_starts_of_a_return_below_a_quantile_can_be_repaired_too(
    balance_run: Run, tmp_path: Path
) -> None:
    repaired = swimrl.repair(
        balance_run,
        out=tmp_path / "repair",
        **{**SMALL, "failure": "return-below=0.3", "generations": 3, "null_draws": 1},
    )
    assert repaired.content["failure"].startswith("return below")
    assert repaired.assessment.fresh.counts.repaired > 0


def test_noise_makes_other_starts_and_the_same_ones_each_time(balance_run: Run, tmp_path: Path) -> None:
    few = {**SMALL, "generations": 1, "null_draws": 1, "test_starts": 10, "start_noise": 0.1}
    starts = []
    for name in ("a", "b"):
        swimrl.repair(balance_run, out=tmp_path / name, **few)
        starts.append((tmp_path / name / "starts.csv").read_bytes())
    assert starts[0] == starts[1]


def test_a_policy_that_never_fails_and_one_that_always_fails_are_refused(
    balance_run: Run, tmp_path: Path
) -> None:
    for values, message in ((RIGHT, "nothing to repair"), (None, "on which it passes")):
        run = swimrl.open_run(_copy_with(balance_run, tmp_path / str(values), values))
        with pytest.raises(InputError, match=message):
            swimrl.repair(run, **SMALL)
        assert not (run.path / "repairs").exists() or not any((run.path / "repairs").rglob("*.json"))


def _copy_with(run: Run, folder: Path, value: float | None) -> Path:
    """Copy a run with another value at the fault; with None its actions are all wrong."""
    import shutil

    from swimrl.repairing import write
    from swimrl.training.policy_function import save_policy

    shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns("repairs"))
    policy, _ = run.td3_policy()
    (actor,) = perceptrons(policy.actor)
    if value is None:
        write(actor, (Place(1, 0, 0), Place(1, 0, 1)), np.array([1.0, -1.0]))
    else:
        write(actor, FAULT, np.array([value]))
    save_policy(folder / "policy.safetensors", policy)
    return folder


def test_an_environment_without_falls_is_refused_before_an_episode_is_played(tmp_path: Path) -> None:
    run = small_run(tmp_path, "HalfCheetah-v4", "relu")
    with pytest.raises(InputError, match=r"no start fails by a fall; use --failure return-below=0.3"):
        swimrl.repair(run, **SMALL)


def test_a_policy_without_critics_is_refused(balance_run: Run, tmp_path: Path) -> None:
    run = swimrl.open_run(_copy_with(balance_run, tmp_path / "run", RIGHT))
    tensors, _ = read_weights(run.weights_file())
    write_weights(
        run.weights_file(), {name: value for name, value in tensors.items() if name.startswith("actor")}
    )
    with pytest.raises(InputError, match=r"has no critics.*the one that `swimrl train` wrote"):
        swimrl.repair(run, **SMALL)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"failure": "return-below=2"}, InputError, "between 0 and 1"),
        ({"places": "bidirektional"}, UnknownNameError, "did you mean 'bidirectional'"),
        ({"places": "99"}, InputError, "the actor has 64 weights"),
        ({"window": 4, "lead": 4}, InputError, "longer than its lead"),
        ({"test_starts": 3}, InputError, "--test-starts is 3; expected a whole number of at least 10"),
        ({"alpha": float("nan")}, InputError, "--alpha is nan"),
        ({"jobs": 0}, InputError, "--jobs is 0"),
        ({"generation": 3}, ConfigError, "generation"),
    ],
)
def test_wrong_settings_are_refused(
    balance_run: Run, tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        swimrl.repair(balance_run, out=tmp_path / "repair", **{**SMALL, **changes})

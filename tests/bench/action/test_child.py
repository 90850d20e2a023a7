"""Every contender of `swimrl bench policy` computes the same policy, or is absent with a reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="an optional library; pip install 'swimrl[dev]'")

import swimrl
from swimrl.bench.action.child import prepare
from swimrl.bench.action.config import CONTENDERS

NEW: dict[str, Any] = {"run": None, "act": ["swim"], "env": "Pendulum-v1", "net": "64x64", "seed": 0}


def test_all_contenders_of_a_normalised_run_are_timed(tmp_path: Path) -> None:
    run = swimrl.train(
        env="InvertedPendulum-v5", act="swim(k=trainable)", normalize_obs=True, net="64x64", steps=40,
        td3={"learning_starts": 20, "batch_size": 8}, eval_every=40, eval_episodes=1, final_episodes=0,
        out=tmp_path, progress=False,
    )  # fmt: skip
    offer = prepare({**NEW, "run": str(run.path)})
    assert not offer.facts["absent"]
    assert [about["contender"] for about in offer.facts["arms"].values()] == list(CONTENDERS)
    p50 = {}
    for contender, work in zip(CONTENDERS, offer.works.values(), strict=True):
        parts = work.do(300)
        assert parts is not None
        assert 0 < parts["p50"][0] <= parts["p99"][0] <= parts["worst"][0]
        p50[contender] = parts["p50"][0]
    assert p50["read"] < p50["c"] < p50["fast"]


def test_without_a_compiler_and_onnxruntime_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    facts = prepare(NEW).facts
    assert list(facts["arms"]) == ["fast swim", "torch swim", "sb3 swim"]
    assert "pip install 'swimrl[export]'" in facts["absent"]["onnx swim"]
    assert "no C compiler" in facts["absent"]["c swim"]
    assert facts["absent"]["read swim"] == facts["absent"]["c swim"]


def test_an_activation_that_changes_the_width_is_absent_in_stable_baselines3s_network() -> None:
    facts = prepare({**NEW, "act": ["maxout"]}).facts
    assert set(facts["arms"]) == {"fast maxout"}
    for contender in ("torch", "sb3"):
        assert "no activation that changes the width" in facts["absent"][f"{contender} maxout"]
    assert "module and no formula" in facts["absent"]["c maxout"]

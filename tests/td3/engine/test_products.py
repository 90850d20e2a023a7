"""Which library computes a product."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from swimrl.errors import ConfigError
from swimrl.td3.engine.products import choices_file as file
from swimrl.td3.engine.products import measurement, planner
from swimrl.td3.engine.products.backends import BACKENDS, bind, describe
from swimrl.td3.engine.products.choice import Measured, choose
from swimrl.td3.engine.products.choices_file import choices_file
from swimrl.td3.engine.products.measurement import measure
from swimrl.td3.engine.products.planner import ProductPlanner
from swimrl.td3.engine.products.precision import ready


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(file, "_UNWRITTEN", {})


def operands(dtype: str = "float32") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.RandomState(0)
    wide = generator.randn(32, 50).astype(dtype)
    weight = generator.randn(20, 17).astype(dtype)
    return wide[:, 3:20], weight.T, np.empty((32, 20), dtype)


@pytest.fixture(params=[True, False], ids=["onednn in float32", "onednn in bfloat16"])
def onednn_is_float32(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Make the planner take this processor for one of either kind."""
    for module in (measurement, planner):
        monkeypatch.setattr(module, "onednn_is_float32", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_computes_the_product(backend: str, dtype: str) -> None:
    a, b, out = operands(dtype)
    with ready():
        bind(backend, a, b, out)()
    truth = a.astype(np.float64) @ b.astype(np.float64)
    rounds = backend == "onednn" and dtype == "float32" and not measurement.onednn_is_float32()
    tolerance = 1e-13 if dtype == "float64" else 0.2 if rounds else 1e-5
    np.testing.assert_allclose(out, truth, rtol=0, atol=tolerance)


def test_the_precision_setting_is_onednns_within_and_as_it_was_afterwards() -> None:
    before = torch.get_float32_matmul_precision()
    with ready():
        bind("torch", *operands())()
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before


def test_threads_that_share_a_minibatch_compute_products_by_our_own_code() -> None:
    a, b, out = operands()
    planner = ProductPlanner({describe(a, b): "numpy"}, shared=True)
    planner.product(a, b, out)
    assert planner.chosen == {describe(a, b): "tiles"}
    assert not choices_file().exists()


def test_where_onednn_rounds_to_bfloat16_it_is_no_candidate(onednn_is_float32: bool) -> None:
    a, b, out = operands()
    shape = describe(a, b)
    choices_file().parent.mkdir(parents=True)
    choices_file().write_text(json.dumps({shape: "onednn"}))
    planner = ProductPlanner()
    planner.product(a, b, out)
    assert (planner.chosen[shape] == "onednn") == onednn_is_float32


def test_a_choice_made_for_another_arithmetic_is_refused(onednn_is_float32: bool) -> None:
    here, elsewhere = ("onednn", "onednn-bf16") if onednn_is_float32 else ("onednn-bf16", "onednn")
    ProductPlanner({"shape": here})
    with pytest.raises(ConfigError, match=f"pinned to the backend '{elsewhere}'.*go on where"):
        ProductPlanner({"shape": elsewhere})


def test_bf16_takes_what_this_processor_rounds_with(onednn_is_float32: bool) -> None:
    a, b, out = (np.zeros((128, 128), np.float32) for _ in range(3))
    planner = ProductPlanner({describe(a, b): "numpy"}, bf16=True)
    planner.product(a, b, out)
    assert list(planner.chosen.values()) == ["bf16" if onednn_is_float32 else "onednn-bf16"]


def test_bf16_rounds_to_three_digits() -> None:
    a, b, out = operands()
    bind("bf16", a, b, out)()
    error = np.abs(out - a.astype(np.float64) @ b).max()
    assert 1e-4 < error < 0.2


def test_a_fast_backend_with_bfloat16s_error_is_not_taken() -> None:
    measured = {"numpy": Measured(2e-4, 1e-5), "torch": Measured(3e-4, 2e-5), "onednn": Measured(1e-4, 3e-2)}
    assert choose(measured) == "numpy"


def test_the_fastest_sound_backend_is_taken() -> None:
    measured = {"numpy": Measured(2e-4, 1e-5), "torch": Measured(3e-4, 1e-5), "onednn": Measured(1e-4, 4e-5)}
    assert choose(measured) == "onednn"


def test_measuring_gives_time_and_error_of_each() -> None:
    candidates = ("numpy", "torch")
    measured = measure(*operands(), candidates)
    assert set(measured) == set(candidates)
    assert all(seconds > 0 and 0 < error < 1e-4 for seconds, error in measured.values())


def test_the_choice_is_remembered_for_the_next_run() -> None:
    a, b, out = operands()
    planner = ProductPlanner()
    planner.product(a, b, out)
    (shape,) = planner.chosen
    remembered = json.loads(choices_file().read_text())
    assert remembered == planner.chosen
    other = "numpy" if remembered[shape] == "torch" else "torch"
    choices_file().write_text(json.dumps({shape: other}))
    again = ProductPlanner()
    again.product(a, b, out)
    assert again.chosen == {shape: other}


def test_a_new_backend_is_compared_with_the_others_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    before = choices_file()
    monkeypatch.setattr(file, "BACKENDS", (*BACKENDS, "new"))
    assert choices_file() != before


def test_processors_of_one_name_do_not_share_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    files = set()
    for family in ("25-17", "26-2"):
        monkeypatch.setattr(file, "processor_numbers", lambda family=family: family)
        file._file_name.cache_clear()
        files.add(choices_file())
    file._file_name.cache_clear()
    assert len(files) == 2


@pytest.mark.parametrize("content", ["", "{", '{"32x17x20 nt float32": "abacus"}', "[]"])
def test_a_damaged_memory_is_measured_anew(content: str) -> None:
    choices_file().parent.mkdir(parents=True)
    choices_file().write_text(content)
    planner = ProductPlanner()
    planner.product(*operands())
    assert set(planner.chosen.values()) <= set(BACKENDS)


def test_a_pinned_choice_wins() -> None:
    a, b, out = operands()
    planner = ProductPlanner({describe(a, b): "torch"})
    planner.product(a, b, out)
    assert list(planner.chosen.values()) == ["torch"]
    assert not choices_file().exists()


def test_an_unwritable_memory_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    planner = ProductPlanner()
    call = planner.product(*operands())
    call()
    assert planner.chosen

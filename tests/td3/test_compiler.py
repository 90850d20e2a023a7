"""PyTorch's optimisers without PyTorch's compiler, and with it."""

from __future__ import annotations

import sys

import pytest
import torch

from swimrl.td3.compiler import compiler_unloaded


def methods_that_are_changed() -> list[str]:
    names = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: getattr(torch.optim.Optimizer, name).__wrapped__ for name in names}
    return [name for name, method in methods.items() if vars(method).get("__dynamo_disable") is method]


def test_the_methods_are_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch._dynamo", raising=False)
    for name in ("add_param_group", "load_state_dict", "state_dict", "zero_grad"):
        method = getattr(torch.optim.Optimizer, name).__wrapped__
        monkeypatch.delattr(method, "__dynamo_disable", raising=False)  # other tests may have compiled
    with compiler_unloaded():
        assert len(methods_that_are_changed()) == 4
        optimizer = torch.optim.Adam([torch.zeros(2, requires_grad=True)])
        optimizer.load_state_dict(optimizer.state_dict())
        assert "torch._dynamo" not in sys.modules
    assert not methods_that_are_changed()


def test_a_compiler_that_is_imported_already_stays_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", sys)
    with compiler_unloaded():
        assert not methods_that_are_changed()

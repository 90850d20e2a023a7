"""The text form of networks."""

from __future__ import annotations

import pytest

from swimrl.errors import ConfigError
from swimrl.td3.architecture import BLOCKS, Architecture


@pytest.mark.parametrize("text", ["256x256", "8", "400x300x200", "simba:256x2", "residual:64x1"])
def test_a_text_comes_back(text: str) -> None:
    assert str(Architecture.parse(text)) == text


def test_widths_that_activations_see() -> None:
    assert Architecture.of([400, 300]).inner_widths == (400, 300)
    assert Architecture.of("simba:32x2").inner_widths == (128, 128)
    assert Architecture.of("residual:32x2").inner_widths == (32, 32)
    assert Architecture.of("residual:32x2").with_widths([9, 10]) == Architecture.of("residual:10x2")


@pytest.mark.parametrize(
    "text",
    ["", "x", "8x", "0x8", "8x-1", "8.5", "65537", "simba", "simba:8", "simba:8x8x8", "simbo:8x2", ":8x2"],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Architecture.parse(text, source="--net")
    assert str(error.value).startswith(
        f"--net {text!r} is no network; expected widths of hidden layers such as"
    )
    assert all(f"{kind}:256x2" in str(error.value) for kind in BLOCKS)

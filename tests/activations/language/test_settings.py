from __future__ import annotations

import pytest

from swimrl.activations.language.settings import Setting, format_number, parse_call, settings_of, shorten


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-2.0, "-2"),
        (0.5, "0.5"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1e16, "1e+16"),
        (0.5**0.5, "0.7071067811865476"),
    ],
)
def test_format_number_reads_back(value, text):
    assert format_number(value) == text
    assert float(text) == value


def test_settings_in_order():
    call = parse_call("(b=-1.5, a=trainable, c=trainable(+2))", "context")
    assert list(settings_of(call, "context")) == [
        Setting("b", -1.5, trainable=False),
        Setting("a", None, trainable=True),
        Setting("c", 2.0, trainable=True),
    ]


def test_shorten():
    assert shorten("a\n b") == "'a b'"
    assert shorten("x" * 100) == repr("x" * 57 + "...")

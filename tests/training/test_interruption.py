"""Signals are held back, obeyed at once where that is safe, and at once the second time."""

from __future__ import annotations

import signal

import pytest

from swimrl.training.interruption import Interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_held_back_and_the_second_obeyed(number: signal.Signals) -> None:
    interruption = Interruption()
    with interruption.listening():
        assert not interruption.is_asked
        signal.raise_signal(number)
        assert interruption.is_asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_within_at_once_the_first_is_obeyed(number: signal.Signals) -> None:
    interruption = Interruption()
    with interruption.listening():
        with pytest.raises(KeyboardInterrupt), interruption.at_once():
            signal.raise_signal(number)
        assert interruption.is_asked


def test_one_from_before_is_obeyed_at_once() -> None:
    interruption, reached = Interruption(), False
    with interruption.listening():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), interruption.at_once():
            reached = True
    assert not reached


def test_the_handlers_from_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption().listening():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before

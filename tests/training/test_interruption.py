"""Signals are held back, obeyed at once where that is safe, and at once the second time."""

from __future__ import annotations

import signal
import threading

import pytest

from swimrl.training.interruption import SIGNALS, Interruption


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_held_back_and_the_second_obeyed(number: signal.Signals) -> None:
    interruption = Interruption()
    with interruption.listening():
        assert not interruption.is_asked
        signal.raise_signal(number)
        assert interruption.is_asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # the run is closing: all further ones are ignored
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


def test_a_closed_terminal_is_heard_unless_it_is_to_be_ignored() -> None:
    """``nohup`` ignores SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interruption = Interruption()
        with interruption.listening():
            signal.raise_signal(signal.SIGHUP)
        assert not interruption.is_asked
    finally:
        signal.signal(signal.SIGHUP, before)
    interruption = Interruption()
    with interruption.listening():
        signal.raise_signal(signal.SIGHUP)
    assert (interruption.is_asked, interruption.reason) == (True, "stopped from outside (SIGHUP)")


def test_another_thread_can_train_too() -> None:
    listened = []

    def listen() -> None:
        with Interruption().listening():
            listened.append(True)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert listened == [True]


def test_ctrl_c_is_heard_where_a_shell_ignores_it_in_background_jobs() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interruption = Interruption()
        with interruption.listening():
            signal.raise_signal(signal.SIGINT)
        assert interruption.is_asked
    finally:
        signal.signal(signal.SIGINT, before)

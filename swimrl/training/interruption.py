"""Stopping a run from outside, at a place from which it can be continued."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Holds Ctrl-C and SIGTERM back until the run asks for them; a second one is obeyed at once.

    Attributes:
        is_asked: Whether the run should stop.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._is_obeyed_at_once = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle both signals; the handlers before come back at the end.

        In a thread other than the main one, which Python lets handle no signals, nothing is handled.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Stop anywhere within, for what may be broken off and done again.

        Raises:
            KeyboardInterrupt: When it is asked for, or was before.
        """
        self._is_obeyed_at_once = True
        try:
            if self.is_asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_obeyed_at_once = False

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        is_second, self.is_asked = self.is_asked, True
        if is_second or self._is_obeyed_at_once:
            raise KeyboardInterrupt

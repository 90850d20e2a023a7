"""Signals that stop a run, at a place from which it can be continued."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Windows has no SIGHUP, which a closed terminal sends.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """Remembers Ctrl-C, SIGTERM or SIGHUP until the run asks for it; a second signal is obeyed at once.

    Further signals are ignored: the run is closing then, and must finish its files.

    Attributes:
        is_asked: Whether the run should stop.
        reason: Why, in a phrase.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.reason = "stopped from outside"
        self._is_obeyed_at_once = False
        self._is_raised = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals, and restore the earlier handlers at the end.

        SIGHUP stays ignored if it is, as under `nohup`. Ctrl-C is handled even where a shell ignores it, as
        shells do in a script's background jobs. Only the main thread can handle signals; in another
        thread this does nothing.
        """
        before = {}
        if threading.current_thread() is threading.main_thread():
            before = {
                number: signal.signal(number, self._handle)
                for number in SIGNALS
                if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN
            }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Obey a signal anywhere within, for work that can be broken off and done again.

        Raises:
            KeyboardInterrupt: If a signal comes, or came before.
        """
        self._is_obeyed_at_once = True
        try:
            if self.is_asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_obeyed_at_once = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        is_second, self.is_asked = self.is_asked, True
        if not is_second:
            name = signal.Signals(number).name
            self.reason = f"stopped from outside ({'Ctrl-C' if name == 'SIGINT' else name})"
        if (is_second or self._is_obeyed_at_once) and not self._is_raised:
            self._is_raised = True
            raise KeyboardInterrupt

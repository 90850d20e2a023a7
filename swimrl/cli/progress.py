"""A bar on standard error for work that is counted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def counted(title: str, *, is_shown_at_once: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Show a bar in a terminal; yield what receives how much is done, and of how much.

    Args:
        title: What is counted.
        is_shown_at_once: Whether the bar is there before the first count.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, visible=is_shown_at_once)
        yield lambda done, of_all: bar.update(task, completed=done, total=of_all, visible=True)

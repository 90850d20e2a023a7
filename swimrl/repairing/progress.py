"""The progress of a repair on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from swimrl.repairing.evolution import Generation

OnGeneration = Callable[[Generation, int | None, int | None], None]
"""Receives a generation, and how many windows the best candidate repairs and breaks, if that is known."""


class Progress(Protocol):
    """Receives the progress of a repair."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def counting(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]:
        """Some episodes are played; yield what receives the number that have ended."""

    def estimate(self, places: int, most_steps: int, steps_per_s: float) -> None:
        """The search is about to start."""

    def searching(self, generations: int, most: float) -> AbstractContextManager[OnGeneration]:
        """The search runs; yield what receives its generations."""


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @contextmanager
    def counting(self, title: str, total: int) -> Iterator[None]:
        """Show nothing."""
        yield None

    def estimate(self, places: int, most_steps: int, steps_per_s: float) -> None:
        """Show nothing."""

    @contextmanager
    def searching(self, generations: int, most: float) -> Iterator[OnGeneration]:
        """Show nothing."""
        yield lambda generation, repaired, broken: None


class TerminalProgress:
    """Shows a bar for each part on standard error; elsewhere than in a terminal a line for each."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def counting(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show how many episodes have ended."""
        bar = self._bars.add_task(title, total=total)
        yield lambda ended: self._bars.update(bar, completed=ended)
        self._bars.remove_task(bar)

    def estimate(self, places: int, most_steps: int, steps_per_s: float) -> None:
        """Say how long the search takes at most."""
        minutes = most_steps / steps_per_s / 60
        time = "less than a minute" if minutes < 1 else f"{minutes:.0f} minutes"
        self._say(
            f"searching values for {places} weight{'s' * (places != 1)}: at most {most_steps:,} environment "
            f"steps, {time} at {steps_per_s:,.0f} steps/s; usually about half of it"
        )

    @contextmanager
    def searching(self, generations: int, most: float) -> Iterator[OnGeneration]:
        """Show the generation, the best fitness, and how many windows are repaired and broken."""
        bar = self._bars.add_task("search", total=generations)

        def show(generation: Generation, repaired: int | None, broken: int | None) -> None:
            counts = "" if repaired is None else f", {repaired} repaired, {broken} broken"
            text = f"fitness {generation.best:.1f} of {most:.0f}{counts}"
            self._bars.update(bar, completed=generation.number, description=f"search: {text}")
            if not self._console.is_terminal and generation.number % 10 == 0:
                self._say(f"generation {generation.number} of {generations}: {text}")

        yield show
        self._bars.remove_task(bar)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

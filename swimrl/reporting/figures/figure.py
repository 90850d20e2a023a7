"""A figure: where it stands, what it shows, and how it is drawn and saved."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swimrl.errors import InputError
from swimrl.reporting.figures.style import RC
from swimrl.reporting.section import Section

FORMATS = ("svg", "png", "pdf")

_MOST_PIXELS = 8_000
"""The height of an image; a figure of a hundred arms has a lower resolution."""


@dataclass(frozen=True)
class Figure:
    """A figure of a report, drawn when it is called.

    Raises:
        ValueError: If the section is unknown.
    """

    section: Section
    """Where it stands on the page."""

    key: str
    """Its name in programs, and that of its files, such as ``learning-curves``."""

    caption: str
    drawing: Callable[[], Any]
    """Returns a new ``matplotlib.figure.Figure``."""

    narrow: Callable[[], Any] | None = None
    """Returns the figure for a narrow screen; there the page shows ``drawing`` when not given."""

    def __post_init__(self) -> None:
        Section(self.section)

    def __call__(self) -> Any:
        """Return a new ``matplotlib.figure.Figure``.

        Raises:
            InputError: If matplotlib is not installed.
        """
        with _style():
            return self.drawing()

    def save(self, folder: Path, formats: Sequence[str] = FORMATS) -> None:
        """Draw the figure and write it as ``<key>.<format>`` into ``folder``.

        The figure for a narrow screen is ``<key>-narrow.svg``, for the page alone.

        Raises:
            InputError: If matplotlib is not installed.
        """
        with _style():
            figure = self.drawing()
            for kind in formats:
                # The same file for the same data: no date, and ids that do not change.
                metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
                is_transparent = kind == "svg"
                dpi = min(150, _MOST_PIXELS / figure.get_figheight())
                figure.savefig(
                    folder / f"{self.key}.{kind}", dpi=dpi, metadata=metadata, transparent=is_transparent
                )
                # The layout stays: with hundreds of labels it takes longer than the drawing.
                figure.set_layout_engine("none")
            if self.narrow is not None and "svg" in formats:
                file = folder / f"{self.key}-narrow.svg"
                self.narrow().savefig(file, metadata={"Date": None}, transparent=True)

    def _repr_svg_(self) -> str:
        text = io.StringIO()
        with _style():
            self.drawing().savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _style() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError("figures need matplotlib; install it with: pip install 'swimrl[report]'") from error
    return mpl.rc_context(dict(RC))

"""The colours of every figure.

Text, axes and the first curve are drawn in `INK`, which a page may replace by the colour of its own text.
"""

from __future__ import annotations

INK = "#1b2733"
"""Text, axes, and what stands out most."""

PAPER = "#fefefe"
"""What is left empty in front of something; a page may replace it by the colour of its background."""

SOFT = "#5b6b7a"
"""Secondary text and secondary curves."""

FAINT = "#8494a3"
"""Reference lines."""

GRID = "#d9e0e6"
"""Lines of a grid on white."""

ACCENT = "#0b7285"
"""The curve that a figure is about, where there is only one."""

CATEGORIES = (INK, "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""One colour for each thing compared: Okabe & Ito 2008, which people with colour blindness can tell apart,
from dark to light so that the colours differ in grey too."""

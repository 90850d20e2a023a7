"""MuJoCo's own warnings, routed to ``logging``.

MuJoCo's C library prints its warnings to stderr and appends them to ``MUJOCO_LOG.TXT`` in the
current directory, past every Python filter. A user callback replaces both.
"""

from __future__ import annotations

import logging
import re
from collections import Counter

from swimrl.envs import rendering

LOGGER = logging.getLogger("swimrl.mujoco")

# Gymnasium's half_cheetah.xml uses this attribute; users of the environment can do nothing about it.
_NOT_PHYSICS = "compiler attribute 'settotalmass' is deprecated"

_counts: Counter[str] = Counter()


def route_warnings() -> None:
    """Send MuJoCo's warnings to the logger ``swimrl.mujoco`` from now on, in the whole process.

    The first warning of each kind is logged as a warning, later ones for debugging only; all are
    counted (`warning_counts`). The notice about ``settotalmass`` is never shown.
    """
    rendering.import_mujoco().set_mju_user_warning(_on_warning)


def warning_counts() -> dict[str, int]:
    """Return how often MuJoCo gave each kind of physics warning in this process.

    A kind is the text with its numbers left out. MuJoCo itself reports each kind once per episode,
    so a count is a number of episodes.
    """
    return dict(_counts)


def _on_warning(text: str) -> None:
    if text.startswith(_NOT_PHYSICS):
        LOGGER.debug("MuJoCo: %s", text)
        return
    kind = re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", text)
    _counts[kind] += 1
    if _counts[kind] == 1:
        LOGGER.warning("MuJoCo: %s Further warnings of this kind are counted, not shown.", text)
    else:
        LOGGER.debug("MuJoCo: %s", text)

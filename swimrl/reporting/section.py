"""The sections of a report, in the order of the page."""

from __future__ import annotations

from enum import StrEnum


class Section(StrEnum):
    """A section, by its heading. Every table and every figure belongs to one."""

    GLANCE = "At a glance"
    SCORES = "Scores"
    COMPARISONS = "Comparisons"
    ONE_SCALE = "On one scale"
    RANKS = "Ranks over tasks"
    SENSITIVITY = "Sensitivity"
    COST = "Cost"
    INSIDE = "Inside the networks"
    GAIT = "How the policies move"
    RUNS = "What was run"
    PUBLISHED = "For orientation"

    # Of the page of a repair.
    STARTS = "Starts before and after"
    PATCH = "Changed weights"
    SEARCH = "The search"

    # Of the page of the precision that policies need.
    PRECISION = "Return against precision"
    INPUTS = "Inputs of the activations"

    # Of the page of a policy on encrypted observations.
    ENCRYPTION = "Time of an action"

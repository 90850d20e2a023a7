"""The list of series, and the tables of docs/monitoring.md beside it."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from swimrl.runs import series
from swimrl.runs.series import DIAGNOSTICS, PROGRESS, Series

DOCUMENT = Path(__file__).parents[2] / "docs" / "monitoring.md"
SECTIONS = {**DIAGNOSTICS, **PROGRESS}
ALL = [*chain.from_iterable(SECTIONS.values())]


def test_every_series_is_in_one_section_and_has_a_tag_and_a_title_of_its_own() -> None:
    defined = [value for value in vars(series).values() if isinstance(value, Series)]
    assert len(ALL) == len({one.tag for one in ALL}) == len({one.title for one in ALL}) == len(defined)
    assert {one.tag for one in ALL} == {one.tag for one in defined}


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_document_lists_each_series_as_it_is_defined(heading: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        " ".join(f"| `{one.tag}` | {one.meaning} | {one.undetermined} |".split())
        if heading in DIAGNOSTICS
        else f"| `{one.tag}` | {one.meaning} |"
        for one in SECTIONS[heading]
    ]


def test_a_pattern_matches_the_tags_of_its_own_series_alone() -> None:
    filled = {"NET": "critic1", "LAYER": "critic1.layer2", "NAME": "theta.1"}
    tags = {one: "/".join(filled.get(part, part) for part in one.tag.split("/")) for one in ALL}
    special = {series.AULU_ALPHA1, series.AULU_ALPHA2, series.AULU_ASYMMETRY}  # parameters as well
    for one in ALL:
        matched = {other for other, tag in tags.items() if re.match(one.pattern(), tag)}
        assert matched == ({one} | special if one is series.PARAMETER else {one}), one.tag


def test_a_pattern_can_be_of_one_network() -> None:
    assert re.match(series.SRANK.pattern("actor"), "rank/srank/actor")
    assert not re.match(series.SRANK.pattern("actor"), "rank/srank/critic1")
    assert not re.match(series.DEAD.pattern("critic1"), "units/dead/critic10.layer1")
    assert series.PARAMETER.at("theta.1", "actor.layer1") == "parameter/theta.1/actor.layer1"

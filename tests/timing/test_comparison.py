"""Records merged and compared; no clock is read here."""

from __future__ import annotations

import dataclasses

import pytest

from swimrl.errors import InputError
from swimrl.timing.comparison import compare, merge
from swimrl.timing.record import Series, TimingRecord
from tests.timing.readings import noisy, record, series

HOST = {"processor": "P1", "cores": 2, "machine": "x86_64", "system": "Linux 6", "load_before": 0.1}


def measured(centre: float, seed: int, **fields: object) -> TimingRecord:
    one = series(noisy(centre, seed=seed), arm="a", work="updates")
    settings = {"rounds": 10, "processes": 2, "seed": seed}
    return record(one, **{"host": HOST, "settings": settings, "versions": {"torch": "2"}, **fields})


def test_a_change_is_found_and_none_is_none() -> None:
    (slower,) = compare(measured(1, 0), measured(1.5, 1))
    assert (slower.arm, slower.work) == ("a", "updates")
    assert slower.ratio.value == pytest.approx(1.5, rel=0.05)
    assert slower.ratio.distinguishable
    (same,) = compare(measured(1, 0), measured(1, 1))
    assert not same.ratio.distinguishable


def test_records_of_other_lengths_compare_and_arms_of_one_alone_are_left_out() -> None:
    long = record(
        series(noisy(1, seed=0, processes=3, rounds=20), arm="a", work="updates"),
        series(noisy(1, seed=0), arm="b"),
        host=HOST,
    )
    (only,) = compare(long, measured(2, 1))
    assert only.ratio.value == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("combine", [lambda a, b: merge([a, b]), lambda a, b: list(compare(a, b))])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host": {**HOST, "processor": "P2"}}, "the records differ in processor: 'P1' and 'P2';"),
        ({"host": {**HOST, "cores": 4}}, "the records differ in cores: 2 and 4;"),
        ({"kind": "other"}, "the records differ in kind: 'test' and 'other';"),
    ],
)
def test_another_host_is_refused_with_the_fact_and_both_values(
    combine: object, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as error:
        combine(measured(1, 0), measured(1, 1, **change))  # type: ignore[operator]
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"versions": {"torch": "3"}}, "the records differ in version of torch: '2' and '3';"),
        ({"settings": {"rounds": 11}}, "the records differ in setting rounds: 10 and 11;"),
    ],
)
def test_what_may_differ_to_be_compared_may_not_to_be_merged(change: dict[str, object], message: str) -> None:
    first, second = measured(1, 0), measured(1, 1, **change)
    assert list(compare(first, second))
    with pytest.raises(InputError) as error:
        merge([first, second])
    assert str(error.value).startswith(message)


def test_merged_records_have_the_processes_of_all() -> None:
    first, second = measured(1, 0), measured(1, 1, host={**HOST, "load_before": 0.7})
    third = dataclasses.replace(
        measured(1, 2),
        # The same speed, read twice as often at once.
        series=tuple(
            dataclasses.replace(s, count=2, wall_s=tuple(tuple(2 * x for x in p) for p in s.wall_s))
            for s in measured(1, 2).series
        ),
    )
    merged = merge([first, second, third])
    (one,) = merged.series
    assert one.count == 1
    expected = [x for r in (first, second, measured(1, 2)) for p in r.series[0].wall_s for x in p]
    assert [x for process in one.wall_s for x in process] == pytest.approx(expected)
    assert [len(process) for process in one.wall_s] == [10] * 6
    assert merged.settings["processes"] == 6
    assert merged.host["load_before"] == 0.7
    assert merge([first]) == first


def test_arms_that_one_record_lacks_are_left_out_with_the_reason() -> None:
    first = measured(1, 0)
    both = dataclasses.replace(
        measured(1, 1),
        arms={"a": {"threads": 1}, "b": {"threads": 1}},
        series=(*measured(1, 1).series, series(noisy(1, seed=3), arm="b", work="updates")),
    )
    for merged in (merge([first, both]), merge([both, first])):
        assert list(merged.arms) == ["a"]
        assert {one.arm for one in merged.series} == {"a"}
        assert merged.absent == {"b": "one of the records lacks it"}


def test_parts_and_clocks_that_were_not_read_are_not_compared() -> None:
    part = Series("a", "updates", 1, noisy(1, seed=0), (), "one part")
    first = record(series(noisy(1, seed=0), arm="a", work="updates"), part, host=HOST)
    assert len(list(compare(first, first))) == 1
    unread = record(Series("a", "updates", 1, noisy(1, seed=0), ()), host=HOST)
    assert list(compare(unread, unread, "cpu")) == []

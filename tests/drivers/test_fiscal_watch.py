"""What a person should see to, by the hours, the device's counters and its clock."""

from __future__ import annotations

import pytest

from drivers.contract.printer import CashMove, DayReport, Line, Outcome, Print, Result
from drivers.fiscal.said import Day
from drivers.fiscal.watch import Watch

HOUR = 3600.0
SALE = Print("k", (Line("x", "A", 100, 1000),), (), 100)
DONE = Outcome("k", Result.PRINTED)


def watch() -> Watch:
    return Watch(24.0, 120)


def told(seen: Watch, now_s: float) -> str:
    concern = seen.concern(now_s)
    return "" if concern is None else concern.code


def test_day_is_told_two_hours_before_it_is_over() -> None:
    seen = watch()
    seen.done(SALE, DONE, 0.0)
    seen.done(SALE, DONE, 5 * HOUR)
    assert told(seen, 21.9 * HOUR) == ""
    assert told(seen, 22 * HOUR) == "z_due"
    assert seen.troubles(22 * HOUR) == ("z_due",)
    concern = seen.concern(23.5 * HOUR)
    assert concern is not None
    assert "23 hours" in concern.cause


def test_z_report_ends_the_day_and_x_report_and_cash_begin_none() -> None:
    seen = watch()
    seen.done(DayReport("x"), DONE, 0.0)
    seen.done(CashMove("c", 5), DONE, 0.0)
    assert seen.hours(30 * HOUR) == 0
    seen.done(SALE, DONE, 0.0)
    seen.done(DayReport("z", z=True), Outcome("z", Result.PRINTED, z_number="0004"), HOUR)
    assert seen.hours(30 * HOUR) == 0
    assert not seen.saw_day(Day("0004"), 2 * HOUR)


@pytest.mark.parametrize("result", [Result.REFUSED, Result.CANCELLED, Result.UNKNOWN])
def test_what_was_not_printed_begins_no_day(result: Result) -> None:
    seen = watch()
    seen.done(SALE, Outcome("k", result), 0.0)
    assert seen.hours(HOUR) == 0


def test_day_that_was_found_begun_counts_from_then() -> None:
    seen = watch()
    assert not seen.saw_day(Day("0003", 500, 0), HOUR)
    assert seen.hours(3 * HOUR) == 2
    assert not seen.saw_day(Day("0003", 900, 0), 3 * HOUR)
    assert seen.hours(3 * HOUR) == 2


def test_z_report_that_was_not_asked_for_here() -> None:
    seen = watch()
    seen.saw_day(Day("0003"), 0.0)
    assert not seen.saw_day(Day("0003"), 1.0)
    assert not seen.saw_day(Day(""), 2.0)
    assert seen.saw_day(Day("0004"), 3.0)
    assert told(seen, 3.0) == "z_by_itself"
    assert seen.by_itself == "Z report 0004 after 0003"
    seen.done(DayReport("z", z=True), Outcome("z", Result.PRINTED, z_number="0005"), 4.0)
    assert told(seen, 4.0) == ""


@pytest.mark.parametrize(
    ("off", "words"), [(121, "+2 min"), (-119, ""), (-3600, "-1 h 0 min"), (90, ""), (-180, "-3 min")]
)
def test_clock_that_is_off(off: int, words: str) -> None:
    seen = watch()
    seen.saw_clock(off)
    concern = seen.concern(0.0)
    assert (concern is not None) is bool(words)
    if concern is not None:
        assert concern.code == "clock_off"
        assert words in concern.cause


def test_small_tolerance_is_told_in_seconds() -> None:
    seen = Watch(24.0, 10)
    seen.saw_clock(30)
    concern = seen.concern(0.0)
    assert concern is not None
    assert "+30 s" in concern.cause


def test_the_same_clock_is_told_once_and_one_that_was_put_right_no_more() -> None:
    seen = watch()
    seen.saw_clock(149.6)
    told_first = seen.concern(0.0)
    for jitter in (150.4, 149.0, 151.2):
        seen.saw_clock(jitter)
        assert seen.concern(0.0) == told_first
    seen.saw_clock(-0.4)
    assert seen.concern(0.0) is None

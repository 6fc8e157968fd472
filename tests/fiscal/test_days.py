"""The fiscal day of a device: hours since the first receipt, the warning, and Z reports that nobody here asked for."""

from __future__ import annotations

import pytest

from gateway.fiscal.days import BLOCKS_H, WARN_H, FiscalDay
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import NotReady
from gateway.model.fiscal import PrintOutcome, PrintResult, ReportWork
from tests.fiscal.conftest import House, health, receipt

HOUR_NS = 3_600 * 10**9
NOW = Stamp(1_800_000_000_000, 5 * HOUR_NS, "boot-1", ClockQuality.NTP)


def later(hours: float, boot: str = "boot-1", quality: ClockQuality = ClockQuality.NTP) -> Stamp:
    mono = NOW.mono_ns + int(hours * HOUR_NS) if boot == NOW.boot else 1
    return Stamp(NOW.wall_ms + int(hours * 3_600_000), mono, boot, quality)


# The day itself ------------------------------------------------------------------------------------------


def test_a_day_begins_with_the_first_receipt_and_ends_with_the_report() -> None:
    day = FiscalDay("p-1", "7").sold(NOW).sold(later(3))
    assert day.hours(later(5)) == 5.0
    assert day.ended("8") == FiscalDay("p-1", "8")
    assert FiscalDay("p-1").hours(NOW) is None


@pytest.mark.parametrize(("hours", "due"), [(WARN_H - 0.01, False), (WARN_H, True), (30.0, True)])
def test_the_report_is_due_two_hours_before_the_device_blocks(hours: float, due: bool) -> None:
    assert FiscalDay("p-1", "7").sold(NOW).is_due(later(hours)) is due


@pytest.mark.parametrize(("hours", "over"), [(BLOCKS_H - 0.01, False), (BLOCKS_H, True)])
def test_after_24_hours_it_sells_no_more_where_its_reports_are_seen(hours: float, over: bool) -> None:
    assert FiscalDay("p-1", "7").sold(NOW).is_overdue(later(hours)) is over
    assert not FiscalDay("p-1").sold(NOW).is_overdue(later(hours))


def test_a_wall_clock_that_jumps_does_not_change_the_hours_of_a_boot() -> None:
    jumped = Stamp(NOW.wall_ms + 10**9, NOW.mono_ns + HOUR_NS, NOW.boot, NOW.quality)
    assert FiscalDay("p-1", "7").sold(NOW).hours(jumped) == 1.0


def test_after_a_restart_of_the_box_the_wall_clock_counts_if_somebody_vouches_for_it() -> None:
    day = FiscalDay("p-1", "7").sold(NOW)
    assert day.hours(later(23, "boot-2")) == 23.0
    assert day.hours(later(23, "boot-2", ClockQuality.GUESS)) is None
    assert day.hours(later(-3, "boot-2")) == 0.0


def test_what_was_printed_is_known_later_and_counts_from_then() -> None:
    day = FiscalDay("p-1", "7").sold_at(NOW.wall_ms)
    assert day.hours(later(23)) == 23.0
    assert day.sold_at(NOW.wall_ms + 1).sold(later(1)) == day


def test_leading_zeros_are_no_other_report() -> None:
    assert not FiscalDay("p-1", "0000007").moved_to("7")
    assert FiscalDay("p-1", "0000007").moved_to("8")


def test_a_number_that_moved_is_a_strangers_report_unless_another_device_stands_there() -> None:
    day = FiscalDay("p-1", "7", "DT1").sold(NOW)
    assert not day.moved_to("7", "DT1")
    assert not day.moved_to("", "DT1")
    assert not FiscalDay("p-1").moved_to("7")
    assert day.moved_to("8", "DT1")
    assert day.seen("8", "DT1") == FiscalDay("p-1", "8", "DT1")
    assert not day.moved_to("3", "DT2")
    assert day.seen("3", "DT2") == FiscalDay("p-1", "3", "DT2")


# In the journal ------------------------------------------------------------------------------------------


def advance(house: House, hours: float) -> None:
    house.place.clock.advance(hours * 3600)


async def test_somebody_is_told_once_and_again_after_the_next_first_receipt(house: House) -> None:
    await house.printers.look()
    await house.do(receipt("k1"))
    advance(house, WARN_H - 0.1)
    await house.printers.look()
    assert house.told == []
    advance(house, 0.2)
    await house.printers.look()
    await house.printers.look()
    assert house.told == [("p-1", "z_due")]
    assert house.place.bodies(EntryKind.Z_DUE) == [{"device": "p-1", "hours": 22}]
    (day,) = house.printers.days()
    assert (day.z_due, day.hours) == (True, 22.1)
    house.outputs.z_number = "8"
    house.outputs.print_script.append(PrintOutcome("z-1", PrintResult.PRINTED, "43", z_number="8"))
    await house.do(ReportWork("z-1", z=True))
    (day,) = house.printers.days()
    assert (day.z_due, day.hours, day.z_number) == (False, None, "8")
    await house.printers.look()
    assert house.told == [("p-1", "z_due")]
    await house.do(receipt("k2"))
    advance(house, WARN_H)
    await house.printers.look()
    assert house.told == [("p-1", "z_due")] * 2


async def test_the_hours_survive_a_restart_and_the_warning_comes_once(house: House) -> None:
    await house.do(receipt("k1"))
    advance(house, WARN_H)
    await house.printers.look()
    after = await (await house.crash()).own()
    (day,) = after.printers.days()
    assert (day.hours, day.z_due) == (WARN_H, True)
    await after.printers.look()
    assert after.told == []
    await after.stop()


async def test_a_report_that_nobody_here_asked_for_is_on_record_and_begins_the_day_anew(house: House) -> None:
    house.printers.on_change(health("p-1"))
    await house.printers.look()
    await house.do(receipt("k1"))
    house.outputs.z_number = "8"
    await house.printers.look()
    assert house.told == []  # it was looked at a moment ago
    advance(house, 0.2)
    await house.printers.look()
    advance(house, 0.2)
    await house.printers.look()
    assert house.place.bodies(EntryKind.Z_SEEN) == [{"device": "p-1", "before": "7", "now": "8"}]
    assert house.told == [("p-1", "z_seen")]
    (day,) = house.printers.days()
    assert (day.hours, day.z_number) == (None, "8")


async def test_a_report_in_doubt_is_no_strangers(house: House) -> None:
    await house.printers.look()
    house.outputs.print_script.append("intent")
    await house.do(ReportWork("z-1", z=True))
    house.outputs.z_number = "8"
    advance(house, 0.2)
    await house.printers.look()
    assert house.place.kinds(Stream.AUDIT) == []
    house.outputs.settle_script.append(PrintOutcome("z-1", PrintResult.PRINTED, "43", z_number="8"))
    house.printers.on_change(health("p-1"))
    await house.until_heard(2)
    advance(house, 0.2)
    await house.printers.look()
    assert house.place.kinds(Stream.AUDIT) == []


async def test_after_24_hours_nothing_is_sold_and_the_report_is_printed_all_the_same(house: House) -> None:
    await house.printers.look()
    await house.do(receipt("k1"))
    advance(house, 24.0)
    with pytest.raises(NotReady) as refused:
        house.printers.check("p-1")
    assert refused.value.code == "z_overdue"
    house.printers.check("p-1", sells=False)
    assert (await house.do(ReportWork("z-1", z=True))).result is PrintResult.PRINTED
    house.printers.check("p-1")


async def test_a_device_that_does_not_tell_its_reports_is_never_blocked_by_us(house: House) -> None:
    house.outputs.z_number = ""
    await house.printers.look()
    await house.do(receipt("k1"))
    advance(house, 30.0)
    house.printers.check("p-1")

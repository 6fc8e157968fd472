"""DATA of Datecs version 2: fields, sums, times, and what an error code says."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fiscal import datecs_v2_data as wire
from drivers.fiscal import datecs_v2_errors as errors
from drivers.fiscal.said import DataError
from drivers.fiscal.shown import money

safe = st.binary(max_size=20).map(lambda value: bytes(byte for byte in value if byte >= 0x20))


def test_every_field_ends_with_a_tab_the_empty_one_too() -> None:
    assert wire.fields("1", "", b"\xe0") == b"1\t\t\xe0\t"


@pytest.mark.parametrize("value", [b"two\tfields", b"two\nlines", b"\x01"])
def test_a_control_character_is_in_no_field(value: bytes) -> None:
    with pytest.raises(ValueError, match="control character"):
        wire.fields(value)


@given(st.lists(safe, max_size=8))
def test_fields_come_back_from_a_reply(values: list[bytes]) -> None:
    assert wire.reply(wire.fields("0", *values)) == wire.Reply(0, tuple(values))


@pytest.mark.parametrize(("data", "code"), [(b"0\t", 0), (b"0", 0), (b"-111016\t", -111016), (b"-1\t1.00\t", -1)])
def test_the_first_field_is_the_code(data: bytes, code: int) -> None:
    assert wire.reply(data).code == code


@pytest.mark.parametrize("data", [b"", b"\t", b"1\t", b"+0\t", b"-0\t", b"00\t", b"P,0\t", b"-12345678901\t", b"0 \t"])
def test_what_begins_with_no_code_is_no_reply(data: bytes) -> None:
    with pytest.raises(DataError, match="error code"):
        wire.reply(data)


@given(st.integers(0, 9_999_999_999))
def test_money_comes_back(value: int) -> None:
    assert wire.cents(wire.reply(wire.fields("0", money(value))), 1, "sum") == value


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("+0.07", 7), ("-3.20", -320), ("0000.05", 5), ("9999999.99", 999_999_999)]
)
def test_sums_as_devices_write_them(text: str, value: int) -> None:
    assert wire.cents(wire.reply(wire.fields("0", text)), 1, "sum") == value


@pytest.mark.parametrize("text", ["", "12", "1.5", "1.234", ".50", "1,50", "1.50 ", "--1.00", "12345678901.00"])
def test_a_sum_without_two_decimals_is_not_guessed(text: str) -> None:
    """A device set to whole units writes `12` for twelve of them, not for twelve cents."""
    with pytest.raises(DataError, match=r"field 1 \(sum\)"):
        wire.cents(wire.reply(wire.fields("0", text)), 1, "sum")


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(DataError, match=r"no field 3 \(items\)"):
        wire.numeral(wire.reply(b"0\t1\t2\t"), 3, "items")


def test_quantity_has_three_decimals() -> None:
    assert [wire.quantity(value) for value in (1, 2000, 12_345)] == ["0.001", "2.000", "12.345"]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("27-11-26 10:02:41", "2026-11-27T10:02:41"),
        ("27-06-26 10:02:41 DST", "2026-06-27T10:02:41"),
        ("27-11-2026 10:02:41", "2026-11-27T10:02:41"),
    ],
)
def test_times_are_read(text: str, time: str) -> None:
    assert wire.read_time(wire.reply(wire.fields("0", text)), 1, "time") == time


@pytest.mark.parametrize(
    "text",
    ["", "31-02-26 10:00:00", "27-11-26 24:00:00", "2026-11-27 10:00:00", "27-11-26 10:00", "27-11-1926 10:00:00"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"field 1 \(time\)"):
        wire.read_time(wire.reply(wire.fields("0", text)), 1, "time")


@given(st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2099-12-31T23:59:59")), st.booleans())
def test_time_comes_back(moment: datetime, summer: bool) -> None:
    time = moment.isoformat(timespec="seconds")
    written = wire.written_time(time, summer=summer)
    assert written.endswith(" DST") is summer
    assert wire.read_time(wire.reply(wire.fields("0", written)), 1, "time") == time


@pytest.mark.parametrize(
    "time", ["", "2026-11-27", "1999-12-31T23:59:59", "2026-02-30T10:00:00", "2026-11-27 10:02:41"]
)
def test_what_is_no_time_is_not_written(time: str) -> None:
    with pytest.raises(ValueError, match=r"form|day"):
        wire.written_time(time)


def test_rates_of_the_letters_in_use() -> None:
    told = wire.reply(b"0\t1\t21.00\t12.00\t5.00\t0.00\t100.00\t100.00\t100\t9.5\t01-01-26\t")
    assert wire.read_rates(told) == {"A": 2100, "B": 1200, "C": 500, "D": 0, "H": 950}


@pytest.mark.parametrize("data", [b"0\t1\t21.00\t", b"0\t1\t" + b"x\t" * 8])
def test_rates_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="rate"):
        wire.read_rates(wire.reply(data))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-111016, "no receipt is open (-111016)"),
        (-111015, "a receipt is open (-111015)"),
        (-111018, "the payment has begun (-111018)"),
        (-111024, "24 hours have passed: a Z report is needed first (-111024)"),
        (-112006, "there is no paper (-112006)"),
        (-112007, "the cover is open (-112007)"),
        (-111560, "the card was charged or was not: the register does not know, look at the pinpad (-111560)"),
        (-112103, "wrong form of parameter 3 (-112103)"),
        (-112212, "bad value of parameter 12 (-112212)"),
        (-105004, "fault of the electronic journal (-105004)"),
        (-111509, "fault of the pinpad (-111509)"),
        (-100406, "fault of the print unit (-100406)"),
        (-7, "an error that its documents do not list (-7)"),
    ],
)
def test_codes_are_told_in_words_and_with_their_number(code: int, words: str) -> None:
    assert errors.told(code) == words


def test_the_codes_that_the_reference_names_have_words_of_their_own() -> None:
    named = {-111015, -111016, -111018, -111024, -111560, -112006, -112007}
    assert named | errors.SIGNS.keys() | errors.NO_RECORDS <= errors.ERRORS.keys()


def test_ranges_do_not_overlap() -> None:
    for (_, last, _), (first, _, _) in zip(errors.RANGES, errors.RANGES[1:], strict=False):
        assert last < first

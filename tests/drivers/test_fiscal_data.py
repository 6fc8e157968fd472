"""The DATA of version 1 commands: what is sent is the published example, what comes is understood or refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal.said import Cash, DataError, Day, DeviceClock, Document, Identity, Last, Paid, Rates, Subtotal


def test_sale_says_quantity_and_the_discount_as_an_amount() -> None:
    assert wire.sale(b"Coffee", "A", 250, 2000, -50) == b"Coffee\tA2.50*2.000;-0.50"


def test_sale_with_a_surcharge() -> None:
    assert wire.sale(b"Coffee", "A", 250, 2000, 50) == b"Coffee\tA2.50*2.000;0.50"


def test_sale_says_a_quantity_of_one_and_no_discount_of_nothing() -> None:
    assert wire.sale(b"Tea", "B", 5, 1000, 0) == b"Tea\tB0.05*1.000"


def test_amount_off_the_subtotal() -> None:
    assert wire.adjust(-105) == b"00;-1.05"


def test_clock_and_the_time_of_what_is_given_back() -> None:
    assert wire.clock("2026-11-27T08:05:09") == b"27-11-26 08:05:09"
    assert wire.reversed_time("2026-11-27T08:05:09") == "271126080509"


def test_change_due_and_exact() -> None:
    assert wire.read_paid(b"R0000680") == Paid(0, 680)
    assert wire.read_paid(b"D+00001000") == Paid(1000, 0)
    assert wire.read_paid(b"D0") == wire.read_paid(b"R0") == Paid(0, 0)


@pytest.mark.parametrize("data", [b"F", b"E-00000100", b"I000000100", b"F,PP,-111555", b"F,PP,-111560,100,1234"])
def test_payment_that_failed_says_why(data: bytes) -> None:
    said = wire.read_paid(data)
    assert isinstance(said, str)
    assert data.decode() in said


def test_transaction_with_tender() -> None:
    assert wire.read_transaction(b"1,0002,+00001390,+00002000") == (True, 2, 1390, 2000)


def test_number_keeps_its_zeros() -> None:
    assert wire.read_number(b"0000472") == Last("0000472")


def test_number_of_the_last_z_report() -> None:
    assert wire.read_closure(b"100,0,0,0,0,0,0,0,0017,0003", 8) == Day("0017")


def test_sums_of_the_day_with_and_without_a_point() -> None:
    assert wire.read_sums(b"+00000001390,+00000000010,0,0,0,0,0,-5") == 1395
    assert wire.read_sums(b"13.90,0.10,0.00") == 1400


def test_report_cash_and_clock() -> None:
    assert wire.read_report(b"0018,+000001,0,0") == Day("0018")
    assert wire.read_report(b"") is None
    assert wire.read_cash(b"000001500,0,0") == Cash(1500)
    assert wire.read_clock(b"27-11-26 08:05:09") == DeviceClock("2026-11-27T08:05:09")


def test_code_of_an_opening_that_was_refused_and_of_no_other_command() -> None:
    assert wire.read_error(b"48,-150204,27-11-26 08:05:09,over 24 hours") == "-150204"
    assert wire.read_error(b"-150204") == "-150204"
    assert wire.read_error(b"53,-150412,27-11-26 08:05:09,not paid") == ""


def test_rates_of_the_letters_in_use() -> None:
    told = wire.read_rates(b"21.00,12.00,5,0.00,DT,DT,,9.5%")
    assert told == Rates({"A": 2100, "B": 1200, "C": 500, "D": 0, "H": 950})


def test_identity_of_a_device() -> None:
    identity = wire.read_identity(b"FP-2000,1.00BG 23NOV18 1000,FFFF,00000000,DT000600,02000600")
    assert identity == Identity("FP-2000", "1.00BG 23NOV18 1000", "DT000600", "02000600")


def test_identity_of_an_unknown_shape_is_its_name() -> None:
    assert wire.read_identity(b"DATECS\x00") == Identity("DATECS.")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"U,DT000600-OP01-0001000,1,24,0,472", Document("472", reversal=False, ended=False)),
        (b"U,,1,24,2,472", Document("472", reversal=True, ended=False)),
        (b"U,,1,24,4,472", Document(ended=False)),
        (b"D,27-11-2026 08:05:09,27-11-2026 08:05:12", Document(device_time="2026-11-27T08:05:09", ended=False)),
        (b"R,1,21.00,2.50,2.000,-0.50,4.50,U,,1,24,0,473", Document(ended=False)),
        (b"Z,12,472,470,27-11-2026 08:05:09,0.00,0.00,0.00", Document(ended=False)),
        (b"*,", Document()),
        (b"F", Document()),
    ],
)
def test_a_record_tells_number_and_kind_and_the_time_that_is_printed(line: bytes, told: Document) -> None:
    assert wire.read_record(line) == told


@pytest.mark.parametrize("line", [b"U,472", b"U,,1,24,0,x", b"D,27-11-2026", b"D,31-02-2026 08:05:09,x", b"D"])
def test_a_line_of_a_record_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(DataError):
        wire.read_record(line)


def closure(data: bytes) -> Day:
    return wire.read_closure(data, 8)


def subtotal(data: bytes) -> Subtotal:
    return wire.read_subtotal(data)


READERS: list[Callable[[bytes], object]] = [
    subtotal,
    wire.read_paid,
    wire.read_transaction,
    wire.read_number,
    closure,
    wire.read_sums,
    wire.read_cash,
    wire.read_clock,
    wire.read_rates,
    wire.read_error,
    wire.read_document,
]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("data", [b"", b",", b"\xff\xfe", b"-", b"9" * 40, b"1.2", "١٢".encode(), b"31-02-26 00:00:00"])
def test_data_that_is_not_the_commands_is_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(DataError):
        read(data)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("0123456789,+-.DRFEIT :%", max_size=40).map(str.encode)))
def test_readers_raise_nothing_but_their_own_error(data: bytes) -> None:
    wire.read_identity(data)
    wire.read_report(data)
    with contextlib.suppress(DataError):
        wire.read_record(data)
    for read in READERS:
        try:
            read(data)
        except DataError:
            continue

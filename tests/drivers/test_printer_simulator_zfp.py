"""The simulated Tremol device: what its commands do and refuse."""

from __future__ import annotations

import pytest

from tests.drivers.zfp_host import BOOK, CLOSE, COFFEE, OPEN, PAY, Host


def test_receipt_from_open_to_number() -> None:
    host = Host()
    host.do(OPEN, (0x37, b"Nr. k-1"), COFFEE, BOOK)
    assert host.fields(0x33, b"0;0") == ["13.90"]
    assert host.fields(0x33, b"1;0,-5.00") == ["13.20"]
    host.do((0x35, b"7;0;3.20"))
    assert host.fields(0x72)[:5] == ["1", "002", "4.27", "0.00", "8.93"]
    assert host.fields(0x72)[8:10] == ["1", "0"]
    host.do((0x35, b'0;0;"'))
    assert host.fields(0x72)[8:10] == ["1", "1"]
    host.do(CLOSE)
    assert host.fields(0x72)[0] == "0"
    assert host.fields(0x72, b"P")[:3] == ["P", "0", "10.00"]
    assert host.fields(0x71) == ["000001"]
    (document,) = host.device.documents
    assert (document.key, document.payments) == ("k-1", (("card", 320), ("cash", 1000)))


@pytest.mark.parametrize(
    ("history", "request_", "digits"),
    [
        ([OPEN], OPEN, (4, 2)),
        ([(0x2E, b"1;0000")], OPEN, (6, 2)),
        ([OPEN, BOOK, (0x35, b"7;0;1.00")], BOOK, (5, 2)),
        ([OPEN, BOOK], CLOSE, (5, 2)),
        ([OPEN, BOOK, PAY], PAY, (7, 2)),
        ([], CLOSE, (0, 2)),
        ([], (0x30, b"1;4711;1;1;0"), (9, 0)),
        ([OPEN], (0x31, b"x".ljust(36) + b";\xc0;0.00"), (0, 6)),
        ([OPEN], (0x31, b"x".ljust(36) + b";A;1.00"), (0, 4)),
        ([OPEN], (0x31, b"x;\xc0;1.00"), (0, 4)),
        ([OPEN], (0x31, b"x".ljust(36) + b";\xc0;1.005"), (0, 4)),
        ([OPEN, BOOK], (0x31, b"x".ljust(36) + b";\xc2;-9.99"), (0, 7)),
        ([OPEN, BOOK, COFFEE], (0x33, b"0;0:-1.00"), (15, 2)),
        ([], (0x3B, b"1;0000;0;-0.01"), (0, 8)),
        ([], (0x7C, b""), (0, 4)),
        ([], (0x41, b"1;0000"), (0, 1)),
    ],
)  # fmt: skip
def test_refusals_are_acknowledged_with_their_digits(
    history: list[tuple[int, bytes]], request_: tuple[int, bytes], digits: tuple[int, int]
) -> None:
    host = Host()
    host.do(*history)
    before = host.device.stage, len(host.device.documents)
    assert host.digits(*request_) == digits
    assert (host.device.stage, len(host.device.documents)) == before


@pytest.mark.parametrize(
    ("history", "command", "data"),
    [
        ([], 0x30, b"1"),
        ([], 0x30, b"1;0000;1;1"),
        ([], 0x30, b"1;0000;2;1;0"),
        ([], 0x30, b"1;0000;1;1;9"),
        ([], 0x30, b"1;0000;1;1;2$no number"),
        ([], 0x30, b"1;0000;1;1;D;1;000001;27-11-26 08:00:00"),
        ([], 0x30, b"1;0000;1;1;D;7;000001;27-11-26 08:00:00;50000900"),
        ([], 0x30, b"1;0000;1;1;D;1;000001;yesterday;50000900"),
        ([], 0x30, b"1;0000;1;1;D;1;000001;27-11-26 08:00:00;5"),
        ([OPEN, BOOK], 0x33, b"0"),
        ([OPEN, BOOK], 0x35, b"12;0;9.40"),
        ([OPEN, BOOK], 0x35, b"0;2;9.40"),
        ([OPEN, BOOK], 0x35, b"0;0;-9.40"),
        ([OPEN, BOOK], 0x35, b"0;0;9.40;3"),
        ([], 0x2E, b"1;0000;1"),
        ([], 0x3B, b"1;0000;1;5.00"),
        ([], 0x48, b"27-11-26 25:00:00"),
        ([], 0x6E, b"x"),
        ([], 0x72, b"Q"),
        ([], 0x7C, b"E"),
    ],
)
def test_data_that_is_not_the_commands_is_a_syntax_error(
    history: list[tuple[int, bytes]], command: int, data: bytes
) -> None:
    host = Host()
    host.do(*history)
    assert host.digits(command, data) == (0, 4)


@pytest.mark.parametrize(
    ("history", "command", "data", "told"),
    [
        ([], 0x21, b"", ["2", "123456", "27-11-2018 10:00", "TREMOL M20", "Ver. 1.01 TRA20"]),
        ([], 0x60, b"", ["ZK000900", "50000900"]),
        ([], 0x61, b"", ["40003000000  ", "0", "000123", "01-01-2026 10:00"]),
        ([(0x3B, b"1;0000;0;5.00")], 0x6E, b"2", ["2", "5.00", *["0.00"] * 11, "1"]),
        ([(0x3B, b"1;0000;0;5.00"), (0x3B, b"1;0000;0;-2.00$1;rent")], 0x6E, b"3", ["3", "2.00", *["0.00"] * 11, "1"]),
        ([OPEN, BOOK, (0x35, b"7;0;9.40"), CLOSE], 0x6E, b"4", ["4", *["0.00"] * 7, "9.40", *["0.00"] * 4]),
        ([], 0x72, b"", ["0", "000", *["0.00"] * 3, *"0000000", "0.00", "0", *["0.00"] * 5, "000000"]),
        ([(0x7C, b"Z")], 0x73, b"", ["27-11-2026", "1", "0", "000001", "01-01-2000 00:00", "1", "0", ""]),
    ],
)
def test_each_read_tells_what_its_document_says(
    history: list[tuple[int, bytes]], command: int, data: bytes, told: list[str]
) -> None:
    host = Host()
    host.do(*history)
    assert host.fields(command, data) == told


@pytest.mark.parametrize(("history", "command"), [([], 0x29), ([], 0x2A), ([], 0x2B), ([OPEN, BOOK, PAY, CLOSE], 0x3A)])
def test_paper_drawer_and_copy(history: list[tuple[int, bytes]], command: int) -> None:
    host = Host()
    host.do(*history, (command, b""))


def test_cancel_of_an_unpaid_receipt_takes_all_back() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x39, b""))
    assert host.device.documents[-1].closed == "cancelled"


def test_cancel_of_a_half_paid_receipt_closes_it() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x35, b"7;0;1.00"), (0x39, b""))
    assert (host.device.documents[-1].closed, host.device.documents[-1].total_cents) == (True, 940)


def test_36h_pays_and_closes_in_one() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x36, b""))
    assert host.device.documents[-1].payments == (("cash", 940),)


def test_amount_off_the_subtotal_of_one_group() -> None:
    host = Host()
    host.do(OPEN, BOOK)
    assert host.fields(0x33, b"0;0:-1.00") == ["8.40"]


def test_payment_without_change_takes_no_more_than_is_due() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x35, b"2;1;20.00"), CLOSE)
    assert host.device.documents[-1].payments == (("coupon", 940),)


def test_reversal_names_the_receipt() -> None:
    host = Host()
    host.do((0x30, b"1;0000;1;1;D;1;000001;27-11-26 08:00:00;50000900"), BOOK)
    assert host.fields(0x72)[11] == "6"
    host.do((0x35, b"0;0;9.40"), CLOSE)
    assert host.fields(0x6D)[-1] == "9.40"
    assert host.device.documents[-1].lines[0] == "reversal (refund) of 0000001 2026-11-27T08:00:00 50000900"


def test_reports_cash_clock_and_rates() -> None:
    host = Host()
    host.do(OPEN, BOOK, PAY, CLOSE, (0x3B, b"1;0000;0;10.00"))
    assert host.fields(0x6E, b"0")[:2] == ["0", "19.40"]
    assert host.fields(0x6D)[8] == "9.40"
    host.do((0x7C, b"X"), (0x7C, b"Z"))
    assert host.fields(0x6E, b"5")[:2] == ["5", "1"]
    assert host.fields(0x6D)[8] == "0.00"
    assert host.fields(0x68) == ["27-11-2026 08:00"]
    host.do((0x48, b"27-11-26 09:30:00"))
    assert host.fields(0x68) == ["27-11-2026 09:30"]
    assert host.fields(0x62)[:3] == ["21.00%".rjust(7), "12.00%".rjust(7), "5.00%".rjust(7)]


def test_slip_is_closed_by_either_command() -> None:
    for command in (0x2F, 0x38):
        host = Host()
        host.do((0x2E, b"1;0000;0;1"), (0x37, b"Balance: 5"), (command, b""))
        assert host.device.documents[-1].kind == "slip"

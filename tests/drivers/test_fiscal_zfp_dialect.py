"""Tremol ZFP: every operation as its command, every answer as what it says."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal.dialect import Clerk, Dialect
from drivers.fiscal.families import Sign
from drivers.fiscal.frames import Answer
from drivers.fiscal.operations import (
    AdjustSubtotal,
    Cancel,
    Close,
    CloseSlip,
    CopyLast,
    Identify,
    MoveCash,
    Open,
    OpenReversal,
    OpenSlip,
    Operation,
    Pay,
    PrintDay,
    ReadCash,
    ReadClock,
    ReadDay,
    ReadDocument,
    ReadError,
    ReadLast,
    ReadRates,
    ReadStatus,
    ReadSubtotal,
    ReadTransaction,
    Sale,
    SlipLine,
    Text,
    WriteClock,
)
from drivers.fiscal.said import DataError, Day, Identity, Last, Paid, Said, Stage, Subtotal, Transaction, merged
from drivers.fiscal.zfp import encode_request
from drivers.fiscal.zfp_dialect import Tremol
from drivers.fiscal.zfp_family import COMMAND_FAULTS, DEVICE_FAULTS, TREMOL

TREMOL_DIALECT: Dialect = Tremol(TREMOL, Clerk("1", "0000", "1"))
GIVEN_BACK = Reversal("000123", ReversalReason.REFUND, "2026-11-27T10:02:41", "50163145")
COFFEE = b"Kafija".ljust(36)

REQUESTS: list[tuple[Operation, int, bytes]] = [
    (Identify(), 0x21, b""),
    (Identify(1), 0x60, b""),
    (Identify(2), 0x61, b""),
    (ReadStatus(), 0x20, b""),
    (ReadTransaction(), 0x72, b""),
    (ReadTransaction(1), 0x72, b"P"),
    (ReadLast(), 0x71, b""),
    (ReadDay(0), 0x6E, b"5"),
    (ReadDay(1), 0x6D, b""),
    (ReadCash(), 0x6E, b"0"),
    (ReadClock(), 0x68, b""),
    (ReadRates(), 0x62, b""),
    (Open(), 0x30, b"1;0000;1;1;2"),
    (Open("ZK126720-0001-0000007"), 0x30, b"1;0000;1;1;2$ZK126720-0001-0000007"),
    (OpenReversal(GIVEN_BACK), 0x30, b"1;0000;1;1;D;1;000123;27-11-26 10:02:41;50163145"),
    (Text(b"Nr. k-1"), 0x37, b"Nr. k-1"),
    (Sale(b"Kafija", "A", 250, 2000), 0x31, COFFEE + b";\xc0;2.50*2.000"),
    (Sale(b"Kafija", "C", 250, 2000, discount_cents=50), 0x31, COFFEE + b";\xc2;2.50*2.000:-0.50"),
    (Sale(b"Kafija", "H", 5, 375, surcharge_cents=1), 0x31, COFFEE + b";\xc7;0.05*0.375:0.01"),
    (Sale(b"a;b|c", "A", 1, 1000), 0x31, b"a,b/c".ljust(36) + b";\xc0;0.01*1.000"),
    (AdjustSubtotal(-100, "A"), 0x33, b"0;0:-1.00"),
    (AdjustSubtotal(100, "A"), 0x33, b"0;0:1.00"),
    (ReadSubtotal(), 0x33, b"0;0"),
    (ReadSubtotal(1), 0x72, b""),
    (ReadDocument("0000042"), 0x72, b"b;000042"),
    (ReadDocument("0000042", way=1), 0x72, b"B"),
    (Pay(Payment.CASH, 2000), 0x35, b"0;0;20.00"),
    (Pay(Payment.CARD, 1390), 0x35, b"7;0;13.90"),
    (Pay(Payment.RESERVED2, 1390), 0x35, b"10;0;13.90"),
    (Close(), 0x38, b""),
    (Cancel(), 0x39, b""),
    (PrintDay(z=False), 0x7C, b"X"),
    (PrintDay(z=True), 0x7C, b"Z"),
    (MoveCash(5000), 0x3B, b"1;0000;0;50.00"),
    (MoveCash(-5000), 0x3B, b"1;0000;0;-50.00"),
    (WriteClock("2026-11-27T10:02:41"), 0x48, b"27-11-26 10:02:41"),
    (OpenSlip(), 0x2E, b"1;0000"),
    (SlipLine(b"Paldies!"), 0x37, b"Paldies!"),
    (CloseSlip(), 0x2F, b""),
    (CopyLast(), 0x3A, b""),
]
OPERATIONS = [operation for operation, _, _ in REQUESTS]


def done(digits: bytes = b"00") -> Answer:
    return Answer(0x20, None, b"", digits)


def told(command: int, data: bytes) -> Answer:
    return Answer(0x20, command, data, b"")


@pytest.mark.parametrize(("operation", "command", "data"), REQUESTS, ids=lambda value: repr(value)[:40])
def test_operation_is_its_command(operation: Operation, command: int, data: bytes) -> None:
    assert TREMOL_DIALECT.request(operation) == (command, data)
    encode_request(0x20, command, data)


def test_every_operation_is_tested() -> None:
    assert {type(operation) for operation in OPERATIONS} == set(get_args(Operation)) - {ReadError}
    assert not TREMOL.reads_error
    with pytest.raises(ValueError, match="its own answer"):
        TREMOL_DIALECT.request(ReadError())


@pytest.mark.parametrize(
    "operation",
    [
        Pay(Payment.CREDIT, 100),
        Sale(b"x", "K", 100, 1000),
        Sale(b"x" * 37, "A", 100, 1000),
        Sale(b"x", "A", 10**9, 1000),
        Sale(b"x", "A", 100, 10**9),
        Sale(b"x", "A", 2_000_000, 1000, discount_cents=1_000_000),
        AdjustSubtotal(-1_000_000, "A"),
        OpenReversal(Reversal("000123")),
        OpenReversal(Reversal("0000123", device_time="2026-11-27T10:02:41", fiscal_memory="50163145")),
        OpenReversal(Reversal("1;2", device_time="2026-11-27T10:02:41", fiscal_memory="50163145")),
        OpenReversal(Reversal("123", device_time="yesterday", fiscal_memory="50163145")),
        Open("a;b"),
        Open("x" * 25),
        WriteClock("27.11.2026"),
    ],
    ids=repr,
)
def test_what_the_device_cannot_do_is_refused_before_it_is_sent(operation: Operation) -> None:
    with pytest.raises(ValueError, match=r"."):
        TREMOL_DIALECT.request(operation)


@pytest.mark.parametrize("digits", [*[(d, 0) for d in DEVICE_FAULTS if d != 13], *[(0, c) for c in COMMAND_FAULTS]])
def test_acknowledgement_of_a_refused_command_says_why(digits: tuple[int, int]) -> None:
    status = bytes(0x30 + digit for digit in digits)
    said = TREMOL_DIALECT.said(Close(), done(status))
    fault = DEVICE_FAULTS.get(digits[0]) or COMMAND_FAULTS[digits[1]]
    assert said.refused == fault.words
    assert said.code == status.decode()
    assert said.signs == ({fault.sign} if fault.sign else set())


def test_both_digits_are_told() -> None:
    said = TREMOL_DIALECT.said(Open(), done(b"32"))
    assert said == Said(
        frozenset({Sign.CLOCK_NOT_SET, Sign.NOT_ALLOWED}), "the clock fails or is not set, not allowed now", "32"
    )


def test_digits_of_the_older_edition_are_letters() -> None:
    assert TREMOL_DIALECT.said(Open(), done(b"B0")).signs == {Sign.DAY_OVER}


def test_command_error_that_the_document_does_not_know_refuses_too() -> None:
    assert TREMOL_DIALECT.said(Sale(b"x", "A", 1, 1000), done(b"09")).refused == "command error 9"


@pytest.mark.parametrize("operation", [Open(), Sale(b"x", "A", 1, 1000), Pay(Payment.CASH, 1), Close(), Cancel()])
def test_power_cut_leaves_open_whether_the_command_was_carried_out(operation: Operation) -> None:
    with pytest.raises(DataError, match="read back"):
        TREMOL_DIALECT.said(operation, done(b"=0"))


def test_power_cut_with_a_command_error_is_a_refusal() -> None:
    said = TREMOL_DIALECT.said(Close(), done(b"=2"))
    assert said.refused
    assert said.signs == {Sign.POWER_CUT, Sign.NOT_ALLOWED}


def test_power_cut_before_a_read_only_asks_to_read_again() -> None:
    assert TREMOL_DIALECT.said(ReadTransaction(), done(b"=0")).signs == {Sign.POWER_CUT}


@pytest.mark.parametrize("operation", [Open(), Text(b"x"), Sale(b"x", "A", 1, 1000)])
def test_carried_out_means_that_a_receipt_is_open(operation: Operation) -> None:
    assert TREMOL_DIALECT.said(operation, done()) == Said(frozenset({Sign.RECEIPT_OPEN}))


@pytest.mark.parametrize("operation", [Close(), Cancel(), PrintDay(z=True), MoveCash(1), OpenSlip(), CopyLast()])
def test_carried_out_says_nothing_more(operation: Operation) -> None:
    assert TREMOL_DIALECT.said(operation, done()) == Said(frozenset())


def test_payment_does_not_tell_what_is_due() -> None:
    assert TREMOL_DIALECT.said(Pay(Payment.CASH, 100), done()).value == Paid()


def test_read_that_is_acknowledged_without_its_data_is_not_believed() -> None:
    with pytest.raises(DataError):
        TREMOL_DIALECT.said(ReadSubtotal(), done())


def test_data_where_an_acknowledgement_belongs_is_not_believed() -> None:
    with pytest.raises(DataError):
        TREMOL_DIALECT.said(Close(), told(0x38, b"000123"))


def test_answer_to_another_command_is_not_believed() -> None:
    with pytest.raises(DataError):
        TREMOL_DIALECT.said(ReadLast(), told(0x72, b"0"))


@pytest.mark.parametrize(
    ("status", "signs", "blocks"),
    [
        ("80 80 80 B0 80 80 80", set(), set()),
        ("80 80 80 B0 80", set(), set()),
        ("82 81 82 B0 80 80 90", {Sign.POWER_CUT, Sign.PAPER_OUT, Sign.RECEIPT_OPEN, Sign.PAPER_LOW}, None),
        ("88 80 81 B0 80 80 80", {Sign.CLOCK_NOT_SET, Sign.SERVICE_OPEN}, {Sign.CLOCK_NOT_SET, Sign.SERVICE_OPEN}),
        ("80 80 C0 90 80 80 80", {Sign.JOURNAL_FULL, Sign.TRAINING}, {Sign.JOURNAL_FULL}),
        ("80 80 80 A0 80 80 80", {Sign.WHOLE_NUMBERS}, {Sign.WHOLE_NUMBERS}),
    ],
)
def test_status_bits(status: str, signs: set[Sign], blocks: set[Sign] | None) -> None:
    said = TREMOL_DIALECT.said(ReadStatus(), told(0x20, bytes.fromhex(status)))
    assert said == Said(frozenset(signs))
    assert set(TREMOL.blocks(said.signs)) == ({Sign.PAPER_OUT, Sign.RECEIPT_OPEN} if blocks is None else blocks)


@pytest.mark.parametrize("size", [0, 4, 8])
def test_status_of_another_size_is_not_believed(size: int) -> None:
    with pytest.raises(DataError):
        TREMOL_DIALECT.said(ReadStatus(), told(0x20, b"\x80" * size))


def test_parts_make_one_identity() -> None:
    answers = [
        told(0x21, b"1;784;04-02-2019 08:00;TREMOL M20;V1"),
        told(0x60, b"ZK126720;50163145"),
        told(0x61, b"X1;0"),
    ]
    parts = [TREMOL_DIALECT.said(Identify(part), answer).value for part, answer in enumerate(answers)]
    assert len(parts) == TREMOL.reads_identity
    assert merged([part for part in parts if isinstance(part, Identity)]) == Identity(
        "TREMOL M20", "V1", "ZK126720", "50163145", "X1"
    )


def test_parts_make_one_transaction_whose_stage_is_that_of_the_first() -> None:
    first = b"1;001;13.90;0;0;0;1;1;1;0;0;2;0.00;0;0;0;0;0;0;000124"
    parts = [
        TREMOL_DIALECT.said(ReadTransaction(0), told(0x72, first)),
        TREMOL_DIALECT.said(ReadTransaction(1), told(0x72, b"P;1;10.00;0.00")),
    ]
    assert parts[0].signs == {Sign.RECEIPT_OPEN}
    assert len(parts) == TREMOL.reads_transaction
    values = [part.value for part in parts if isinstance(part.value, Transaction)]
    assert merged(values) == Transaction(Stage.PAYING, False, 1, 1390, 1000)


def test_parts_make_one_day() -> None:
    sums = told(0x6D, b";".join([b"0.00"] * 8 + [b"5.00"] + [b"0.00"] * 8 + [b"2.00"]))
    days = [
        TREMOL_DIALECT.said(ReadDay(0), told(0x6E, b"5;42;42;1;26-11-2026 22:01")).value,
        TREMOL_DIALECT.said(ReadDay(1), sums).value,
    ]
    assert len(days) == TREMOL_DIALECT.reads_day
    assert merged([day for day in days if isinstance(day, Day)]) == Day("42", 500, 200)


def test_values_that_take_one_command() -> None:
    assert TREMOL_DIALECT.said(ReadLast(), told(0x71, b"000123")).value == Last("000123")
    assert TREMOL_DIALECT.said(ReadSubtotal(), told(0x33, b"13.90")).value == Subtotal(1390)


def test_letters_of_the_subtotal_are_told_of_an_open_receipt_only() -> None:
    data = b"1;002;4.50;0.00;9.40;0;1;1;0;0;0;2;0.00;0;0.00;0.00;0.00;0.00;0.00;000124"
    said = TREMOL_DIALECT.said(ReadSubtotal(1), told(0x72, data))
    assert said == Said(frozenset({Sign.RECEIPT_OPEN}), value=Subtotal(1390, {"A": 450, "C": 940}))
    assert TREMOL_DIALECT.said(ReadSubtotal(1), told(0x72, b"0;")) == Said(frozenset())


def test_sum_after_an_adjustment_is_not_believed_to_be_the_new_one() -> None:
    assert TREMOL_DIALECT.said(AdjustSubtotal(-100, "A"), told(0x33, b"13.90")).value is None


def test_password_is_not_shown() -> None:
    assert repr(TREMOL_DIALECT) == "Tremol('tremol')"


fields = st.lists(st.sampled_from([b"0", b"1", b"P", b"5", b"7", b"12.50", b"-0.5", b"", b"x", b"003"]), max_size=24)


@given(
    st.sampled_from(OPERATIONS),
    st.booleans(),
    st.one_of(st.binary(max_size=120), fields.map(b";".join)),
    st.binary(max_size=3),
)
def test_anything_that_is_answered_is_said_or_refused_by_data_error(
    operation: Operation, acknowledges: bool, data: bytes, digits: bytes
) -> None:
    command = TREMOL_DIALECT.request(operation)[0]
    answer = done(digits) if acknowledges else told(command, data)
    try:
        said = TREMOL_DIALECT.said(operation, answer)
    except DataError:
        return
    assert said.value is None or not said.refused


@given(
    st.binary(min_size=1, max_size=34).map(lambda text: bytes(byte | 0x20 for byte in text)),
    st.sampled_from("ABCDEFGH"),
    st.integers(1, TREMOL.max_cents),
    st.integers(1, TREMOL.max_quantity),
    st.integers(-TREMOL.max_cents, TREMOL.max_cents),
)
def test_a_sale_keeps_its_fields_whatever_its_text_holds(
    text: bytes, vat: str, unit: int, quantity: int, change: int
) -> None:
    sold = Sale(text, vat, unit, quantity, discount_cents=max(-change, 0), surcharge_cents=max(change, 0))
    command, data = TREMOL_DIALECT.request(sold)
    assert command == 0x31
    printed, letter, rest = data.split(b";")
    assert len(printed) == 36
    assert letter == bytes((0xC0 + "ABCDEFGH".index(vat),))
    price, amount = rest.split(b":")[0].split(b"*")
    assert (int(price.replace(b".", b"")), int(amount.replace(b".", b""))) == (unit, quantity)
    encode_request(0x20, command, data)

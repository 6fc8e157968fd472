"""Groups A and B of version 1 as dialects: each operation as its command, each answer as what it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal import operations as op
from drivers.fiscal.datecs_v1 import decode_answer, encode_request
from drivers.fiscal.datecs_v1_dialect import DatecsV1
from drivers.fiscal.datecs_v1_family import DATECS_V1_A, DATECS_V1_B
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Family, Sign
from drivers.fiscal.frames import Answer
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Document,
    Last,
    Paid,
    Said,
    Stage,
    Subtotal,
    Transaction,
)

A = DatecsV1(DATECS_V1_A, Clerk("1", "0000", "1"))
B = DatecsV1(DATECS_V1_B, Clerk("1", "1", "24"))
CLEAN = bytes.fromhex("80 80 80 80 86 9A")
OPEN = bytes.fromhex("80 80 88 80 86 9A")
NOT_NOW = bytes.fromhex("A0 82 80 80 86 9A")
NO_PAPER = bytes.fromhex("A0 80 81 80 86 9A")
BACK = Reversal("0000472", ReversalReason.REFUND, "2026-11-27T08:05:09", "02000600")
both = pytest.mark.parametrize("dialect", [A, B], ids=["A", "B"])

OPERATIONS: tuple[Operation, ...] = (
    op.Identify(), op.ReadStatus(), op.ReadTransaction(), op.ReadLast(), op.ReadDay(0), op.ReadDay(1), op.ReadCash(),
    op.ReadClock(), op.ReadRates(), op.Open(), op.Open("DT000600-OP01-0001000"), op.OpenReversal(BACK), op.Text(b"x"),
    op.Sale(b"x", "A", 100, 1000), op.AdjustSubtotal(-5), op.ReadSubtotal(), op.Pay(Payment.CASH, 100), op.Close(),
    op.Cancel(), op.PrintDay(z=False), op.PrintDay(z=True), op.MoveCash(-100), op.WriteClock("2026-11-27T08:05:09"),
    op.OpenSlip(), op.SlipLine(b"x"), op.CloseSlip(), op.CopyLast(), op.ReadError(),
    op.ReadDocument("0000472"), op.ReadDocument("0000472", 1),
)  # fmt: skip


def hexed(dialect: DatecsV1, seq: int, operation: Operation) -> str:
    return encode_request(seq, *dialect.request(operation)).hex(" ").upper()


def said(dialect: DatecsV1, operation: Operation, data: bytes = b"", status: bytes = CLEAN) -> Said:
    return dialect.said(operation, Answer(0x20, dialect.request(operation)[0], data, status))


# Requests --------------------------------------------------------------------------------------------------


def test_opening_is_the_published_frame_of_each_group() -> None:
    assert hexed(A, 0x21, op.Open()) == "01 2C 21 30 31 2C 30 30 30 30 2C 31 05 30 31 3F 3C 03"
    b = DatecsV1(DATECS_V1_B, Clerk("1", "1", "1"))
    published = (
        "01 3F 25 30 31 2C 31 2C 44 59 34 32 33 37 39 33 2D 30 30 30 31 2D 30 30 30 30 30 30 32 2C 31 05 30 35 3F 36 03"
    )
    assert hexed(b, 0x25, op.Open("DY423793-0001-0000002")) == published


def test_a_document_of_the_journal_is_asked_for_in_each_groups_way() -> None:
    assert A.request(op.ReadDocument("0000472")) == (119, b"W,472")
    assert A.request(op.ReadDocument("0000472", 5)) == (119, b"w")
    assert B.request(op.ReadDocument("0000472")) == (125, b"0,472,0")
    assert said(B, op.ReadDocument("6"), b"F").refused == "answered F"
    told = said(B, op.ReadDocument("6"), b"P,6,14-02-19 16:14:37,8,1").value
    assert told == Document("6", "2019-02-14T16:14:37", True)


def test_payment_close_transaction_and_z_report_are_the_published_frames() -> None:
    assert hexed(A, 0x25, op.Pay(Payment.CASH, 2000)) == "01 2B 25 35 09 50 32 30 2E 30 30 05 30 31 3D 33 03"
    assert hexed(A, 0x26, op.Close()) == "01 24 26 38 05 30 30 38 37 03"
    assert hexed(A, 0x27, op.ReadTransaction()) == "01 25 27 4C 54 05 30 30 3F 31 03"
    assert hexed(A, 0x7F, op.PrintDay(z=True)) == "01 25 7F 45 30 05 30 31 31 3E 03"


@both
def test_x_report_is_never_without_data(dialect: DatecsV1) -> None:
    assert dialect.request(op.PrintDay(z=False)) == (69, b"2")


def test_c_is_a_cheque_in_a_and_a_card_in_b() -> None:
    assert A.request(op.Pay(Payment.CARD, 5)) == (53, b"\tD0.05")
    assert A.request(op.Pay(Payment.CHEQUE, 5)) == (53, b"\tC0.05")
    assert B.request(op.Pay(Payment.CARD, 5)) == (53, b"\tC0.05")
    with pytest.raises(ValueError, match="cheque"):
        B.request(op.Pay(Payment.CHEQUE, 5))


def test_number_of_the_sale_stands_where_the_group_has_it() -> None:
    assert A.request(op.Open("DT000600-OP01-0001000"))[1] == b"1,0000,1,DT000600-OP01-0001000"
    assert B.request(op.Open("DT000600-OP01-0001000"))[1] == b"1,1,DT000600-OP01-0001000,24"


def test_what_is_given_back_is_named_in_full_so_that_the_device_waits_for_its_lines() -> None:
    assert A.request(op.OpenReversal(BACK)) == (46, b"1,0000,1,R0000472,,271126080509,02000600")
    assert B.request(op.OpenReversal(BACK)) == (46, b"1,1,,24,1,0000472,271126080509,02000600")


@both
def test_every_operation_fits_into_a_frame(dialect: DatecsV1) -> None:
    for operation in OPERATIONS:
        command, data = dialect.request(operation)
        assert dialect.framing.encode(0x20, command, data)


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="has no Answer"):
        A.request(Answer(0x20, 74, b"", CLEAN))  # type: ignore[arg-type]


# Answers ---------------------------------------------------------------------------------------------------


@both
def test_refused_command_of_a_real_log_is_a_refusal(dialect: DatecsV1) -> None:
    answer = decode_answer(bytes.fromhex("01 2B 24 3C 04 A0 82 80 80 86 9A 05 30 33 3D 36 03"))
    assert dialect.said(op.Cancel(), answer) == Said(frozenset({Sign.NOT_ALLOWED}), "not_allowed_now")


@both
def test_without_paper_what_prints_is_refused_and_what_reads_is_answered(dialect: DatecsV1) -> None:
    assert said(dialect, op.Sale(b"x", "A", 100, 1000), b"", NO_PAPER).refused == "paper_out"
    assert said(dialect, op.AdjustSubtotal(-5), b"", NO_PAPER).refused == "paper_out"
    assert said(dialect, op.ReadLast(), b"0000472", NO_PAPER).value == Last("0000472")
    assert said(dialect, op.ReadCash(), b"P,5,0,0", NO_PAPER).value == Cash(5)


@both
def test_receipt_by_its_stage(dialect: DatecsV1) -> None:
    for paid, stage in ((0, Stage.OPEN), (500, Stage.PAYING), (1390, Stage.PAID), (2000, Stage.PAID)):
        data = f"1,0002,+00001390,+{paid:08}".encode()
        assert said(dialect, op.ReadTransaction(), data, OPEN).value == Transaction(stage, False, 2, 1390, paid)


@both
def test_slip_that_is_open_is_no_receipt(dialect: DatecsV1) -> None:
    found = said(dialect, op.ReadTransaction(), b"1,0002,+1390,+1390", bytes.fromhex("80 80 A0 80 86 9A"))
    assert found.value == Transaction(Stage.NONE, False, 2, 1390, 1390)


def test_status_and_answer_that_contradict_each_other_are_believed_neither() -> None:
    with pytest.raises(DataError):
        said(A, op.ReadTransaction(), b"0,0002,+1390,+1390", OPEN)


def test_storno_that_is_open_is_seen_in_a() -> None:
    found = said(A, op.ReadTransaction(), b"1,0001,+250,0", bytes.fromhex("80 90 80 80 86 9A"))
    assert found.value == Transaction(Stage.OPEN, True, 1, 250, 0)


def test_letters_in_front_of_an_answer() -> None:
    assert said(A, op.ReadDay(0), b"0,0,0,0,0,0,0,0,0017,0001").value == Day("0017")
    assert said(B, op.ReadDay(0), b"P,0,0,0,0,0,0,0,0,0017,0001").value == Day("0017")
    assert said(B, op.ReadDay(0), b"F").refused == "answered F"
    assert said(B, op.Open(), b"F", OPEN).refused == "answered F"
    assert said(A, op.MoveCash(-100), b"F,0,0,0").refused == "answered F,0,0,0"
    assert said(A, op.MoveCash(100), b"P,600,100,0").value == Cash(600)


def test_sums_of_the_day_that_each_group_tells() -> None:
    assert said(A, op.ReadDay(1), b"100,0,0,0,0,0,0,0").value == Day(sold_cents=100)
    assert (A.reads_day, B.reads_day) == (2, 3)
    assert B.request(op.ReadDay(2)) == (65, b"5")
    assert said(B, op.ReadDay(2), b"7,0,0,0,0,0,0,0").value == Day(returned_cents=7)


@both
def test_payment_that_failed_is_a_refusal_under_clean_bits(dialect: DatecsV1) -> None:
    assert said(dialect, op.Pay(Payment.CASH, 100), b"F", OPEN).refused == "failed (F)"
    assert said(dialect, op.Pay(Payment.CASH, 100), b"D50", OPEN).value == Paid(50, 0)


def test_day_that_is_over_is_a_sign() -> None:
    assert said(A, op.ReadError(), b"48,-150204,27-11-26 08:05:09,x") == Said(frozenset({Sign.DAY_OVER}), "", "-150204")
    assert said(A, op.ReadError(), b"48,-150104,27-11-26 08:05:09,x") == Said(frozenset(), "", "-150104")


@both
def test_plain_yes_says_nothing_more(dialect: DatecsV1) -> None:
    assert said(dialect, op.Close(), b"0001,0001") == Said(frozenset())
    assert said(dialect, op.PrintDay(z=True), b"0018,1,2").value == Day("0018")
    assert said(dialect, op.ReadRates(), b"21.00,12.00,5.00,0.00,DT,DT,DT,DT").value is not None
    assert said(dialect, op.ReadClock(), b"27-11-26 08:05:09").value == DeviceClock("2026-11-27T08:05:09")
    assert said(dialect, op.ReadSubtotal(), b"1390,0", OPEN).value == Subtotal(1390)


@settings(deadline=None)
@given(
    st.sampled_from([A, B]),
    st.sampled_from(OPERATIONS),
    st.one_of(st.binary(max_size=60), st.text("0123456789,+-.PFDREI", max_size=40).map(str.encode)),
    st.binary(min_size=6, max_size=6),
)
def test_any_answer_is_understood_or_refused(
    dialect: DatecsV1, operation: Operation, data: bytes, status: bytes
) -> None:
    try:
        found = said(dialect, operation, data, status)
    except DataError:
        return
    assert found.signs - {Sign.DAY_OVER} == dialect.family.signs(status)


# Tables ----------------------------------------------------------------------------------------------------


def test_open_receipt_is_seen_and_is_no_refusal() -> None:
    signs = DATECS_V1_A.signs(OPEN)
    assert signs == {Sign.RECEIPT_OPEN}
    assert DATECS_V1_A.refusals(signs) == ()
    assert DATECS_V1_A.blocks(signs) == (Sign.RECEIPT_OPEN,)


def test_low_clock_battery_sets_the_general_error_and_refuses_nothing() -> None:
    signs = DATECS_V1_A.signs(bytes.fromhex("A0 88 80 80 86 9A"))
    assert signs == {Sign.CLOCK_BATTERY}
    assert DATECS_V1_A.refusals(signs) == ()
    assert DATECS_V1_A.blocks(signs) == ()


def test_bits_that_b_reserves_say_nothing() -> None:
    assert DATECS_V1_B.signs(bytes.fromhex("D0 BC C2 80 C6 BF")) == {Sign.DOCUMENTS_UNSENT}


@pytest.mark.parametrize("family", [DATECS_V1_A, DATECS_V1_B], ids=["A", "B"])
def test_device_that_is_not_fiscalised_is_in_training_mode(family: Family) -> None:
    assert family.signs(bytes.fromhex("80 80 80 80 86 92")) == {Sign.TRAINING}


@pytest.mark.parametrize(
    ("family", "model", "other"),
    [
        (DATECS_V1_A, "FP-2000", False),
        (DATECS_V1_A, "DP-150", True),
        (DATECS_V1_A, "FP-700X", True),
        (DATECS_V1_B, "DP-25", False),
        (DATECS_V1_B, "FP-800", True),
        (DATECS_V1_B, "WP-50X", True),
        (DATECS_V1_B, "", False),
    ],
)
def test_device_of_another_family_is_known_by_its_name(family: Family, model: str, other: bool) -> None:
    assert family.is_other(model) is other


@settings(deadline=None)
@given(st.sampled_from([DATECS_V1_A, DATECS_V1_B]), st.binary(min_size=6, max_size=6))
def test_any_status_is_read(family: Family, status: bytes) -> None:
    signs = family.signs(status)
    assert set(family.refusals(signs)) <= signs
    assert set(family.blocks(signs)) <= signs


def test_password_is_shown_nowhere() -> None:
    secret = Clerk("1", "73917391", "1")
    assert "73917391" not in f"{secret} {secret!r} {DatecsV1(DATECS_V1_A, secret)!r}"

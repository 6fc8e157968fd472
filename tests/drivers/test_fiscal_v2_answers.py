"""What the answers of Datecs version 2 devices say, and what is no answer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2 import decode_answer
from drivers.fiscal.families import Sign
from drivers.fiscal.frames import Answer
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Document,
    Identity,
    Last,
    Paid,
    Rates,
    Said,
    Stage,
    Subtotal,
    Transaction,
)
from tests.drivers.fiscal_v2 import CLEAN, OPEN, OPERATIONS, dialect, said, value
from tests.drivers.test_fiscal_v2_codec import V2


def test_published_answer_to_a_line_of_a_slip() -> None:
    assert dialect().said(ask.SlipLine(b"Test"), decode_answer(V2[1])) == Said(frozenset({Sign.SERVICE_OPEN}))


def test_published_answer_to_opening() -> None:
    assert dialect().said(ask.Open(), decode_answer(V2[3])) == Said(frozenset({Sign.RECEIPT_OPEN}))


def test_published_refusal_under_entirely_clean_status_bits() -> None:
    """ErpNet.FP, issue 135: taken for a success there, and nothing was printed."""
    told = dialect().said(ask.Pay(Payment.EXTERNAL_COUPON, 153), decode_answer(V2[5]))
    assert told == Said(frozenset(), "no receipt is open (-111016)", "-111016")


def test_published_answer_to_closing() -> None:
    assert dialect().said(ask.Close(), decode_answer(V2[12])) == Said(frozenset(), value=Last("473"))


@pytest.mark.parametrize(
    "data",
    [
        b"FP-700MX,3.00 22Jul25 0923,FFFF,00000000,DA052093,79052093",
        b"0\tFP-700MX\t3.00\t22Jul25\t0923\tFFFF\t00000000\tDA052093\t79052093\t",
    ],
)
def test_identity_in_both_forms(data: bytes) -> None:
    told = value(ask.Identify(), data, Identity)
    assert told == Identity("FP-700MX", "3.00 22Jul25 0923", "DA052093", "79052093")


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        (b"DP-25,410236 14Feb18 1000,ABCD,00000000,DB4200076708", Identity("DP-25", "410236 14Feb18 1000")),
        (b"DP-25", Identity("DP-25")),
        (b"0\tDP-25\t", Identity("DP-25")),
        (b"0\t", Identity("")),
    ],
)
def test_identity_never_fails_on_a_shape(data: bytes, identity: Identity) -> None:
    assert value(ask.Identify(), data, Identity) == identity


@pytest.mark.parametrize(
    ("data", "status", "transaction"),
    [
        (b"0\t0\t472\t2\t13.20\t20.00\t", CLEAN, Transaction(Stage.NONE, False, 2, 1320, 2000)),
        (b"0\t1\t473\t0\t0.00\t0.00\t", OPEN, Transaction(Stage.OPEN, False, 0, 0, 0)),
        (b"0\t1\t473\t2\t13.20\t0.00\t", OPEN, Transaction(Stage.OPEN, False, 2, 1320, 0)),
        (b"0\t1\t473\t2\t13.20\t13.19\t", OPEN, Transaction(Stage.PAYING, False, 2, 1320, 1319)),
        (b"0\t1\t473\t2\t13.20\t13.20\t", OPEN, Transaction(Stage.PAID, False, 2, 1320, 1320)),
        (b"0\t2\t473\t2\t13.20\t0.00\t", OPEN, Transaction(Stage.OPEN, True, 2, 1320, 0)),
        (b"0\t3\t473\t2\t13.20\t1.00\t", OPEN, Transaction(Stage.PAYING, True, 2, 1320, 100)),
        (b"0\t4\t473\t2\t13.20\t20.00\t", OPEN, Transaction(Stage.PAID, True, 2, 1320, 2000)),
        (b"0\t5\t473\t\t\t\t", CLEAN, Transaction(Stage.NONE)),
    ],
)
def test_transaction(data: bytes, status: bytes, transaction: Transaction) -> None:
    assert value(ask.ReadTransaction(), data, Transaction, status) == transaction


def test_last_number_is_the_one_that_closing_told() -> None:
    assert value(ask.Close(), b"0\t473\t", Last) == Last("473")
    assert value(ask.ReadLast(), b"0\t0\t0000473\t2\t13.20\t20.00\t", Last) == Last("473")


def test_while_a_receipt_is_open_the_last_number_is_not_told() -> None:
    assert value(ask.ReadLast(), b"0\t1\t474\t0\t0.00\t0.00\t", Last, OPEN) == Last("")


def test_day_in_its_three_parts() -> None:
    assert value(ask.ReadDay(0), b"0\t57\t" + b"9.00\t" * 8 + b"26-11-26\t", Day) == Day("57")
    sums = b"10.00\t5.00\t0.05\t0\t0.00\t0.00\t0.00\t0.01\t"
    assert value(ask.ReadDay(1), b"0\t58\t" + sums, Day) == Day("", 1506, None)
    assert value(ask.ReadDay(2), b"0\t58\t" + sums, Day) == Day("", None, 1506)


@pytest.mark.parametrize("data", [b"", b"-100003\t", b"-100004\t", b"-100005\t"])
def test_a_device_without_any_z_report_has_number_0(data: bytes) -> None:
    assert value(ask.ReadDay(0), data, Day) == Day("0")


@pytest.mark.parametrize("part", [1, 2])
def test_the_sums_of_the_day_are_never_taken_for_nothing(part: int) -> None:
    assert said(ask.ReadDay(part), b"-100005\t").code == "-100005"
    with pytest.raises(DataError):
        said(ask.ReadDay(part), b"")


def test_reports() -> None:
    data = b"0\t58\t" + b"1.00\t" * 8 + b"0.10\t" * 8
    assert value(ask.PrintDay(z=True), data, Day) == Day("58", 800, 80)
    assert value(ask.PrintDay(z=False), data, Day) == Day("", 800, 80)


@pytest.mark.parametrize("operation", [ask.ReadCash(), ask.MoveCash(100)])
def test_cash(operation: Operation) -> None:
    assert value(operation, b"0\t123.45\t200.00\t76.55\t", Cash) == Cash(12_345)


def test_clock_with_and_without_summer_time() -> None:
    assert value(ask.ReadClock(), b"0\t08-01-20 23:34:28\t", DeviceClock).device_time == "2020-01-08T23:34:28"
    assert value(ask.ReadClock(), b"0\t08-07-20 23:34:28 DST\t", DeviceClock).device_time == "2020-07-08T23:34:28"


def test_a_document_of_the_journal_is_told_with_its_time_and_kind() -> None:
    find = ask.ReadDocument("0000472")
    assert dialect().request(find) == (125, b"0\t472\t0\t")
    sold = value(find, b"0\t472\t310\t08-07-20 23:34:28 DST\t1\t57\t", Document)
    assert sold == Document("472", "2020-07-08T23:34:28", False)
    assert value(find, b"0\t472\t3\t08-07-20 23:34:28\t6\t57\t", Document).reversal is True
    for kind in (b"2", b"4", b"8", b"9"):
        assert value(find, b"0\t472\t3\t08-07-20 23:34:28\t" + kind + b"\t57\t", Document) == Document()


def test_rates() -> None:
    told = value(ask.ReadRates(), b"0\t1\t21.00\t12.00\t" + b"100.00\t" * 6 + b"01-01-26\t", Rates)
    assert told.rates == {"A": 2100, "B": 1200}


def test_subtotal_is_the_second_field() -> None:
    assert value(ask.ReadSubtotal(), b"0\t473\t13.20\t4.50\t" + b"0.00\t" * 7, Subtotal, OPEN).cents == 1320


@pytest.mark.parametrize("operation", [ask.AdjustSubtotal(-70), ask.Open(), ask.Sale(b"a", "A", 1, 1000), ask.Cancel()])
def test_what_no_document_explains_is_not_told(operation: Operation) -> None:
    assert said(operation, b"0\t473\t13.90\t" + b"0.00\t" * 8, OPEN) == Said(frozenset({Sign.RECEIPT_OPEN}))


@pytest.mark.parametrize(
    ("data", "paid"),
    [
        (b"0\tD\t3.20\t", Paid(320, 0)),
        (b"0\tR\t6.80\t", Paid(0, 680)),
        (b"0\tD\t0.00\t", Paid(0, 0)),
        (b"0\tR\t0.00\t", Paid(0, 0)),
    ],
)
def test_paid_goes_by_the_sum_where_it_is_exact(data: bytes, paid: Paid) -> None:
    assert value(ask.Pay(Payment.CASH, 2000), data, Paid, OPEN) == paid


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (ask.Pay(Payment.CASH, 1), b"0\tF\t0.00\t"),
        (ask.Pay(Payment.CASH, 1), b"0\tD\t-1.00\t"),
        (ask.Pay(Payment.CASH, 1), b"0\tD\t100\t"),
        (ask.Pay(Payment.CASH, 1), b"0\t"),
        (ask.Close(), b"0\t"),
        (ask.Close(), b""),
        (ask.ReadTransaction(), b"0\t6\t473\t2\t13.20\t0.00\t"),
        (ask.ReadTransaction(), b"0\t1\t473\t2\t13.20\t"),
        (ask.ReadTransaction(), b"0\t1\t473\t2\t-13.20\t0.00\t"),
        (ask.PrintDay(z=True), b"0\t58\t" + b"1.00\t" * 8),
        (ask.ReadSubtotal(), b"0\t473\t1320\t"),
        (ask.Identify(), b""),
        (ask.Cancel(), b"F"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_no_success(operation: Operation, data: bytes) -> None:
    with pytest.raises(DataError):
        said(operation, data, OPEN)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_negative_code_is_a_refusal_whatever_the_bits_say(operation: Operation) -> None:
    for status in (CLEAN, OPEN):
        told = said(operation, b"-111015\t", status)
        assert (told.code, told.refused, told.value) == ("-111015", "a receipt is open (-111015)", None)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("82 80 80 80 86 9A 80 80", "unknown_command"),
        ("81 80 80 80 86 9A 80 80", "syntax_error"),
        ("80 82 80 80 86 9A 80 80", "not_allowed_now"),
        ("80 81 80 80 86 9A 80 80", "overflow"),
    ],
)
@pytest.mark.parametrize("data", [b"", b"0\t473\t", b"-", b"F", b"-x\t"])
@pytest.mark.parametrize("operation", [ask.Close(), ask.Identify(), ask.ReadDay(0)])
def test_bits_refuse_too(status: str, refused: str, data: bytes, operation: Operation) -> None:
    told = said(operation, data, bytes.fromhex(status))
    assert (told.refused, told.value) == (refused, None)


def test_paper_that_ran_out_under_a_command_that_was_carried_out_refuses_nothing() -> None:
    told = said(ask.Pay(Payment.CASH, 2000), b"0\tR\t6.80\t", bytes.fromhex("A0 80 89 80 86 9A 80 80"))
    assert told == Said(frozenset({Sign.PAPER_OUT, Sign.RECEIPT_OPEN}), value=Paid(0, 680))


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("-112006", Sign.PAPER_OUT),
        ("-112007", Sign.COVER_OPEN),
        ("-111024", Sign.DAY_OVER),
        ("-105010", Sign.JOURNAL_FULL),
    ],
)
def test_a_code_says_what_its_bit_would(code: str, sign: Sign) -> None:
    assert sign in said(ask.Sale(b"a", "A", 1, 1000), code.encode() + b"\t", OPEN).signs


def test_an_answer_of_another_size_of_status_is_an_error() -> None:
    with pytest.raises(DataError, match="status bytes"):
        dialect().said(ask.Close(), Answer(0x20, 56, b"0\t473\t", b"\x80" * 6))


answers = st.builds(
    Answer,
    seq=st.just(0x20),
    command=st.just(76),
    data=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                [b"0", b"1", b"5", b"-111016", b"-", b"D", b"R", b"1.00", b"-1.00", b"27-11-26 10:02:41", b""]
            ),
            max_size=20,
        ).map(lambda fields: b"".join(field + b"\t" for field in fields)),
    ),
    status=st.one_of(st.binary(max_size=9), st.just(CLEAN), st.just(OPEN)),
)


@settings(deadline=None)
@given(st.sampled_from(OPERATIONS), answers)
@example(ask.ReadClock(), Answer(0x20, 62, "0\t٢٧-11-26 10:02:41\t".encode(), CLEAN))
def test_said_raises_nothing_but_its_own_error(operation: Operation, answer: Answer) -> None:
    try:
        told = dialect().said(operation, answer)
    except DataError:
        return
    assert told.value is None or not told.refused
    if answer.data.startswith(b"-") and operation != ask.ReadDay(0):
        assert told.refused

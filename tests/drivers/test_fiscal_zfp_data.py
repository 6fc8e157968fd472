"""What the answers of Tremol ZFP commands say, field by field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fiscal import zfp_data as wire
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Document,
    Identity,
    Last,
    Rates,
    Stage,
    Subtotal,
    Transaction,
)

CASES = st.binary(max_size=120)
BY_FIELDS = st.lists(
    st.sampled_from([b"0", b"1", b"P", b"5", b"7", b" 12.50", b"-0.5", b"", b"x", b"003"]), max_size=24
)


def receipt(began: str = "0", finished: str = "0", cut: str = "0", kind: str = "2") -> bytes:
    """72h of an open receipt: 4.50 in the first group, 9.40 in the third, 1.00 in the eighth."""
    head = ["1", "003", "        4.50", "0.00", "9.40", "0", "1", "1", began, finished, cut, kind, "0.00", "0"]
    return ";".join([*head, "0.00", "0.00", "0.00", "0.00", "1.00", "000124"]).encode()


def test_open_receipt_is_told_with_its_lines_and_the_sum_of_its_vat_groups() -> None:
    assert wire.read_transaction(receipt()) == (Transaction(Stage.OPEN, False, 3, 1490), False)


@pytest.mark.parametrize(
    ("began", "finished", "stage"),
    [("0", "0", Stage.OPEN), ("1", "0", Stage.PAYING), ("1", "1", Stage.PAID), ("0", "1", Stage.PAID)],
)
def test_payment_that_began_or_ended_is_told(began: str, finished: str, stage: Stage) -> None:
    assert wire.read_transaction(receipt(began, finished))[0].stage is stage


@pytest.mark.parametrize(("kind", "reversal"), [("0", False), ("2", False), ("3", False), ("4", True), ("6", True)])
def test_reversal_is_told(kind: str, reversal: bool) -> None:
    assert wire.read_transaction(receipt(kind=kind))[0].reversal is reversal


def test_power_cut_inside_the_receipt_is_told() -> None:
    assert wire.read_transaction(receipt(cut="1"))[1] is True


@pytest.mark.parametrize(
    "data", [b"0", b"0;", b"0;000;0.00;0.00;0.00;0;0;0;0;0;0;0;0.00;0;0.00;0.00;0.00;0.00;0.00;000123"]
)
def test_no_receipt_is_open(data: bytes) -> None:
    assert wire.read_transaction(data) == (Transaction(Stage.NONE), False)


def test_receipt_of_an_older_device_has_no_number_and_ends_with_a_semicolon() -> None:
    assert wire.read_transaction(receipt().rsplit(b";", 1)[0] + b";") == wire.read_transaction(receipt())


def test_vat_groups_of_the_open_receipt_are_told_by_their_letters() -> None:
    assert wire.read_groups(receipt()) == Subtotal(1490, {"A": 450, "C": 940, "H": 100})
    assert wire.read_groups(b"0;") is None


def test_vat_groups_of_a_reversal_may_be_negative_and_of_two_signs_are_not_told() -> None:
    back = receipt(kind="6").replace(b"4.50", b"-4.50").replace(b"9.40", b"-9.40").replace(b"1.00", b"-1.00")
    assert wire.read_groups(back) == Subtotal(1490, {"A": 450, "C": 940, "H": 100})
    assert wire.read_groups(receipt().replace(b"4.50", b"-4.50")) == Subtotal(590)


def test_payments_of_all_means_are_one_sum() -> None:
    payments = b";".join([b"P", b"1", b"10.00", *[b"0.00"] * 6, b"3.90", *[b"0.00"] * 4])
    assert wire.read_payments(payments) == Transaction(Stage.PAYING, paid_cents=1390)
    assert wire.read_payments(b"P;1;0.00;0.00") == Transaction(Stage.OPEN, paid_cents=0)
    assert wire.read_payments(b"P;0;13.90;0.00") == Transaction(Stage.NONE, paid_cents=1390)


def test_sums_of_the_day_with_what_was_given_back() -> None:
    sold = [b"100.00", b"0.00", b"9.40", *[b"0.00"] * 5, b"109.40"]
    back = [b"0.00", b"0.00", b"9.40", *[b"0.00"] * 5, b"9.40"]
    assert wire.read_sums(b";".join(sold + back)) == Day(sold_cents=10940, returned_cents=940)


def test_older_device_does_not_tell_what_was_given_back() -> None:
    assert wire.read_sums(b";".join([b"0.00"] * 8 + [b"    109.40"])) == Day(sold_cents=10940)


def test_number_of_the_last_z_report() -> None:
    assert wire.read_counters(b"5;00042;00042;1;26-11-2026 22:01") == Day(z_number="00042")


@pytest.mark.parametrize(
    ("data", "cents"), [(b"0;  123.40;0.00;0.00", 12340), (b"0;12340;0", 12340), (b"0;-1.5;0", -150)]
)
def test_cash_in_the_drawer_with_a_point_or_in_cents(data: bytes, cents: int) -> None:
    assert wire.read_cash(data) == Cash(cents)


@pytest.mark.parametrize("data", [b"000123", b"000123;", b" 000123 "])
def test_last_number_keeps_its_zeros(data: bytes) -> None:
    assert wire.read_last(data) == Last("000123")


@pytest.mark.parametrize("data", [b"     13.90", b"13.90", b"+13.90", b"13.9"])
def test_subtotal(data: bytes) -> None:
    assert wire.read_subtotal(data) == Subtotal(1390)


def test_clock_without_seconds() -> None:
    assert wire.read_clock(b"27-11-2026 10:02") == DeviceClock("2026-11-27T10:02:00")
    assert wire.read_clock(b"27-11-2026 10:02:41") == DeviceClock("2026-11-27T10:02:41")


@pytest.mark.parametrize("blanks", [b"", b"  ", b";"])
def test_what_stands_in_the_code_of_a_receipt(blanks: bytes) -> None:
    told = wire.read_code(b"50163145*000002*2020-01-28*15:29:00*30.00" + blanks)
    assert told == Document("000002", "2020-01-28T15:29:00", None, 3000, "50163145")


def test_rates_of_the_letters_in_use() -> None:
    told = b" 21.00%; 12.00%;  5.00%;  0.00%;   *   ;;  9%; 20.5%"
    assert wire.read_rates(told) == Rates({"A": 2100, "B": 1200, "C": 500, "D": 0, "G": 900, "H": 2050})


def test_identity_comes_in_three_answers() -> None:
    version = b"1;784   ;04-02-2019 08:00;TREMOL M20 ; Ver. 1.01 TRA20 C.S. 2541"
    assert wire.read_version(version) == Identity("TREMOL M20", firmware="Ver. 1.01 TRA20 C.S. 2541")
    assert wire.read_numbers(b"ZK126720;50163145") == Identity("", serial="ZK126720", fiscal_memory="50163145")
    assert wire.read_registration(b"LV40003000000 ;0;000001;01-01-2026 10:00") == Identity(
        "", tax_number="LV40003000000"
    )


@given(st.one_of(CASES, BY_FIELDS.map(b";".join)))
def test_identity_never_fails_on_a_shape(data: bytes) -> None:
    for read in (wire.read_version, wire.read_numbers, wire.read_registration):
        assert isinstance(read(data), Identity)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (wire.read_transaction, b""),
        (wire.read_transaction, b"2;003"),
        (wire.read_transaction, b"1;003;4.50"),
        (wire.read_transaction, receipt(began="2")),
        (wire.read_groups, b"1;003;4.50"),
        (wire.read_groups, receipt().replace(b"9.40", b"9,40")),
        (wire.read_payments, b"P;1"),
        (wire.read_payments, b"1;0.00;0.00"),
        (wire.read_sums, b"0.00;0.00"),
        (wire.read_counters, b"6;00042"),
        (wire.read_counters, b"5"),
        (wire.read_cash, b"5;1.00"),
        (wire.read_cash, b"0;1.005"),
        (wire.read_code, b""),
        (wire.read_code, b"50163145*000002*2020-01-28*15:29:00"),
        (wire.read_code, b"50163145*000002*28-01-2020*15:29:00*30.00"),
        (wire.read_code, b"50163145*000002*2020-02-31*15:29:00*30.00"),
        (wire.read_code, b"*000002*2020-01-28*15:29:00*30.00"),
        (wire.read_last, b""),
        (wire.read_last, b"12a"),
        (wire.read_subtotal, b"1,50"),
        (wire.read_subtotal, b""),
        (wire.read_clock, b"31-02-2026 10:00"),
        (wire.read_clock, b"27-11-26 10:00"),
        (wire.read_rates, b"*;*"),
    ],
)
def test_answer_that_is_not_the_commands_own_is_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(DataError):
        read(data)


@given(st.integers(-99_999_999, 99_999_999))
def test_money_round_trip(cents: int) -> None:
    assert wire.read_subtotal(wire.money(cents).encode()) == Subtotal(cents)


@pytest.mark.parametrize(("cents", "symbols"), [(1_000_000_000, 10), (-100_000_000, 10), (-1_000_000, 8)])
def test_money_that_does_not_fit_its_field_is_refused(cents: int, symbols: int) -> None:
    with pytest.raises(ValueError, match="symbols"):
        wire.money(cents, symbols)

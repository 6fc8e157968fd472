"""What is refused before a byte is printed, and text on its way to a code page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Line, Payment, Print, Tender
from drivers.fiscal.datecs_v1_data import PaidCode
from drivers.fiscal.errors import Reason
from drivers.fiscal.families import DATECS_V1_A
from drivers.fiscal.plan import Paying, Plan, Refusal, Till, plan, row_cents
from drivers.fiscal.text import TextRefused, is_code_page, printable

TILL = Till(operator="1", password="0000", number="1", encoding="cp1257", vat_letters="ABC")
COFFEE = Line(text="Coffee", vat="A", unit_cents=250, quantity=2000, discount_cents=50)
BOOK = Line(text="Book", vat="C", unit_cents=990, quantity=1000, discount_cents=50)


def cash(cents: int) -> Tender:
    return Tender(Payment.CASH, cents)


def card(cents: int) -> Tender:
    return Tender(Payment.CARD, cents)


def planned(
    lines: Sequence[Line] = (COFFEE, BOOK),
    tenders: Sequence[Tender] = (cash(2000),),
    total: int = 1390,
    key: str = "k-1",
) -> Plan:
    return plan(Print(key, tuple(lines), tuple(tenders), total), DATECS_V1_A, TILL)


def refused(**changes: object) -> Reason:
    with pytest.raises(Refusal) as caught:
        planned(**changes)  # type: ignore[arg-type]
    return caught.value.reason


def test_receipt_of_two_lines() -> None:
    work = planned()
    assert work.opening == b"1,0000,1"
    assert work.key_line == b"Nr. k-1"
    assert work.sales == (b"Coffee\tA2.50*2.000;-0.50", b"Book\tC9.90*1.000;-0.50")
    assert work.payments == (Paying(b"\tP20.00", 610, PaidCode.CHANGE),)
    assert (work.total_cents, work.change_cents) == (1390, 610)


def test_card_goes_before_cash_because_change_comes_out_of_cash() -> None:
    work = planned(tenders=[cash(500), card(1000)])
    assert work.payments == (
        Paying(b"\tD10.00", 390, PaidCode.DUE),
        Paying(b"\tP5.00", 110, PaidCode.CHANGE),
    )


def test_exact_payment_leaves_the_letter_open() -> None:
    assert planned(tenders=[card(1390)]).payments == (Paying(b"\tD13.90", 0, None),)


def test_password_is_shown_nowhere() -> None:
    secret = Till(operator="1", password="73917391", number="1", encoding="cp1257", vat_letters="A")
    work = plan(Print("k", (COFFEE,), (cash(450),), 450), DATECS_V1_A, secret)
    assert "73917391" not in f"{secret} {work} {work!r} {secret!r}"


@pytest.mark.parametrize(("price", "quantity", "row"), [(5, 100, 1), (4, 100, 0), (333, 1500, 500), (250, 2000, 500)])
def test_rows_are_rounded_half_up(price: int, quantity: int, row: int) -> None:
    assert row_cents(Line("x", "A", price, quantity)) == row


@pytest.mark.parametrize("text", ["", "  ", "a\tb", "a\nb", "a\x00", "a\u202eb", "a\u0085", "x" * 43, "日本"])
def test_text_that_cannot_be_printed_is_refused(text: str) -> None:
    assert refused(lines=[Line(text, "A", 1390, 1000)]) is Reason.BAD_TEXT


@pytest.mark.parametrize("key", ["", "a b", "ā", "k\n", "x" * 39])
def test_key_that_cannot_stand_on_paper_is_refused(key: str) -> None:
    assert refused(key=key) is Reason.BAD_KEY


def test_vat_letter_that_the_device_does_not_have_is_refused() -> None:
    assert refused(lines=[Line("x", "H", 1390, 1000)]) is Reason.BAD_VAT


def test_total_that_differs_by_a_cent_is_refused() -> None:
    assert refused(total=1391) is Reason.TOTAL_DIFFERS


def test_discount_above_its_line_is_refused() -> None:
    assert refused(lines=[Line("x", "A", 100, 1000, 101), BOOK]) is Reason.DISCOUNT_TOO_LARGE


def test_receipt_of_nothing_is_refused() -> None:
    assert refused(lines=[Line("x", "A", 100, 1000, 100)], total=0) is Reason.NOTHING_TO_PAY


def test_line_that_rounds_to_nothing_is_refused() -> None:
    assert refused(lines=[Line("x", "A", 1, 100), COFFEE, BOOK]) is Reason.NOTHING_TO_PAY


@pytest.mark.parametrize("line", [Line("x", "A", 100_000_000, 1000), Line("x", "A", 99_999_999, 2000)])
def test_sums_that_the_device_cannot_hold_are_refused(line: Line) -> None:
    assert refused(lines=[line]) is Reason.TOO_LARGE


def test_too_little_money_is_refused() -> None:
    assert refused(tenders=[cash(1389)]) is Reason.TENDER_TOO_SMALL


@pytest.mark.parametrize("tenders", [[card(1391)], [card(1390), cash(1)], [cash(0), card(1390)], [card(1400), cash(5)]])
def test_only_cash_may_be_more_than_due_and_none_needless(tenders: list[Tender]) -> None:
    assert refused(tenders=tenders) is Reason.TENDER_TOO_LARGE


lines = st.lists(
    st.builds(
        Line,
        text=st.text(max_size=50),
        vat=st.sampled_from("ABCDEFGH"),
        unit_cents=st.integers(1, 2**40),
        quantity=st.integers(1, 2**40),
        discount_cents=st.integers(0, 2**40),
    ),
    min_size=1,
    max_size=5,
)
tenders = st.lists(
    st.builds(Tender, means=st.sampled_from(Payment), cents=st.integers(0, 2**40)), min_size=1, max_size=4
)


@settings(deadline=None)
@given(lines, tenders, st.integers(-1, 2**40), st.text(max_size=45))
def test_any_print_is_planned_or_refused(some: list[Line], given_tenders: list[Tender], total: int, key: str) -> None:
    try:
        work = planned(some, given_tenders, total, key)
    except Refusal:
        return
    assert all(ord(" ") <= byte or byte == 9 for sale in work.sales for byte in sale)


def test_latvian_letters_as_they_are_where_the_code_page_has_them() -> None:
    assert printable("Grāmata ķļņģ", "cp1257", 42) == "Grāmata ķļņģ".encode("cp1257")


@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "ascii"])
def test_plain_letters_where_it_lacks_them(encoding: str) -> None:
    assert printable("āčģīķļņšūž ĀČĢĪĶĻŅŠŪŽ ąęėįųū", encoding, 42) == b"acgiklnsuz ACGIKLNSUZ aeeiuu"


def test_quotes_dashes_and_signs_have_plain_forms() -> None:
    assert printable("„Šokolāde“ – 2 €…", "ascii", 42) == b'"Sokolade" - 2 EUR...'


def test_decomposed_letters_are_composed_first() -> None:
    assert printable("a\u0304", "cp1257", 42) == "ā".encode("cp1257")


def test_length_is_counted_in_bytes_after_encoding() -> None:
    assert len(printable("€" * 14, "ascii", 42)) == 42
    with pytest.raises(TextRefused, match="45 bytes"):
        printable("€" * 15, "ascii", 42)


@pytest.mark.parametrize(
    ("encoding", "good"), [("cp1257", True), ("cp775", True), ("utf-16", False), ("cp037", False), ("nope", False)]
)
def test_code_page_has_to_be_one(encoding: str, good: bool) -> None:
    assert is_code_page(encoding) is good


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["cp1257", "cp1251", "cp775", "ascii", "utf-8"]))
def test_any_text_is_printable_or_refused(text: str, encoding: str) -> None:
    try:
        encoded = printable(text, encoding, 42)
    except TextRefused:
        return
    assert 1 <= len(encoded) <= 42
    assert min(encoded) >= 0x20

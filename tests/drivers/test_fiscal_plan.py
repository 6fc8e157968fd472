"""What is refused before a byte is printed, with its path; and text on its way to a code page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Adjust, Item, Line, Note, Payment, Print, Reversal, ReversalReason, Tender
from drivers.fiscal.datecs_v1_dialect import DatecsV1
from drivers.fiscal.datecs_v1_family import DATECS_V1_A, DATECS_V1_B
from drivers.fiscal.datecs_v2_dialect import DatecsV2
from drivers.fiscal.datecs_v2_family import DATECS_V2
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.families import Family
from drivers.fiscal.operations import AdjustSubtotal, Open, OpenReversal, Pay, Sale, Text
from drivers.fiscal.plan import Plan, Progress, Terms, line_cents, plan, row_cents
from drivers.fiscal.sendable import check
from drivers.fiscal.tenders import Paying
from drivers.fiscal.text import TextRefused, is_code_page, printable
from drivers.fiscal.zfp_family import TREMOL

TERMS = Terms("cp1257", "ABC")
ROUNDING = Terms("cp1257", "ABC", Payment.RESERVED1)
NO_BANK = Terms("cp1257", "ABC", Payment.BANK)
COFFEE = Line(text="Coffee", vat="A", unit_cents=250, quantity=2000, discount_cents=50)
BOOK = Line(text="Book", vat="C", unit_cents=990, quantity=1000, discount_cents=50)
BACK = Reversal("472", ReversalReason.REFUND, "2026-11-27T08:05:09", "02000600")


def cash(cents: int) -> Tender:
    return Tender(Payment.CASH, cents)


def card(cents: int) -> Tender:
    return Tender(Payment.CARD, cents)


def planned(
    items: Sequence[Item] = (COFFEE, BOOK),
    tenders: Sequence[Tender] = (cash(2000),),
    total: int = 1390,
    key: str = "k-1",
    *,
    family: Family = DATECS_V1_A,
    terms: Terms = TERMS,
    **more: Any,
) -> Plan:
    return plan(Print(key, tuple(items), tuple(tenders), total, **more), family, terms)


def refused(**changes: Any) -> tuple[Reason, str]:
    with pytest.raises(Refusal) as caught:
        planned(**changes)
    return caught.value.reason, caught.value.where


# What is planned -------------------------------------------------------------------------------------------


def test_receipt_of_two_lines() -> None:
    work = planned()
    assert work.opening == Open()
    assert work.body == (
        Text(b"Nr. k-1"),
        Sale(b"Coffee", "A", 250, 2000, 50),
        Sale(b"Book", "C", 990, 1000, 50),
    )
    assert work.progress == (Progress(0, 0), Progress(1, 450), Progress(2, 1390))
    assert work.payments == (Paying(Pay(Payment.CASH, 2000), 0, 0, 610),)
    assert (work.total_cents, work.change_cents, work.reversal) == (1390, 610, False)


def test_notes_stand_where_they_are_and_footers_below_the_payment() -> None:
    work = planned(items=[Note("Hello"), COFFEE, Note("Bye", footer=True), BOOK])
    assert [type(operation) for operation in work.body] == [Text, Text, Sale, Sale]
    assert work.origins == ("key", "items[0]", "items[1]", "items[3]")
    assert work.footer == (Text(b"Bye"),)


def test_surcharge_and_adjustment_count() -> None:
    work = planned(items=[Line("x", "A", 100, 1000, surcharge_cents=20), Adjust(-15)], total=105)
    assert work.body[1:] == (Sale(b"x", "A", 100, 1000, 0, 20), AdjustSubtotal(-15))
    assert work.progress == (Progress(0, 0), Progress(1, 120), Progress(1, 105))


def test_card_goes_before_cash_because_change_comes_out_of_cash() -> None:
    work = planned(tenders=[cash(500), card(1000)])
    assert work.payments == (
        Paying(Pay(Payment.CARD, 1000), 0, 390, 0),
        Paying(Pay(Payment.CASH, 500), 1000, 0, 110),
    )


def test_what_is_given_back_is_opened_as_that() -> None:
    work = planned(reversal=BACK, sale_number="DT000600-OP01-0001000")
    assert work.opening == OpenReversal(BACK, "DT000600-OP01-0001000")
    assert work.reversal


def test_zero_total_is_paid_with_nothing_where_the_family_allows_it() -> None:
    allows = msgspec.structs.replace(DATECS_V1_A, zero_total=True)
    free = Line("x", "A", 100, 1000, 100)
    work = planned(items=[free], tenders=[], total=0, family=allows)
    assert work.payments == (Paying(Pay(Payment.CASH, 0), 0, 0, 0),)
    assert planned(items=[free], tenders=[cash(0)], total=0, family=allows).payments == work.payments


@pytest.mark.parametrize(("price", "quantity", "row"), [(5, 100, 1), (4, 100, 0), (333, 1500, 500), (250, 2000, 500)])
def test_rows_are_rounded_half_up(price: int, quantity: int, row: int) -> None:
    assert row_cents(Line("x", "A", price, quantity)) == row


# Rounding --------------------------------------------------------------------------------------------------


def test_rounding_down_is_a_tender_by_its_means_and_the_change_is_right() -> None:
    work = planned(items=[Line("x", "A", 1392, 1000)], total=1392, rounding_cents=-2, terms=ROUNDING)
    assert [paying.pay for paying in work.payments] == [Pay(Payment.RESERVED1, 2), Pay(Payment.CASH, 2000)]
    assert work.change_cents == 610


def test_rounding_up_is_told_in_a_line_and_the_change_is_right() -> None:
    work = planned(items=[Line("x", "A", 1393, 1000)], total=1393, rounding_cents=2, terms=ROUNDING)
    assert work.body[-1] == Text(b"Rounding +0.02")
    assert [paying.pay for paying in work.payments] == [Pay(Payment.CASH, 1998)]
    assert work.change_cents == 605


def test_exact_cash_with_rounding_up_pays_the_total() -> None:
    work = planned(
        items=[Line("x", "A", 1393, 1000)], tenders=[cash(1395)], total=1393, rounding_cents=2, terms=ROUNDING
    )
    assert [paying.pay for paying in work.payments] == [Pay(Payment.CASH, 1393)]
    assert work.change_cents == 0


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rounding_cents": -2}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": -2, "terms": NO_BANK, "family": DATECS_V1_B}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": -2, "terms": ROUNDING, "tenders": [card(1390)]}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": 51, "terms": ROUNDING}, Reason.TOO_LARGE),
        ({"rounding_cents": 2, "terms": ROUNDING, "tenders": [card(1388), cash(2)]}, Reason.TENDER_TOO_SMALL),
    ],
)  # fmt: skip
def test_rounding_that_cannot_be_told_is_refused(more: dict[str, Any], reason: Reason) -> None:
    assert refused(**more) == (reason, "rounding_cents")


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  ", "a\tb", "a\nb", "a\x00", "a\u202eb", "a\u0085", "x" * 43, "日本"])
def test_text_that_cannot_be_printed_is_refused(text: str) -> None:
    assert refused(items=[COFFEE, Line(text, "A", 1390, 1000)]) == (Reason.BAD_TEXT, "items[1].text")
    assert refused(items=[COFFEE, Note(text)]) == (Reason.BAD_TEXT, "items[1].text")
    assert refused(items=[COFFEE, Note(text, footer=True)]) == (Reason.BAD_TEXT, "items[1].text")


def test_text_fits_by_the_family() -> None:
    assert refused(items=[Line("x" * 23, "A", 1390, 1000)], family=DATECS_V1_B) == (Reason.BAD_TEXT, "items[0].text")


@pytest.mark.parametrize("key", ["", "a b", "ā", "k\n", "x" * 39])
def test_key_that_cannot_stand_on_paper_is_refused(key: str) -> None:
    assert refused(key=key) == (Reason.BAD_KEY, "key")


def test_vat_letter_that_the_device_does_not_have_is_refused() -> None:
    assert refused(items=[Line("x", "H", 1390, 1000)]) == (Reason.BAD_VAT, "items[0].vat")
    assert refused(items=[COFFEE, Adjust(-5, "H")]) == (Reason.BAD_VAT, "items[1].vat")


def test_total_that_differs_by_a_cent_is_refused() -> None:
    assert refused(total=1391) == (Reason.TOTAL_DIFFERS, "total_cents")


def test_discount_above_its_line_or_above_the_subtotal_is_refused() -> None:
    assert refused(items=[Line("x", "A", 100, 1000, 101), BOOK]) == (
        Reason.DISCOUNT_TOO_LARGE,
        "items[0].discount_cents",
    )
    assert refused(items=[COFFEE, Adjust(-451)]) == (Reason.DISCOUNT_TOO_LARGE, "items[1].cents")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (Line("x", "A", 0, 1000), "unit_cents"),
        (Line("x", "A", -100, 1000), "unit_cents"),
        (Line("x", "A", 100, 0), "quantity"),
        (Line("x", "A", 100, -1000), "quantity"),
        (Line("x", "A", 100, 1000, -1), "discount_cents"),
        (Line("x", "A", 100, 1000, 0, -1), "surcharge_cents"),
    ],
)
def test_zero_and_negative_amounts_are_refused(line: Line, field: str) -> None:
    assert refused(items=[COFFEE, line]) == (Reason.BAD_AMOUNT, f"items[1].{field}")
    assert refused(items=[line], reversal=BACK) == (Reason.BAD_AMOUNT, f"items[0].{field}")


def test_adjustment_of_nothing_is_refused() -> None:
    assert refused(items=[COFFEE, Adjust(0)]) == (Reason.BAD_AMOUNT, "items[1].cents")


def test_adjustment_where_the_family_cannot() -> None:
    never = msgspec.structs.replace(DATECS_V1_A, adjusts=False)
    assert refused(items=[COFFEE, Adjust(-5)], family=never) == (Reason.NOT_SUPPORTED, "items[1]")
    assert refused(items=[COFFEE, BOOK, Adjust(-5, "A")], family=TREMOL) == (Reason.NOT_SUPPORTED, "items[2].vat")
    assert refused(items=[COFFEE, Adjust(-5)], family=TREMOL) == (Reason.NOT_SUPPORTED, "items[1].vat")
    assert planned(items=[COFFEE, Adjust(-5, "A")], total=445, family=TREMOL).total_cents == 445


def test_line_with_discount_and_surcharge_is_refused() -> None:
    assert refused(items=[Line("x", "A", 100, 1000, 1, 1)]) == (Reason.NOT_SUPPORTED, "items[0]")


def test_receipt_of_nothing_is_refused() -> None:
    assert refused(items=[Line("x", "A", 100, 1000, 100)], total=0) == (Reason.NOTHING_TO_PAY, "total_cents")
    assert refused(items=[Note("x")], total=0) == (Reason.NOTHING_TO_PAY, "items")


def test_line_that_rounds_to_nothing_is_refused() -> None:
    assert refused(items=[Line("x", "A", 1, 100), COFFEE, BOOK]) == (Reason.NOTHING_TO_PAY, "items[0]")


def test_too_many_lines_are_refused() -> None:
    lines = [Line("x", "A", 1, 1000)] * 513
    assert refused(items=lines, total=513) == (Reason.TOO_LARGE, "items")
    assert refused(items=lines[:121], total=121, family=DATECS_V1_B) == (Reason.TOO_LARGE, "items")


@pytest.mark.parametrize(
    ("items", "where"),
    [
        ([Line("x", "A", 100_000_000, 1000)], "items[0].unit_cents"),
        ([Line("x", "A", 99_999_999, 2000)], "items[0].unit_cents"),
        ([Line("x", "A", 99_999_999, 1000, 0, 1)], "items[0].unit_cents"),
        ([Line("x", "A", 1, 100_000_000)], "items[0].quantity"),
        ([Line("x", "A", 99_999_999, 1000), COFFEE], "items[1]"),
    ],
)
def test_sums_that_the_device_cannot_hold_are_refused(items: list[Item], where: str) -> None:
    assert refused(items=items) == (Reason.TOO_LARGE, where)


def test_money_that_does_not_fit_is_refused() -> None:
    assert refused(tenders=[cash(1389)]) == (Reason.TENDER_TOO_SMALL, "tenders")
    assert refused(tenders=[cash(100_000_000)]) == (Reason.TENDER_TOO_LARGE, "tenders")
    assert refused(tenders=[card(1390), cash(-5)]) == (Reason.BAD_AMOUNT, "tenders[1].cents")


def test_means_that_the_family_lacks_are_refused() -> None:
    assert refused(tenders=[card(390), Tender(Payment.BANK, 1000)], family=DATECS_V1_B) == (
        Reason.NOT_SUPPORTED,
        "tenders[1].means",
    )


@pytest.mark.parametrize(
    ("tenders", "at"),
    [([card(1391)], 0), ([card(1390), cash(1)], 1), ([cash(0), card(1390)], 0), ([card(1400), cash(5)], 0)],
)
def test_only_cash_may_be_more_than_due_and_none_needless(tenders: list[Tender], at: int) -> None:
    assert refused(tenders=tenders) == (Reason.TENDER_TOO_LARGE, f"tenders[{at}].cents")


@pytest.mark.parametrize(
    ("reversal", "field"),
    [
        (Reversal("472", ReversalReason.REFUND, "", "02000600"), "device_time"),
        (Reversal("472", ReversalReason.REFUND, "2026-11-27T08:05:09"), "fiscal_memory"),
        (Reversal("4,2", ReversalReason.REFUND, "2026-11-27T08:05:09", "02000600"), "number"),
        (Reversal("472", ReversalReason.REFUND, "yesterday", "02000600"), "device_time"),
        (Reversal("472", ReversalReason.REFUND, "2026-11-27T08:05:09", "0200,0600"), "fiscal_memory"),
    ],
)
def test_what_is_given_back_has_to_be_named(reversal: Reversal, field: str) -> None:
    assert refused(reversal=reversal) == (Reason.REVERSAL_UNCLEAR, f"reversal.{field}")


def test_family_without_reversals() -> None:
    never = msgspec.structs.replace(DATECS_V1_A, reversals=False)
    assert refused(reversal=BACK, family=never) == (Reason.NOT_SUPPORTED, "reversal")


def test_sales_number_cannot_end_a_field() -> None:
    assert refused(sale_number="1,2") == (Reason.BAD_TEXT, "sale_number")


# What a family cannot send ---------------------------------------------------------------------------------


def test_what_only_the_dialect_knows_is_refused_with_its_path() -> None:
    v2 = DatecsV2(DATECS_V2, Clerk("1", "", "1"))
    with pytest.raises(Refusal) as caught:
        check(planned(sale_number="77", family=DATECS_V2), v2)
    assert (caught.value.reason, caught.value.where) == (Reason.NOT_SUPPORTED, "sale_number")
    impossible = msgspec.structs.replace(BACK, device_time="2026-02-31T08:05:09")
    with pytest.raises(Refusal):
        check(planned(reversal=impossible), DatecsV1(DATECS_V1_A, Clerk("1", "0000", "1")))


def test_what_no_frame_can_carry_is_refused_with_its_path() -> None:
    wide = msgspec.structs.replace(DATECS_V1_A, note_bytes=400, text_bytes=400)
    a = DatecsV1(DATECS_V1_A, Clerk("1", "0000", "1"))
    with pytest.raises(Refusal) as caught:
        check(planned(items=[Note("x" * 300), COFFEE, BOOK], family=wide), a)
    assert caught.value.where == "items[0]"
    with pytest.raises(Refusal) as caught:
        check(planned(items=[COFFEE, BOOK, Note("x" * 300, footer=True)], family=wide), a)
    assert caught.value.where == "items"


items = st.lists(
    st.one_of(
        st.builds(
            Line,
            text=st.text(max_size=50),
            vat=st.sampled_from("ABCDEFGH"),
            unit_cents=st.integers(-5, 2**40),
            quantity=st.integers(-5, 2**40),
            discount_cents=st.integers(-1, 2**40),
            surcharge_cents=st.integers(-1, 2**40),
        ),
        st.builds(
            Line,
            text=st.text(st.characters(codec="cp1257", exclude_categories=["C"]), min_size=1, max_size=20),
            vat=st.sampled_from("ABC"),
            unit_cents=st.integers(1, 10_000),
            quantity=st.integers(500, 5000),
        ),
        st.builds(Note, text=st.text(max_size=50), footer=st.booleans()),
        st.builds(Adjust, cents=st.integers(-100, 100), vat=st.sampled_from(["", "A", "H"])),
    ),
    min_size=1,
    max_size=5,
)
tenders = st.lists(st.builds(Tender, means=st.sampled_from(Payment), cents=st.integers(-1, 2**40)), max_size=4)


@settings(deadline=None)
@given(
    items,
    tenders,
    st.integers(-60, 60),
    st.one_of(st.just("k-1"), st.text(max_size=45)),
    st.sampled_from(sorted(SPOKEN)),
    st.one_of(st.none(), st.builds(Reversal, st.text(min_size=1, max_size=8), st.sampled_from(ReversalReason))),
)
def test_any_print_is_planned_or_refused_and_what_is_planned_can_be_sent(
    some: list[Item],
    given_tenders: list[Tender],
    rounding: int,
    key: str,
    name: str,
    reversal: Reversal | None,
) -> None:
    dialect = dialect_of(name, Clerk("1", "", "1"))
    total = sum(line_cents(x) if isinstance(x, Line) else x.cents if isinstance(x, Adjust) else 0 for x in some)
    paid = tuple(given_tenders) or (cash(max(total, 0) + 100),)
    asked = Print(key, tuple(some), paid, total, reversal, rounding)
    try:
        work = plan(asked, dialect.family, ROUNDING)
        check(work, dialect)
    except Refusal:
        return
    assert work.progress[-1].cents == work.total_cents == total
    settled = sum(paying.pay.cents for paying in work.payments) - work.change_cents
    assert settled == total
    for operation in work.body:
        command, data = dialect.request(operation)
        assert dialect.framing.encode(dialect.framing.seq_first, command, data)


# Text ------------------------------------------------------------------------------------------------------
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

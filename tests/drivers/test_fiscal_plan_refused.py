"""What cannot be printed is refused before anything is begun, with the path of what is wrong."""

from __future__ import annotations

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
from drivers.fiscal.plan import line_cents, plan
from drivers.fiscal.sendable import check
from drivers.fiscal.zfp_family import TREMOL
from tests.drivers.planning import BACK, BOOK, COFFEE, ROUNDING, card, cash, planned, refused

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

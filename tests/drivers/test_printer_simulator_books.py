"""The books of a simulated device: sums, numbers, drawer, and the paper that brings them back after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import DATECS_A, MODELS, Habits, Model
from drivers.simulators.fiscal_paper import Document, Kind, Paper, VatSum, read, text
from tests.drivers.printer_acts import ACTS, CLOSE, OPEN, PART, REST, SELL, Do, device, families, refusal, remembered


@families
def test_sums_of_the_day_are_those_of_its_receipts(model: Model) -> None:
    on = device(model, lambda d: d.move_cash(1000))
    on.reverse(1, model.passwords(1), "1", Reversed("1", "refund"))
    SELL(on)
    REST(on)
    CLOSE(on)
    OPEN(on)
    SELL(on)
    on.cancel()
    day = on.memory.day
    assert (day.sold, day.returned) == ({"A": 450}, {"A": 450})
    assert (day.paid, day.paid_back) == ({"cash": 450}, {"cash": 450})
    assert (day.sales, day.reversals, day.cancelled, on.memory.cash) == (1, 1, 1, 1000)
    on.report(z=False)
    assert on.memory.day.sold == {"A": 450}
    document = on.report(z=True)
    assert (document.z_number, document.total_cents) == (1, 0)
    assert (on.memory.day.sold, on.memory.cash, on.memory.last_day.sold) == ({}, 0, {"A": 450})


def test_change_is_given_out_of_the_drawer() -> None:
    on = device(DATECS_A, OPEN, SELL, lambda d: d.pay("cash", 5000), CLOSE)
    assert on.memory.cash == 900
    assert on.memory.day.paid == {"cash": 900}


def test_reversal_by_number_alone_gives_the_whole_receipt_back() -> None:
    on = device(DATECS_A)
    document = on.reverse_whole(1, "0000", "1", Reversed("1"))
    assert (document.kind, document.total_cents, document.closed) == (Kind.REVERSAL, 450, True)


def test_documents_may_be_numbered_otherwise() -> None:
    on = Device(DATECS_A, habits=Habits(numbers_cancelled=False, numbers_reports=False))
    for act in (
        OPEN,
        SELL,
        REST,
        CLOSE,
        OPEN,
        lambda d: d.cancel(),
        lambda d: d.report(z=True),
        OPEN,
        SELL,
        REST,
        CLOSE,
    ):
        act(on)
    assert [(document.kind, document.number) for document in on.documents] == [
        ("sale", "0000001"), ("sale", "0000001"), ("z", "0000001"), ("sale", "0000002"),
    ]  # fmt: skip


def test_drawer_may_be_kept_over_a_z_report() -> None:
    on = Device(DATECS_A, habits=Habits(z_empties=False))
    on.move_cash(500)
    on.report(z=True)
    assert on.memory.cash == 500


operations = st.sampled_from(
    [*ACTS.values(), PART, lambda d: d.move_cash(-300), lambda d: d.sell("Tea", "B", 114, 1333, percent=-1250),
     lambda d: d.sell("Tea", "B", 114, void=True), lambda d: d.subtotal(percent=-777), lambda d: d.subtotal(amount=-33),
     lambda d: d.pay("cash", 10_000), lambda d: d.open(1, "9", "1"), lambda d: d.power_returns(),
     lambda d: d.z_by_itself()]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(list(MODELS.values())), st.lists(operations, max_size=40))
def test_whatever_is_done_the_books_are_right(model: Model, acts: list[Do]) -> None:
    on = device(model)
    for act in acts:
        on.tick()  # a Z report that waited for the end of a receipt comes before any command, also one that is refused
        before = remembered(on)
        if refusal(act, on) is not None:
            assert remembered(on) == before
    assert [int(document.number) for document in on.documents] == list(range(1, len(on.documents) + 1))
    for document in on.documents:
        if document.fiscal:
            assert sum(sums.gross for sums in document.vat) == document.total_cents
            assert sum(cents for _, cents in document.payments) >= document.total_cents
            assert all(sums.gross >= 0 for sums in document.vat)
    again = Device(model)
    for document in read("".join(map(text, on.documents))):
        again.memory.book(document, on.habits)
    for name in ("number", "z_number", "cash", "day", "last_day", "amount", "paid", "last_receipt", "last_time"):
        assert getattr(again.memory, name) == getattr(on.memory, name)


lines = st.lists(st.text(st.characters(blacklist_categories=("C", "Z")), max_size=20), max_size=5)
documents = st.builds(
    lambda number, kind, key, lines, total, payments, closed, vat: Document(
        f"{number:07}", kind, key, (f"Nr. {key}", *lines), total, tuple(payments), closed,
        vat=tuple(vat), z_number=number, device_time="2026-11-27T10:02:41",
    ),
    number=st.integers(1, 9_999_999),
    kind=st.sampled_from(Kind),
    key=st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
    lines=lines,
    total=st.integers(-(10**9), 10**9),
    payments=st.lists(st.tuples(st.sampled_from(["cash", "card", "reserved1"]), st.integers(0, 10**9)), max_size=3),
    closed=st.sampled_from([True, "cancelled"]),
    vat=st.lists(st.builds(VatSum, st.sampled_from("ABH"), st.integers(0, 10**9), st.integers(0, 10**9)), max_size=3),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(documents, max_size=4), st.integers(0, 30))
def test_paper_reads_back_and_a_torn_end_is_no_document(printed: list[Document], torn: int) -> None:
    paper = "".join(map(text, printed))
    assert list(read(paper)) == printed
    end = Document("0000009", Kind.SALE, "x", ("Nr. x",), 1, (), True, device_time="2026-11-27T10:02:41")
    assert list(read(paper + text(end)[:torn])) == printed


@pytest.mark.parametrize("torn", range(1, 90, 7))
def test_document_behind_a_torn_one_is_read(tmp_path: Path, torn: int) -> None:
    journal = tmp_path / "paper.txt"
    whole = Document("0000001", Kind.X, "", ("X report 0", "cash 5.00"), 0, (), True, device_time="2026-11-27T10:02:41")
    journal.write_text(text(whole)[:torn], "utf-8")
    paper = Paper(journal)
    paper.load()
    paper.add(whole)
    assert list(read(journal.read_text("utf-8")))[-1:] == [whole]


def test_numbers_and_sums_go_on_after_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "paper.txt"
    first = Device(DATECS_A, Paper(journal))
    for act in (OPEN, SELL, REST, CLOSE):
        act(first)
    again = Device(DATECS_A, Paper(journal))
    again.load()
    for act in (OPEN, SELL, lambda d: d.cancel()):
        act(again)
    found = list(read(journal.read_text("utf-8")))
    assert [(document.number, document.closed) for document in found] == [("0000001", True), ("0000002", "cancelled")]
    assert again.memory.day.sold == {"A": 450}

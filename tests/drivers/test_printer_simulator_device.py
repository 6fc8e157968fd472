"""The simulated device without its wire: what each stage accepts, what a refusal leaves alone, what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_device import POWER_CUT, Device
from drivers.simulators.fiscal_line import VirtualClock
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import DATECS_A, MODELS, Act, Habits, Model, Refused, Stage, Why
from drivers.simulators.fiscal_paper import Document, Kind, Paper, VatSum, read, text

Do = Callable[[Device], object]

OPEN: Do = lambda d: d.open(1, d.model.passwords(1), "1")  # noqa: E731  a table of acts reads better
SELL: Do = lambda d: d.sell("Coffee", "A", 250, 2000, amount=-50)  # noqa: E731
PART: Do = lambda d: d.pay("card", 100)  # noqa: E731
REST: Do = lambda d: d.pay("cash")  # noqa: E731
CLOSE: Do = lambda d: d.close()  # noqa: E731

ACTS: dict[Act, Do] = {
    Act.OPEN: OPEN,
    Act.REVERSE: lambda d: d.reverse(1, d.model.passwords(1), "1", Reversed("1")),
    Act.SELL: SELL,
    Act.SUBTOTAL: lambda d: d.subtotal(),
    Act.TEXT: lambda d: d.text("Thank you"),
    Act.PAY: REST,
    Act.CLOSE: CLOSE,
    Act.CANCEL: lambda d: d.cancel(),
    Act.OPEN_SLIP: lambda d: d.open_slip(),
    Act.SLIP_TEXT: lambda d: d.slip_text("Balance: 5"),
    Act.CLOSE_SLIP: lambda d: d.close_slip(),
    Act.X: lambda d: d.report(z=False),
    Act.Z: lambda d: d.report(z=True),
    Act.CASH: lambda d: d.move_cash(500),
    Act.SET_CLOCK: lambda d: d.set_clock(d.now),
    Act.COPY: lambda d: d.copy(),
    Act.FEED: lambda d: d.feed(),
}
TO: dict[Stage, list[Do]] = {
    Stage.IDLE: [],
    Stage.SLIP: [lambda d: d.open_slip()],
    Stage.OPEN: [OPEN, SELL],
    Stage.PAYING: [OPEN, SELL, PART],
    Stage.PAID: [OPEN, SELL, PART, REST],
}
EXPECTED: dict[Stage, set[Act]] = {
    Stage.IDLE: {
        Act.OPEN, Act.REVERSE, Act.OPEN_SLIP, Act.X, Act.Z, Act.CASH, Act.SET_CLOCK, Act.COPY, Act.FEED,
    },
    Stage.SLIP: {Act.SLIP_TEXT, Act.CLOSE_SLIP, Act.FEED},
    Stage.OPEN: {Act.SELL, Act.SUBTOTAL, Act.TEXT, Act.PAY, Act.CANCEL},
    Stage.PAYING: {Act.TEXT, Act.PAY},
    Stage.PAID: {Act.TEXT, Act.CLOSE},
}  # fmt: skip
"""By hand, from the lists of refusals in the documents: not read out of the simulator's table."""

families = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def device(model: Model, *history: Do, clock: VirtualClock | None = None, auto_z: time | None = None) -> Device:
    """One that has printed a receipt already, and then this."""
    made = Device(model, now=(clock or VirtualClock()).datetime, auto_z=auto_z)
    for act in (OPEN, SELL, REST, CLOSE, *history):
        act(made)
    return made


def remembered(device: Device) -> tuple[object, int]:
    return msgspec.to_builtins(device.memory), len(device.documents)


def refusal(act: Do, on: Device) -> Why | None:
    try:
        act(on)
    except Refused as refused:
        return refused.why
    return None


@families
@pytest.mark.parametrize("stage", Stage)
def test_each_stage_accepts_its_commands_and_no_other(model: Model, stage: Stage) -> None:
    accepted = set()
    for act, do in ACTS.items():
        on = device(model, *TO[stage])
        assert on.stage is stage
        before = remembered(on)
        if refusal(do, on) is None:
            accepted.add(act)
        else:
            assert remembered(on) == before
    pays = {Act.CANCEL} if model.cancel_pays and stage in (Stage.PAYING, Stage.PAID) else set()
    assert accepted == EXPECTED[stage] | pays


def test_half_paid_receipt_is_paid_and_closed_by_tremols_cancel() -> None:
    on = device(MODELS["tremol"], OPEN, SELL, PART)
    document = on.cancel()
    assert document.closed is True
    assert document.payments == (("card", 100), ("cash", 350))


@families
@pytest.mark.parametrize(
    ("why", "history", "act"),
    [
        (Why.BAD_VAT, [OPEN], lambda d: d.sell("x", "J", 100)),
        (Why.ZERO_PRICE, [OPEN], lambda d: d.sell("x", "A", 0)),
        (Why.DISCOUNT, [OPEN], lambda d: d.sell("x", "A", 100, amount=-101)),
        (Why.NEGATIVE, [OPEN, SELL], lambda d: d.sell("x", "A", 500, void=True)),
        (Why.OVERFLOW, [OPEN], lambda d: d.sell("x", "A", 999_999_999, 2000)),
        (Why.NO_CHANGE, [OPEN, SELL], lambda d: d.pay("voucher", 500)),
        (Why.ZERO_PAYMENT, [OPEN, SELL], lambda d: d.pay("cash", 0)),
        (Why.NO_CASH, [], lambda d: d.move_cash(-451)),
        (Why.CLOCK_BACK, [], lambda d: d.set_clock(datetime.fromisoformat("2026-11-27T07:59:59"))),
        (Why.NO_COPY, [lambda d: d.copy()], lambda d: d.copy()),
        (Why.NO_DOCUMENT, [], lambda d: d.reverse_whole(1, d.model.passwords(1), "1", Reversed("77"))),
        (Why.PASSWORD, [], lambda d: d.open(1, "4711", "1")),
    ],
    ids=lambda value: value.name if isinstance(value, Why) else "",
)
def test_refused_command_changes_nothing(model: Model, why: Why, history: list[Do], act: Do) -> None:
    on = device(model, *history)
    before = remembered(on)
    assert refusal(act, on) is why
    assert remembered(on) == before


@families
def test_full_receipt_takes_no_more_lines(model: Model) -> None:
    on = device(model, OPEN)
    for _ in range(model.max_sales):
        on.sell("x", "A", 1)
    assert refusal(lambda d: d.sell("x", "A", 1), on) is Why.TOO_MANY


@families
@pytest.mark.parametrize("act", [SELL, REST, lambda d: d.text("x")])
def test_without_paper_nothing_is_printed_and_the_receipt_stays_open(model: Model, act: Do) -> None:
    on = device(model, OPEN, SELL)
    before = remembered(on)
    on.has_paper = False
    assert refusal(act, on) is Why.NO_PAPER
    on.has_paper, on.cover_open = True, True
    assert refusal(act, on) is Why.COVER
    on.cover_open = False
    assert remembered(on) == before
    assert refusal(act, on) is None


def test_three_wrong_passwords_lock_everything_until_power_returns() -> None:
    on = device(DATECS_A)
    for _ in range(3):
        assert refusal(lambda d: d.open(1, "1111", "1"), on) is Why.PASSWORD
    assert refusal(OPEN, on) is Why.LOCKED
    assert refusal(lambda d: d.report(z=False), on) is Why.LOCKED
    on.power_returns()
    assert refusal(OPEN, on) is None


def test_right_password_forgives_the_wrong_ones_before() -> None:
    on = device(DATECS_A)
    for _ in range(5):
        refusal(lambda d: d.open(1, "1111", "1"), on)
        refusal(lambda d: d.open(1, "1111", "1"), on)
        OPEN(on)
        on.cancel()


@families
def test_receipt_that_is_open_survives_a_power_cut_and_shows_it(model: Model) -> None:
    on = device(model, OPEN, SELL, PART)
    on.power_returns()
    REST(on)
    assert POWER_CUT in on.close().lines


@families
def test_day_of_more_than_24_hours_takes_no_receipt_before_its_z_report(model: Model) -> None:
    clock = VirtualClock()
    on = device(model, clock=clock)
    clock.advance(24 * 3600 - 1)
    assert not on.overdue
    clock.advance(1)
    assert refusal(OPEN, on) is Why.Z_OVERDUE
    on.report(z=True)
    assert refusal(OPEN, on) is None


@families
def test_receipt_that_was_open_at_24_hours_is_finished(model: Model) -> None:
    clock = VirtualClock()
    on = device(model, OPEN, SELL, clock=clock)
    clock.advance(25 * 3600)
    REST(on)
    assert on.close().closed is True


def test_z_report_at_a_time_of_day_comes_by_itself_once_a_day() -> None:
    clock = VirtualClock()  # at 08:00
    on = device(DATECS_A, clock=clock, auto_z=time(23, 59, 59))
    clock.advance(15 * 3600)
    on.tick()
    assert on.memory.z_number == 0
    clock.advance(3600)
    on.tick()
    on.tick()
    assert on.memory.z_number == 1
    assert on.documents[-1].kind is Kind.Z
    assert on.documents[-1].device_time == "2026-11-27T23:59:59"
    clock.advance(24 * 3600)
    on.tick()
    assert on.memory.z_number == 2


def test_z_report_by_itself_waits_for_the_open_receipt() -> None:
    on = device(DATECS_A, OPEN, SELL)
    on.z_by_itself()
    assert on.memory.z_number == 0
    REST(on)
    CLOSE(on)
    on.tick()
    assert [document.kind for document in on.documents[-2:]] == [Kind.SALE, Kind.Z]
    assert on.memory.day.sold == {}


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
        on.tick()  # a Z report that waits for the receipt to end comes with the next command, whatever that is
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

"""Courses as values: walked against any answers whatever, without a line and without time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from drivers.contract.printer import Line, Note, Payment, Print, PrintPoint, Tender
from drivers.fiscal import operations as op
from drivers.fiscal.datecs_v1_dialect import DatecsV1
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.errors import Trouble
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Course, Event, Heard, InTime, Lost, Move, Reopen, Store
from drivers.fiscal.operations import Operation
from drivers.fiscal.plan import Plan, Terms, plan
from drivers.fiscal.said import Cash, Day, DeviceClock, Identity, Last, Paid, Said, Stage, Subtotal, Transaction

T = TypeVar("T")

A = DatecsV1(DATECS_V1_A, Clerk("1", "0000", "1"))
HERE = Identity("FP-2000", serial="DT000600", fiscal_memory="02000600")
OPEN = frozenset({Sign.RECEIPT_OPEN})
SILENT = Lost("silent")
MOVES_AT_MOST = 400
"""No course of these works goes on for longer, whatever it is told."""


def example() -> Plan:
    """13.90 in two lines, 3.90 by card and 20.00 in cash, and a line below."""
    items = (Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50), Note("Bye", footer=True))
    tenders = (Tender(Payment.CARD, 390), Tender(Payment.CASH, 2000))
    return plan(Print("k-1", items, tenders, 1390), DATECS_V1_A, Terms("cp1257", "ABC"))


def walk(course: Course[T], answer: Callable[[Move], Event]) -> tuple[T, list[Move]]:
    """The end, and all that was done. `answer` is not asked where there is nothing to answer."""
    moves: list[Move] = []
    event: Event = None
    while True:
        try:
            move = course.send(event)
        except StopIteration as end:
            ended: T = end.value
            return ended, moves
        moves.append(move)
        assert len(moves) <= MOVES_AT_MOST
        event = answer(move) if isinstance(move, Ask | InTime | Reopen) else None


def asked(moves: list[Move]) -> list[Operation]:
    return [move.operation for move in moves if isinstance(move, Ask)]


def points(moves: list[Move]) -> list[PrintPoint]:
    return [move.point for move in moves if isinstance(move, Store)]


def good(operation: Operation) -> Heard:
    """What a device says to each operation when all is well and the receipt is at that operation."""
    match operation:
        case op.ReadStatus():
            return Heard(Said(frozenset()))
        case op.ReadLast():
            return Heard(Said(frozenset(), value=Last("0000007")))
        case op.ReadDay():
            return Heard(Said(frozenset(), value=Day("0003", 1390, 0)))
        case op.ReadCash() | op.MoveCash():
            return Heard(Said(frozenset(), value=Cash(500)))
        case op.ReadTransaction():
            return Heard(Said(frozenset(), value=Transaction(Stage.NONE, False, 2, 1390, 2390)))
        case op.ReadSubtotal():
            return Heard(Said(OPEN, value=Subtotal(1390)))
        case op.Pay(cents=cents):
            due = Paid(1000, 0) if cents == 390 else Paid(0, 1000)
            return Heard(Said(OPEN, value=due))
        case op.PrintDay():
            return Heard(Said(frozenset(), value=Day("0004")))
        case op.Close() | op.Cancel() | op.CloseSlip():
            return Heard(Said(frozenset()))
        case op.ReadClock():
            return Heard(Said(frozenset(), value=DeviceClock("2026-11-27T08:05:09")))
        case _:
            return Heard(Said(OPEN))


_signs = st.one_of(
    st.just(OPEN),
    st.just(frozenset[Sign]()),
    st.frozensets(st.sampled_from(Sign), max_size=2),
    st.just(OPEN | {Sign.PAPER_OUT}),
)
_cents = st.sampled_from([0, 390, 450, 1390, 2390, 1000, None])
_values = st.one_of(
    st.none(),
    st.builds(Last, st.sampled_from(["0000006", "0000007", "0000008", "", "x"])),
    st.builds(Day, st.sampled_from(["0003", "0004", ""]), _cents, _cents),
    st.builds(Transaction, st.sampled_from(Stage), st.booleans(), st.sampled_from([0, 1, 2, 3, None]), _cents, _cents),
    st.builds(Subtotal, st.sampled_from([1390, 1391])),
    st.builds(Paid, _cents, _cents),
    st.builds(Cash, st.sampled_from([0, 500, 1000])),
)
heard = st.builds(
    Heard,
    said=st.builds(Said, signs=_signs, refused=st.sampled_from(["", "", "no"]), code=st.just(""), value=_values),
    unsure=st.booleans(),
)
answers = st.one_of(heard, heard, st.just(SILENT))
reopened = st.one_of(
    st.just(HERE),
    st.just(HERE),
    st.just(Identity("FP-2000", serial="DT000601")),
    st.just(Lost("gone", Trouble.PORT_GONE)),
)


def drawn(data: st.DataObject, *, good_of: int = 3) -> Callable[[Move], Event]:
    """Any answers, often the good one."""

    def answer(move: Move) -> Event:
        match move:
            case Ask(operation=operation):
                fine = st.just(good(operation))
                event: Event = data.draw(st.one_of(*[fine] * good_of, answers))
                return event
            case Reopen():
                back: Event = data.draw(reopened)
                return back
            case _:
                in_time: bool = data.draw(st.sampled_from([True, True, True, False]))
                return in_time

    return answer

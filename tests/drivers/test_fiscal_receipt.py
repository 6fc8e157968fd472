"""The course of a receipt as a value: whatever the device answers, the rules of fiscal printing hold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Line, Outcome, Payment, Print, PrintPoint, Result, Tender
from drivers.fiscal.datecs_v1 import Command
from drivers.fiscal.families import DATECS_V1_A, Sign
from drivers.fiscal.plan import Plan, Till, plan, row_cents
from drivers.fiscal.receipt import Ask, Event, Heard, InTime, Lost, Move, Store, receipt
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_wire import Request

TILL = Till(operator="1", password="0000", number="1", encoding="cp1257", vat_letters="ABCDEFGH")
OPEN = frozenset({Sign.RECEIPT_OPEN})


def walk(work: Plan, answer: Callable[[Move], Event], baseline: str = "0000006") -> tuple[Outcome, list[Move]]:
    """The outcome, and all that was done."""
    course, moves = receipt(work, DATECS_V1_A, baseline), list[Move]()
    event: Event = None
    while True:
        try:
            move = course.send(event)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome, moves
        moves.append(move)
        event = None if isinstance(move, Store) else answer(move)


def example() -> Plan:
    lines = (Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50))
    tenders = (Tender(Payment.CARD, 390), Tender(Payment.CASH, 2000))
    return plan(Print("k-1", lines, tenders, 1390), DATECS_V1_A, TILL)


class OnDevice:
    """Answers a course from a printer without a wire, and loses the answer number `lost_at`, with the command
    carried out or not."""

    def __init__(self, lost_at: int = -1, executed: bool = True, dead_after: bool = False) -> None:
        self.endpoint = endpoint("datecs-v1")
        self.device = self.endpoint.device
        self._lost_at = lost_at
        self._executed = executed
        self._dead_after = dead_after
        self._asked = -1

    def __call__(self, move: Move) -> Event:
        if not isinstance(move, Ask):
            return True
        self._asked += 1
        lost = self._asked == self._lost_at or (self._dead_after and self._asked > self._lost_at >= 0)
        if lost and (self._asked > self._lost_at or not self._executed):
            return Lost("silent")
        self.endpoint.executed.append(move.command)
        reply = self.endpoint.wire.answer(Request(0x20, move.command, move.data), None, quiet=False)
        return Lost("silent") if lost else Heard(reply[4:-13], DATECS_V1_A.signs(reply[-12:-6]))

    @property
    def closed(self) -> int:
        return sum(document.closed is True for document in self.device.documents)


def test_receipt_in_its_order() -> None:
    outcome, moves = walk(example(), OnDevice())
    assert outcome.outcome is Result.PRINTED
    assert (outcome.number, outcome.change_cents) == ("0000001", 1000)
    done = [
        move.point.value if isinstance(move, Store) else move.command.value
        for move in moves
        if not isinstance(move, InTime)
    ]
    assert done == ["intent", 48, "opened", 54, 49, 49, 51, "paying", 53, 53, "closing", 56, 113, "closed"]


def test_subtotal_that_differs_is_cancelled_before_anything_is_paid() -> None:
    on = OnDevice()
    on.device.subtotal_off_by = 1
    outcome, moves = walk(example(), on)
    assert outcome.outcome is Result.CANCELLED
    assert "1391 cents" in outcome.reason
    assert Ask(Command.CANCEL) in moves
    assert PrintPoint.PAYING not in [move.point for move in moves if isinstance(move, Store)]


def test_deadline_that_passes_before_the_payment_cancels() -> None:
    on, asked = OnDevice(), list[bool]()

    def answer(move: Move) -> Event:
        if isinstance(move, InTime):
            asked.append(True)
            return len(asked) < 3
        return on(move)

    outcome, _ = walk(example(), answer)
    assert outcome.outcome is Result.CANCELLED
    assert [document.closed for document in on.device.documents] == ["cancelled"]


def test_deadline_that_has_passed_before_the_opening_refuses() -> None:
    on = OnDevice()
    outcome, _ = walk(example(), lambda move: False if isinstance(move, InTime) else on(move))
    assert outcome.outcome is Result.REFUSED
    assert on.endpoint.executed == []


def test_number_that_cannot_be_read_does_not_make_the_receipt_less_printed() -> None:
    on = OnDevice()

    def answer(move: Move) -> Event:
        return Lost("silent") if move == Ask(Command.LAST_NUMBER) else on(move)

    outcome, moves = walk(example(), answer)
    assert outcome.outcome is Result.PRINTED
    assert outcome.number == ""
    assert outcome.reason.startswith("number_not_read")
    assert moves[-1] == Store(PrintPoint.CLOSED)


def test_doubt_after_paying_sends_nothing_more() -> None:
    on = OnDevice()

    def answer(move: Move) -> Event:
        return Lost("silent") if isinstance(move, Ask) and move.command is Command.PAY else on(move)

    outcome, moves = walk(example(), answer)
    assert outcome.outcome is Result.UNKNOWN
    assert isinstance(moves[-1], Ask)
    assert moves[-1].command is Command.PAY
    assert "Nr. k-1" in outcome.advice
    assert "0000006" in outcome.advice


def test_opening_that_is_refused_prints_nothing_and_cancels_nothing() -> None:
    refusal = Heard(b"", frozenset({Sign.NOT_ALLOWED}))
    outcome, moves = walk(example(), lambda move: True if isinstance(move, InTime) else refusal)
    assert outcome.outcome is Result.REFUSED
    assert [move.command for move in moves if isinstance(move, Ask)] == [Command.OPEN]


def test_opening_that_is_refused_after_a_silence_may_have_opened_and_is_cancelled() -> None:
    on = OnDevice()

    def answer(move: Move) -> Event:
        heard = on(move)
        if isinstance(move, Ask) and move.command is Command.OPEN:
            return Heard(b"", OPEN | {Sign.NOT_ALLOWED}, unsure=True)
        return heard

    outcome, _ = walk(example(), answer)
    assert outcome.outcome is Result.CANCELLED


signs = st.frozensets(st.sampled_from(Sign), max_size=2)
heard = st.builds(
    Heard,
    data=st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"", b"000001390", b"D000001000", b"R000001000", b"F", b"0000007", b"R0"]),
    ),
    signs=st.one_of(signs, st.just(OPEN), st.just(frozenset()), st.just(frozenset({Sign.NOT_ALLOWED}))),
    unsure=st.booleans(),
)
events = st.one_of(heard, st.builds(Lost, why=st.just("silent")))


@settings(deadline=None)
@given(st.data())
def test_rules_hold_for_any_answers(data: st.DataObject) -> None:
    replies: list[tuple[Command, Event]] = []
    likely = {
        Command.OPEN: Heard(b"0001,0001", OPEN),
        Command.TEXT: Heard(b"", OPEN),
        Command.SALE: Heard(b"", OPEN),
        Command.SUBTOTAL: Heard(b"000001390,0", OPEN),
        Command.CLOSE: Heard(b"0001,0001", frozenset()),
    }

    def answer(move: Move) -> Event:
        if isinstance(move, Ask):
            good = likely.get(move.command, Heard(b"D000001000", OPEN))
            reply = data.draw(st.one_of(st.just(good), st.just(good), st.just(good), events))
            replies.append((move.command, reply))
            return reply
        return data.draw(st.sampled_from([True, True, True, False]))

    outcome, moves = walk(example(), answer)
    commands = [move.command for move in moves if isinstance(move, Ask)]
    points = [move.point for move in moves if isinstance(move, Store)]
    assert points == list(PrintPoint)[: len(points)]
    planned = {Command.SALE: 2, Command.PAY: 2}
    assert all(commands.count(command) <= planned.get(command, 1) for command in commands)
    last, its_reply = replies[-1] if replies else (None, None)
    match outcome.outcome:
        case Result.PRINTED:
            assert points[-1] is PrintPoint.CLOSED
            close = next(reply for command, reply in replies if command is Command.CLOSE)
            assert isinstance(close, Heard)
            assert not DATECS_V1_A.refusals(close.signs)
            assert Sign.RECEIPT_OPEN not in close.signs
        case Result.CANCELLED:
            assert last is Command.CANCEL
            assert isinstance(its_reply, Heard)
            assert not DATECS_V1_A.refusals(its_reply.signs)
        case Result.REFUSED:
            assert commands in ([], [Command.OPEN])
        case Result.UNKNOWN:
            assert outcome.advice.startswith("Do not print it again")
    if commands.count(Command.PAY) > 1 or Command.CLOSE in commands:
        assert Command.CANCEL not in commands


lines = st.lists(
    st.builds(
        Line,
        text=st.just("x"),
        vat=st.sampled_from("ABC"),
        unit_cents=st.integers(1, 100_000),
        quantity=st.integers(1, 20_000),
    ).filter(lambda line: row_cents(line) > 0),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(lines, st.integers(0, 100), st.integers(0, 500), st.integers(-1, 16), st.booleans(), st.booleans())
def test_outcome_tells_what_is_on_paper_wherever_an_answer_is_lost(
    some: list[Line], percent: int, over: int, lost_at: int, executed: bool, dead: bool
) -> None:
    cut = tuple(Line(x.text, x.vat, x.unit_cents, x.quantity, row_cents(x) * percent // 100) for x in some)
    total = sum(row_cents(line) - line.discount_cents for line in cut)
    if total == 0:
        return
    work = plan(Print("k-1", cut, (Tender(Payment.CASH, total + over),), total), DATECS_V1_A, TILL)
    on = OnDevice(lost_at, executed, dead)
    outcome, _ = walk(work, on)
    match outcome.outcome:
        case Result.PRINTED:
            assert on.closed == 1
            assert on.device.documents[-1].total_cents == total
        case Result.CANCELLED | Result.REFUSED:
            assert on.closed == 0
            assert lost_at >= 0
        case Result.UNKNOWN:
            assert lost_at >= 0
            assert on.closed <= 1


@settings(deadline=None)
@given(st.integers(1, 99_999_999), st.integers(1, 99_999_999))
def test_rows_are_the_devices_rows(unit_cents: int, quantity: int) -> None:
    exact = (Decimal(unit_cents) * quantity / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    assert row_cents(Line("x", "A", unit_cents, quantity)) == exact

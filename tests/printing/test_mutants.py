"""Ways to get printing wrong, each put into the real code for a moment, and each caught by what the runs look at. Runs
that could not would prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from drivers.contract.printer import Baseline, PrintPoint
from drivers.fiscal import finish as finish_module
from drivers.fiscal import moves
from drivers.fiscal import receipt as receipt_module
from drivers.fiscal import report as report_module
from drivers.fiscal import settle as settle_module
from drivers.fiscal.counters import Verdict as Counted
from drivers.fiscal.datecs_v2_dialect import DatecsV2
from drivers.fiscal.frames import Answer, Event
from drivers.fiscal.link import Exchange, Link, LinkLost, Loss
from drivers.fiscal.moves import Course, Heard, Lost, Store
from drivers.fiscal.operations import Operation
from drivers.fiscal.receipt import _Receipt
from drivers.fiscal.said import Said, Stage
from drivers.fiscal.settle import Settling
from drivers.fiscal.standing import Standing
from tests.printing.cases import Case, Cut, Death, Hit, Kill
from tests.printing.enumerated import MANY
from tests.printing.prepared import prepared
from tests.printing.run import run
from tests.printing.verdict import Wrong

Patch = pytest.MonkeyPatch


def sent_again_as_a_new_command(patch: Patch) -> None:
    honest = Link._exchange

    def exchange(self: Link, command: int, data: bytes, **more: Any) -> Exchange | None:
        try:
            return honest(self, command, data, **more)
        except LinkLost as error:
            if error.loss is not Loss.SILENT:
                raise
            return honest(self, command, data, **more)

    patch.setattr(Link, "_exchange", exchange)


def any_answer_is_taken(patch: Patch) -> None:
    honest = Link._pick

    def pick(self: Link, events: list[Event], command: int, *, syncing: bool) -> Any:
        answers = [event for event in events if isinstance(event, Answer)]
        return answers[0] if answers else honest(self, events, command, syncing=syncing)

    patch.setattr(Link, "_pick", pick)


def cancelled_after_paying(patch: Patch) -> None:
    honest = Settling._act

    def act(self: Settling, standing: Standing) -> Course[Any]:
        unpaid = standing.transaction.stage in (Stage.OPEN, Stage.PAYING)
        return (yield from self._cancel() if unpaid else honest(self, standing))

    patch.setattr(Settling, "_act", act)


def believed_by_its_number_alone(patch: Patch) -> None:
    def judge(_work: object, baseline: Baseline, standing: Standing) -> Counted:
        return Counted.NOT_PRINTED if standing.last.number == baseline.number else Counted.PRINTED

    patch.setattr(settle_module, "judge", judge)


def nothing_is_read_before(patch: Patch) -> None:
    def measure(*_args: object, **_more: object) -> Course[Baseline]:
        yield from ()
        return Baseline()

    patch.setattr(receipt_module, "measure", measure)


def printed_again_after_a_loss(patch: Patch) -> None:
    honest = _Receipt._read_back

    def read_back(self: _Receipt, point: PrintPoint, why: Lost | str) -> Course[Any]:
        if isinstance(why, Lost) and point is PrintPoint.CLOSING:
            return (yield from self.run())
        return (yield from honest(self, point, why))

    patch.setattr(_Receipt, "_read_back", read_back)


def stored_after_the_step(patch: Patch) -> None:
    honest = _Receipt.run

    def late(self: _Receipt) -> Course[Any]:
        course, held, event = honest(self), None, None
        try:
            while True:
                move = course.send(event)
                if isinstance(move, Store) and move.point is PrintPoint.PAYING:
                    held, event = move, None
                    continue
                event = yield move
                if held is not None:
                    yield held
                    held = None
        except StopIteration as end:
            return end.value

    patch.setattr(_Receipt, "run", late)


def errors_in_data_are_not_looked_at(patch: Patch) -> None:
    honest = DatecsV2.said

    def said(self: DatecsV2, operation: Operation, answer: Answer) -> Said:
        told = honest(self, operation, answer)
        return msgspec.structs.replace(told, refused="") if told.code else told

    patch.setattr(DatecsV2, "said", said)


def the_subtotal_is_not_compared(patch: Patch) -> None:
    honest = _Receipt._lines

    def lines(self: _Receipt) -> Course[Any]:
        why = yield from honest(self)
        return "" if "subtotal" in str(why) else why

    patch.setattr(_Receipt, "_lines", lines)
    patch.setattr(receipt_module, "wrong_payment", lambda heard, _expected: receipt_module.wrong(heard, "a payment"))


def payments_are_sent_again(patch: Patch) -> None:
    honest = moves.steady

    def steady(operation: Operation, patience_s: float, *, once: bool = False) -> Course[Heard | Lost]:
        return honest(operation, patience_s)

    patch.setattr(receipt_module, "steady", steady)


def reports_are_sent_again(patch: Patch) -> None:
    honest = moves.ask

    def ask(operation: Operation, *, once: bool = False) -> Course[Heard | Lost]:
        return honest(operation)

    patch.setattr(report_module, "ask", ask)


def any_number_after_it_is_its_own(patch: Patch) -> None:
    patch.setattr(finish_module, "steps", lambda _before, _now: 1)


def any_device_will_do(patch: Patch) -> None:
    for part in ("works", "settle", "report"):
        patch.setattr(f"drivers.fiscal.{part}.other_device", lambda *_here, **_how: None)


def any_receipt_alike_is_ours(patch: Patch) -> None:
    patch.setattr(Settling, "_is_later", lambda _self, _standing: False)


def nobody_ever_finishes_one_by_hand(patch: Patch) -> None:
    patch.setattr(Settling, "_may_be_finished", lambda _self, _standing: False)


def at_each_step(case: Case, off_ms: int = 0) -> Iterator[Case]:
    """Its fault, and a power cut when asked for, at every step; without a fault the driver dies there."""
    for step in range(2, prepared(case.family, case.work).commands):
        hits = tuple(msgspec.structs.replace(hit, at=step) for hit in case.hits)
        deaths = () if hits else (Death(step, Kill.SENT),)
        yield msgspec.structs.replace(case, hits=hits, deaths=deaths, cuts=(Cut(step, off_ms),) if off_ms else ())


LOST, LOST_FOR_LONG = Hit(0, "drop_answer"), Hit(0, "drop_answer", times=MANY)
IN_DATA = Hit(0, "error_in_data")

MUTANTS: list[tuple[Callable[[Patch], None], Wrong, Iterator[Case]]] = [
    (sent_again_as_a_new_command, Wrong.DOUBLE, at_each_step(Case("datecs-v1", "z", (LOST,)))),
    (any_answer_is_taken, Wrong.UNKNOWN, at_each_step(Case("datecs-v1", "cash in", (Hit(0, "stale"),)))),
    (cancelled_after_paying, Wrong.PAPER, at_each_step(Case("tremol", "three"))),
    (believed_by_its_number_alone, Wrong.LIE, at_each_step(Case("datecs-v2", "sale", hand="cancels ours"))),
    (nothing_is_read_before, Wrong.UNKNOWN, at_each_step(Case("datecs-v1b", "sale"))),
    (printed_again_after_a_loss, Wrong.DOUBLE, at_each_step(Case("datecs-v2", "sale", (LOST_FOR_LONG,)))),
    (stored_after_the_step, Wrong.ORDER, at_each_step(Case("datecs-v1", "sale"))),
    (errors_in_data_are_not_looked_at, Wrong.LIE, at_each_step(Case("datecs-v2", "cash in", (IN_DATA,)))),
    (the_subtotal_is_not_compared, Wrong.PAPER, at_each_step(Case("datecs-v1", "change", (LOST,)), 30)),
    (payments_are_sent_again, Wrong.PAPER, at_each_step(Case("datecs-v1", "three", (LOST,)), 30)),
    (reports_are_sent_again, Wrong.DOUBLE, at_each_step(Case("datecs-v1", "z", (LOST,)), 30)),
    (any_number_after_it_is_its_own, Wrong.LIE, at_each_step(Case("datecs-v1", "sale", (Hit(0, "spontaneous_z"),)))),
    (any_device_will_do, Wrong.LEFT_OPEN, at_each_step(Case("datecs-v1", "sale", hand="puts another there"))),
    (any_receipt_alike_is_ours, Wrong.FOREIGN, at_each_step(Case("tremol", "sale", hand="leaves alike open"))),
    (nobody_ever_finishes_one_by_hand, Wrong.LIE, at_each_step(Case("datecs-v1b", "sale", hand="finishes ours"))),
]  # fmt: skip
"""Each with what it does wrong, and the shortest runs that show it."""
NAMES = [mutant.__name__ for mutant, _, _ in MUTANTS]


@pytest.mark.parametrize(("mutant", "wrong", "cases"), MUTANTS, ids=NAMES)
def test_it_is_caught(mutant: Callable[[Patch], None], wrong: Wrong, cases: Iterator[Case], monkeypatch: Patch) -> None:
    shown = list(cases)
    assert not [case for case in shown if run(case).complaints]
    mutant(monkeypatch)
    found = {complaint.wrong for case in shown for complaint in run(case).complaints}
    assert wrong in found

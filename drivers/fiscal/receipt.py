"""The course of one receipt, from intent to outcome. Pure: says what to do next, is told what came of it.

    intent -> 48 -> opened -> 54 (key), 49 ..., 51 -> paying -> 53 ... -> closing -> 56 -> 113 -> closed

Guarantees, for any answers whatever: every durable point comes before the wire step that follows it; no
command is ever asked a second time; 53 only after the device's subtotal equals the computed total; 60 only
while nothing was paid; `printed` only when the device confirmed 56 and no receipt is open; `cancelled` only
when it confirmed 60 and none is open; `refused` only when nothing was opened; otherwise `unknown`.
Source of what is legal when: Datecs, Communication Protocol, group A, v1.00BG, commands 48 to 60.
"""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from drivers.contract.printer import Outcome, PrintPoint, Result
from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal.datecs_v1 import Command
from drivers.fiscal.errors import Reason, advice
from drivers.fiscal.families import Family, Sign
from drivers.fiscal.plan import Paying, Plan


class Store(msgspec.Struct, frozen=True):
    """Make this point durable, then go on. Answered by None."""

    point: PrintPoint
    number: str = ""


class Ask(msgspec.Struct, frozen=True):
    """Send this command. Answered by `Heard` or `Lost`."""

    command: Command
    data: bytes = b""

    def __repr__(self) -> str:
        return f"Ask({self.command.name})"


class InTime(msgspec.Struct, frozen=True):
    """Is there time left? Answered by a bool."""


class Heard(msgspec.Struct, frozen=True):
    """The device answered. `unsure`: the frame had to be sent again after silence, so that a device that
    lost its memory of it in between (power cut) may have carried it out twice."""

    data: bytes
    signs: frozenset[Sign]
    unsure: bool = False


class Lost(msgspec.Struct, frozen=True):
    """No answer: the command was carried out, or was not."""

    why: str


Move = Store | Ask | InTime
Event = Heard | Lost | bool | None
Course = Generator[Move, Event, Outcome]


def receipt(work: Plan, family: Family, baseline: str) -> Course:
    """The course of the receipt `work`; `baseline` is the last document number before it."""
    course = _Receipt(work, family, baseline)
    return course.run()


class _Receipt:
    def __init__(self, work: Plan, family: Family, baseline: str) -> None:
        self._work = work
        self._family = family
        self._baseline = baseline

    def run(self) -> Course:
        yield Store(PrintPoint.INTENT)
        if not (yield from _in_time()):
            return self._end(Result.REFUSED, Reason.TOO_LATE, "the deadline passed before it was begun")
        opened = yield from _ask(Command.OPEN, self._work.opening)
        if isinstance(opened, Heard) and not opened.unsure and (refused := self._refused(opened)):
            return self._end(Result.REFUSED, Reason.OPEN_REFUSED, f"the printer says {refused}")
        if wrong := self._wrong(opened, "opening"):
            return (yield from self._cancel(wrong))
        yield Store(PrintPoint.OPENED)
        if wrong := (yield from self._lines()):
            return (yield from self._cancel(wrong))
        yield Store(PrintPoint.PAYING)
        for index, paying in enumerate(self._work.payments):
            paid = yield from _ask(Command.PAY, paying.data)
            if index == 0 and (refused := self._surely_not_paid(paid)):
                return (yield from self._cancel(refused))
            if wrong := self._wrong_payment(paid, paying):
                return self._end(Result.UNKNOWN, Reason.DOUBT_AT_PAYMENT, wrong)
        yield Store(PrintPoint.CLOSING)
        closed = yield from _ask(Command.CLOSE)
        if wrong := self._wrong(closed, "closing", still_open=False):
            return self._end(Result.UNKNOWN, Reason.DOUBT_AT_CLOSE, wrong)
        return (yield from self._printed())

    def _lines(self) -> Generator[Move, Event, str]:
        """Key, lines and subtotal. Returns what went wrong, nothing when all is well."""
        for command, data in ((Command.TEXT, self._work.key_line), *((Command.SALE, s) for s in self._work.sales)):
            heard = yield from _ask(command, data)
            if wrong := self._wrong(heard, "the key line" if command is Command.TEXT else "a line"):
                return wrong
            if not (yield from _in_time()):
                return "the deadline passed before the payment"
        subtotal = yield from _ask(Command.SUBTOTAL, wire.SUBTOTAL_SILENT)
        if isinstance(subtotal, Lost) or self._wrong(subtotal, "the subtotal"):
            return self._wrong(subtotal, "the subtotal")
        try:
            cents = wire.read_subtotal(subtotal.data)
        except wire.DataError as error:
            return str(error)
        if cents != self._work.total_cents:
            return f"the printer's subtotal is {cents} cents, the receipt's total {self._work.total_cents}"
        return ""

    def _cancel(self, why: str) -> Course:
        """Nothing is paid: 60 is legal, and once confirmed there is no doubt left, whatever came before."""
        heard = yield from _ask(Command.CANCEL)
        if wrong := self._wrong(heard, "cancelling", still_open=False):
            return self._end(Result.UNKNOWN, Reason.CANCEL_NOT_CONFIRMED, f"{why}; {wrong}")
        return self._end(Result.CANCELLED, Reason.STOPPED_BEFORE_PAYMENT, why)

    def _printed(self) -> Course:
        """Confirmed. A number that cannot be read changes nothing about that."""
        heard = yield from _ask(Command.LAST_NUMBER)
        number = ""
        if isinstance(heard, Heard) and not self._refused(heard):
            try:
                number = wire.read_number(heard.data)
            except wire.DataError:
                number = ""
        yield Store(PrintPoint.CLOSED, number)
        missing = Reason.NUMBER_NOT_READ
        return Outcome(
            key=self._work.key,
            outcome=Result.PRINTED,
            number=number,
            total_cents=self._work.total_cents,
            change_cents=self._work.change_cents,
            reason="" if number else f"{missing}: the printer did not tell its last number",
            advice="" if number else advice(missing),
        )

    def _surely_not_paid(self, paid: Heard | Lost) -> str:
        """Why the first payment was surely not carried out, nothing when it was or when that is in doubt."""
        if isinstance(paid, Lost) or paid.unsure or Sign.RECEIPT_OPEN not in paid.signs:
            return ""
        if refused := self._refused(paid):
            return f"the printer refused the payment: {refused}"
        try:
            answer = wire.read_paid(paid.data)
        except wire.DataError:
            return ""
        return f"the printer refused the payment: {answer.code}" if answer.code in wire.NOT_PAID else ""

    def _wrong_payment(self, paid: Heard | Lost, expected: Paying) -> str:
        if isinstance(paid, Lost) or self._wrong(paid, "a payment"):
            return self._wrong(paid, "a payment")
        try:
            answer = wire.read_paid(paid.data)
        except wire.DataError as error:
            return str(error)
        if answer.cents != expected.cents or answer.code not in (expected.code or answer.code,):
            return f"the printer says {answer.code} {answer.cents} cents after a payment, not {expected.cents}"
        return f"the printer says {answer.code}" if answer.code in wire.NOT_PAID else ""

    def _wrong(self, heard: Heard | Lost, at: str, *, still_open: bool = True) -> str:
        """Why this answer is not a plain yes, nothing when it is one."""
        if isinstance(heard, Lost):
            return f"no answer to {at}: {heard.why}"
        if refused := self._refused(heard):
            return f"the printer refused {at}: {refused}"
        if (Sign.RECEIPT_OPEN in heard.signs) is not still_open:
            return f"after {at} the receipt is {'not ' if still_open else 'still '}open"
        return ""

    def _refused(self, heard: Heard) -> str:
        return ", ".join(self._family.refusals(heard.signs))

    def _end(self, result: Result, reason: Reason, what: str) -> Outcome:
        return Outcome(
            key=self._work.key,
            outcome=result,
            reason=f"{reason}: {what}",
            advice=advice(reason, key=self._work.key, baseline=self._baseline),
        )


def _ask(command: Command, data: bytes = b"") -> Generator[Move, Event, Heard | Lost]:
    event = yield Ask(command, data)
    if not isinstance(event, Heard | Lost):
        raise TypeError(f"{command.name} is answered by Heard or Lost")
    return event


def _in_time() -> Generator[Move, Event, bool]:
    event = yield InTime()
    if not isinstance(event, bool):
        raise TypeError("InTime is answered by a bool")
    return event

"""What follows a confirmed close: the number, and when it was. Nothing that is missing here makes a receipt less
printed. Pure courses."""

from __future__ import annotations

from drivers.contract.printer import Outcome, Print, PrintPoint, Result
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason, advice
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Course, Heard, Lost, Store, reopen
from drivers.fiscal.operations import ReadClock, ReadLast
from drivers.fiscal.plan import Plan
from drivers.fiscal.said import DeviceClock, Identity, Last
from drivers.fiscal.standing import steps, told, value_of

SOON_S = (0.0, 0.5, 1.0)
"""Attempts to ask for the number once more: the receipt is printed, and somebody waits to hear so."""


def finish(work: Plan, ending: Ending, identity: Identity, closed: Heard) -> Course[Outcome]:
    """After the device has answered the close. A device that says "closed" while its number stands still has printed
    nothing that counts: that is told as unknown, unless it is being trained on and counts nothing."""
    last = value_of(closed, Last)
    lost = False
    if last is None:
        found = yield from _number(identity)
        lost = isinstance(found, Lost)
        last = None if isinstance(found, Lost) else found
        if last is not None and (steps(ending.baseline.number, last.number) or 0) > 1:
            last = None
    if last is not None and last.number and last.number == ending.baseline.number:
        if Sign.TRAINING not in closed.said.signs:
            ending.now = last.number
            return ending.unknown(Reason.DOUBT_AT_CLOSE, "the printer confirmed the close and counted no document")
        last = None
    return (yield from printed(work, ending, identity, last or Last(""), ask_time=not lost))


def _number(identity: Identity) -> Course[Last | Lost | None]:
    """The last document; asked once more over a port that is opened again, because a reversal will need it. What was
    printed since (a Z report that the device makes by itself as soon as the receipt is closed) has another number."""
    found = yield from told(ReadLast(), Last)
    if not isinstance(found, Lost):
        return found
    back = yield from reopen(SOON_S)
    if isinstance(back, Lost) or back.serial != identity.serial:
        return found
    return (yield from told(ReadLast(), Last))


def printed(work: Plan, ending: Ending, identity: Identity, last: Last, *, ask_time: bool = True) -> Course[Outcome]:
    """Store that it is closed, and say so."""
    device_time = last.device_time
    if not device_time and ask_time:
        clock = yield from told(ReadClock(), DeviceClock)
        device_time = clock.device_time if isinstance(clock, DeviceClock) else ""
    yield Store(PrintPoint.CLOSED, last.number)
    return as_printed(work, ending, last.number, device_time, identity.fiscal_memory, last.z_number)


def as_printed(
    work: Plan | Print, ending: Ending, number: str = "", device_time: str = "", memory: str = "", z_number: str = ""
) -> Outcome:
    """The outcome of what is printed; without a number when none could be read."""
    missing = Reason.NUMBER_NOT_READ
    return Outcome(
        key=ending.key,
        outcome=Result.PRINTED,
        number=number,
        total_cents=work.total_cents,
        change_cents=work.change_cents if isinstance(work, Plan) else 0,
        code="" if number else missing,
        reason="" if number else f"{missing}: the printer did not tell its last number",
        advice="" if number else advice(missing),
        device_time=device_time,
        fiscal_memory=memory,
        z_number=z_number,
    )

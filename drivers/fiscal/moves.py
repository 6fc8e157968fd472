"""What a course may ask of the shell, and what it is told: the words of the pure courses, and the few steps that all
of them share.

A course is a generator: it yields moves and is sent events. It knows no port, no clock and no disk.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import msgspec

from drivers.contract.printer import Baseline, PrintPoint
from drivers.fiscal.errors import Trouble
from drivers.fiscal.families import HOLD_SIGNS, OPEN_SIGNS, Sign
from drivers.fiscal.operations import Operation, ReadStatus
from drivers.fiscal.said import Identity, Said

HOLD_POLL_S = 1.0
"""Between two looks at a printer whose paper is being changed."""

REOPEN_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each attempt to open the port again after a lost answer: as long as a printer takes to start, and a cable to
be put back at once. What takes longer is settled later, when the device is there again."""


class Store(msgspec.Struct, frozen=True):
    """Make this point durable, then go on. Answered by None."""

    point: PrintPoint
    number: str = ""
    baseline: Baseline | None = None


class Ask(msgspec.Struct, frozen=True):
    """Send this operation's command. `once`: not again after silence. Answered by `Heard` or `Lost`."""

    operation: Operation
    once: bool = False

    def __repr__(self) -> str:
        return f"Ask({type(self.operation).__name__})"


class InTime(msgspec.Struct, frozen=True):
    """Is there time left, or would there be with so much more? Answered by a bool."""

    extra_s: float = 0.0


class Wait(msgspec.Struct, frozen=True):
    """Let so much time pass. Answered by None."""

    seconds: float


class Reopen(msgspec.Struct, frozen=True):
    """Close the port, open it, ask the device who it is. Answered by `Identity` or `Lost`."""


class Tell(msgspec.Struct, frozen=True):
    """A person has to put this right, and the work waits; empty: it goes on. Answered by None."""

    signs: tuple[Sign, ...] = ()


class Heard(msgspec.Struct, frozen=True):
    """The device answered. `unsure`: the frame had to be sent again after silence, so that a device that
    lost its memory of it in between (power cut) may have carried it out twice."""

    said: Said
    unsure: bool = False

    @property
    def open(self) -> bool:
        """A fiscal receipt is open on the device."""
        return bool(OPEN_SIGNS & self.said.signs)


class Lost(msgspec.Struct, frozen=True):
    """No answer, or none that can be understood: the command was carried out, or was not."""

    why: str
    trouble: Trouble = Trouble.NO_ANSWER


Move = Store | Ask | InTime | Wait | Reopen | Tell
Event = Heard | Lost | Identity | bool | None

T = TypeVar("T")
Course = Generator[Move, Event, T]


class NotBegun(Exception):
    """The device did not answer before anything was stored or printed."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(lost.why)
        self.trouble = lost.trouble


def ask(operation: Operation, *, once: bool = False) -> Course[Heard | Lost]:
    event = yield Ask(operation, once)
    if not isinstance(event, Heard | Lost):
        raise TypeError("Ask is answered by Heard or Lost")
    return event


def in_time(extra_s: float = 0.0) -> Course[bool]:
    event = yield InTime(extra_s)
    if not isinstance(event, bool):
        raise TypeError("InTime is answered by a bool")
    return event


def reopen(pauses_s: tuple[float, ...] = REOPEN_PAUSES_S) -> Course[Identity | Lost]:
    """The device again, after a lost answer. `Lost` when it does not come back soon."""
    event: Event = None
    for pause in pauses_s:
        if pause:
            yield Wait(pause)
        event = yield Reopen()
        if isinstance(event, Identity):
            return event
    if not isinstance(event, Lost):
        raise TypeError("Reopen is answered by Identity or Lost")
    return event


def steady(operation: Operation, patience_s: float, *, once: bool = False) -> Course[Heard | Lost]:
    """Ask, and while the device refuses because of what a person can put right (paper, cover), wait for that and ask
    again: a refused command has changed nothing. Waits until the deadline, or `patience_s` beyond it. What was sent
    twice over a silence is not repeated: it may have been carried out the first time. `once`: see `Ask`."""
    told: tuple[Sign, ...] = ()
    while True:
        heard = yield from ask(operation, once=once)
        if isinstance(heard, Lost) or heard.unsure or not (held := _held(heard)):
            break
        if held != told:
            told = held
            yield Tell(held)
        if (ended := (yield from _put_right(patience_s))) is not None:
            heard = ended if isinstance(ended, Lost) else heard
            break
    if told:
        yield Tell()
    return heard


def _put_right(patience_s: float) -> Course[Lost | bool | None]:
    """None when it is, False when the time is over."""
    while (yield from in_time(patience_s)):
        yield Wait(HOLD_POLL_S)
        status = yield from ask(ReadStatus())
        if isinstance(status, Lost):
            return status
        if not HOLD_SIGNS & status.said.signs:
            return None
    return False


def _held(heard: Heard) -> tuple[Sign, ...]:
    return tuple(sorted(HOLD_SIGNS & heard.said.signs)) if heard.said.refused else ()

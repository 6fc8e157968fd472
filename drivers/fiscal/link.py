"""Stop-and-wait with a Datecs device: one frame out, its answer in, nothing in between.

The device repeats its last answer, without executing anything, when a frame carries the SEQ of the frame
before it. That makes sending again safe, and it is the only exactly-once tool on this wire: a frame is sent
again with the same SEQ, a new command always has a new one. The filter is one deep and does not outlive a
power cut of the device for sure: `Exchange.unsure` says when that could matter.
Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections C and D.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from drivers.fiscal.datecs_v1 import (
    SEQ_FIRST,
    SEQ_LAST,
    Answer,
    AnswerParser,
    Command,
    Event,
    Signal,
    encode_request,
)

SYNC_TRIES = 3
"""New SEQs at the start. One is enough against the filter; the others are for a line full of old answers."""


class PortGone(Exception):
    """The port itself failed: unplugged, or never there."""


class Transport(Protocol):
    """A byte stream to the device. Every method raises `PortGone` when it is no longer there."""

    def send(self, data: bytes) -> None: ...

    def receive(self, timeout_s: float) -> bytes:
        """What has come, at least a byte unless the time is over; nothing waits when it is 0."""
        ...


class Loss(StrEnum):
    """Why there is no answer."""

    SILENT = "silent"
    NOT_UNDERSTOOD = "not understood"
    BUSY_TOO_LONG = "busy too long"
    PORT_GONE = "port gone"
    OUT_OF_STEP = "out of step"


class LinkLost(Exception):
    """No answer to a command. It was carried out, or was not: nobody knows from here."""

    def __init__(self, loss: Loss, command: Command, sends: int, what: str = "") -> None:
        detail = f" ({what})" if what else ""
        super().__init__(f"{loss} at command {command.value} after {sends} sends{detail}")
        self.loss = loss


class Exchange(msgspec.Struct, frozen=True):
    """The answer to a command. `unsure`: at least one send of it met silence."""

    data: bytes
    status: bytes
    sends: int
    unsure: bool


class Counters(msgspec.Struct):
    """What the line is like, for the log."""

    commands: int = 0
    resends: int = 0
    naks: int = 0
    stale: int = 0


class Link:
    """The host's end. Use `synchronise` first, once after each opening of the port.

    `silence_s`: no byte of an answer for so long and the frame is sent again, at most `resends` times; each
    SYN begins that wait anew, up to `answer_s` for one command in all.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        first_seq: int,
        silence_s: float = 0.5,
        resends: int = 3,
        answer_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._seq = first_seq
        self._silence_s = silence_s
        self._resends = resends
        self._answer_s = answer_s
        self._clock = clock
        self._parser = AnswerParser()
        self.counters = Counters()

    def synchronise(self, command: Command, data: bytes) -> Exchange:
        """Send a command that only reads, and make sure that the device took it for a new one.

        A device whose last frame, from a process before this one, had by chance the same SEQ swallows the
        first command and repeats its last answer; the echoed command gives that away, and the next SEQ is
        tried. Raises `LinkLost`.
        """
        for _ in range(SYNC_TRIES):
            if (exchange := self._exchange(command, data, syncing=True)) is not None:
                return exchange
        raise LinkLost(Loss.OUT_OF_STEP, command, SYNC_TRIES)

    def ask(self, command: Command, data: bytes = b"") -> Exchange:
        """One command and its answer. Raises `LinkLost`; `FrameError` when no frame can carry it."""
        exchange = self._exchange(command, data, syncing=False)
        if exchange is None:
            raise LinkLost(Loss.OUT_OF_STEP, command, 1)
        return exchange

    def _exchange(self, command: Command, data: bytes, *, syncing: bool) -> Exchange | None:
        self._seq = SEQ_FIRST + (self._seq + 1 - SEQ_FIRST) % (SEQ_LAST - SEQ_FIRST + 1)
        frame = encode_request(self._seq, command, data)
        overall = self._clock() + self._answer_s
        self.counters.commands += 1
        sends, silences, loss = 0, 0, Loss.SILENT
        try:
            self._drain()
            while sends <= self._resends:
                self._transport.send(frame)
                sends += 1
                match self._await(command, overall, syncing=syncing):
                    case Answer(data=answered, status=status):
                        return Exchange(answered, status, sends, silences > 0)
                    case Loss.OUT_OF_STEP:
                        return None
                    case Loss.BUSY_TOO_LONG:
                        loss = Loss.BUSY_TOO_LONG
                        break
                    case Loss.NOT_UNDERSTOOD:
                        loss = Loss.NOT_UNDERSTOOD
                        self.counters.naks += 1
                    case _:
                        loss = Loss.SILENT
                        silences += 1
                self.counters.resends += sends <= self._resends
        except PortGone as error:
            raise LinkLost(Loss.PORT_GONE, command, sends, str(error)) from error
        raise LinkLost(loss, command, sends)

    def _drain(self) -> None:
        """What came unasked belongs to the past."""
        self._transport.receive(0)
        self._parser.reset()

    def _await(self, command: Command, overall: float, *, syncing: bool) -> Answer | Loss:
        silent_at = self._clock() + self._silence_s
        while True:
            now = self._clock()
            over = now >= min(silent_at, overall)
            if over:
                events = self._parser.expire()
            else:
                events = self._parser.feed(self._transport.receive(min(silent_at, overall) - now))
            if found := self._pick(events, command, syncing=syncing):
                return found
            if over:
                return Loss.BUSY_TOO_LONG if now >= overall else Loss.SILENT
            if Signal.SYN in events:
                silent_at = self._clock() + self._silence_s

    def _pick(self, events: list[Event], command: Command, *, syncing: bool) -> Answer | Loss | None:
        """The awaited answer wins over everything that came with it."""
        repeated = False
        for event in events:
            if isinstance(event, Answer):
                if event.seq == self._seq and event.command == command:
                    return event
                repeated |= event.seq == self._seq
                self.counters.stale += 1
        if repeated and syncing:
            return Loss.OUT_OF_STEP
        return Loss.NOT_UNDERSTOOD if Signal.NAK in events else None

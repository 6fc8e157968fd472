"""Stop-and-wait with a fiscal device: one frame out, its answer in, nothing in between.

Where the family's framing says so, the device repeats its last answer, without executing anything, when a frame carries
the SEQ of the frame before it. That makes sending again safe, and it is the only exactly-once tool on this wire: a
frame is sent again with the same SEQ, a new command always has a new one. The filter is one deep and does not outlive a
power cut of the device for sure: `Exchange.unsure` says when that could matter. Without such a filter a frame goes out
again only when the device says that it did not take it.
Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections C and D; Tremol, Protocol
Description of Fiscal Devices, "Messages".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from drivers.fiscal.frame_log import FrameLog
from drivers.fiscal.frames import Answer, Event, Framing, Signal

SYNC_TRIES = 3
"""New SEQs at the start. One is enough against the filter; the others are for a line full of old answers."""

QUIET_S = 0.05
"""A line that brings nothing for so long is quiet: some families' parsers believe a single byte only then. Well below
the shortest wait for an answer."""

RETRY_PAUSE_S = 0.1
"""Before a frame goes out again to a device that was too busy to take it."""


class PortGone(Exception):
    """The port itself failed: unplugged, or never there."""


class Transport(Protocol):
    """A byte stream to the device. `send` and `receive` raise `PortGone` when it is no longer there; `close` never
    fails."""

    def send(self, data: bytes) -> None: ...

    def receive(self, timeout_s: float) -> bytes:
        """What has come, at least a byte unless the time is over; nothing waits when it is 0. All waiting of the link
        is done here, so that time passes only where the transport lets it."""
        ...

    def close(self) -> None: ...


class Loss(StrEnum):
    """Why there is no answer."""

    SILENT = "silent"
    NOT_UNDERSTOOD = "not understood"
    BUSY_TOO_LONG = "busy too long"
    PORT_GONE = "port gone"
    OUT_OF_STEP = "out of step"


class LinkLost(Exception):
    """No answer to a command. It was carried out, or was not: nobody knows from here."""

    def __init__(self, loss: Loss, command: int, sends: int, what: str = "") -> None:
        detail = f" ({what})" if what else ""
        super().__init__(f"{loss} at command {command} after {sends} sends{detail}")
        self.loss = loss


class Exchange(msgspec.Struct, frozen=True):
    """The answer to a command. `unsure`: at least one send of it met silence."""

    answer: Answer
    sends: int
    unsure: bool


class Counters(msgspec.Struct):
    """What the line is like. `busy_s`: how long the device has said that it is busy."""

    commands: int = 0
    resends: int = 0
    naks: int = 0
    retries: int = 0
    stale: int = 0
    lost: int = 0
    busy_s: float = 0.0


class Pace(msgspec.Struct, frozen=True):
    """`silence_s`: no byte of an answer for so long and the frame is sent again, at most `resends` times; each SYN
    begins that wait anew, up to `answer_s` for one command in all. A device that would execute a repeated frame is
    waited for until `answer_s`."""

    silence_s: float = 0.5
    resends: int = 3
    answer_s: float = 15.0


class Link:
    """The host's end. Use `synchronise` first, once after each opening of the port."""

    def __init__(
        self,
        transport: Transport,
        framing: Framing,
        *,
        first_seq: int,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        frames: FrameLog | None = None,
        counters: Counters | None = None,
    ) -> None:
        self._transport = transport
        self._framing = framing
        self._seq = first_seq
        self._pace = pace
        self._clock = clock
        self._frames = FrameLog(clock) if frames is None else frames
        self._parser = framing.parser()
        self.counters = Counters() if counters is None else counters

    @property
    def seq(self) -> int:
        """That of the last command."""
        return self._seq

    def synchronise(self, command: int, data: bytes) -> Exchange:
        """Send a command that only reads, and make sure that the device took it for a new one.

        A device whose last frame, from a process before this one, had by chance the same SEQ swallows the
        first command and repeats its last answer; the echoed command gives that away, and the next SEQ is
        tried. Raises `LinkLost`.
        """
        for _ in range(SYNC_TRIES):
            if (exchange := self._exchange(command, data, syncing=True)) is not None:
                return exchange
        raise LinkLost(Loss.OUT_OF_STEP, command, SYNC_TRIES)

    def ask(
        self,
        command: int,
        data: bytes = b"",
        *,
        answer_s: float | None = None,
        once: bool = False,
        secret: bool = False,
    ) -> Exchange:
        """One command and its answer. `once`: never send it again after silence. `secret`: its DATA is not shown in
        the log of frames. Raises `LinkLost`; `ValueError` when no frame can carry it."""
        exchange = self._exchange(command, data, answer_s=answer_s, once=once, secret=secret)
        if exchange is None:
            raise LinkLost(Loss.OUT_OF_STEP, command, 1)
        return exchange

    def _exchange(
        self,
        command: int,
        data: bytes,
        *,
        syncing: bool = False,
        answer_s: float | None = None,
        once: bool = False,
        secret: bool = False,
    ) -> Exchange | None:
        first, last = self._framing.seq_first, self._framing.seq_last
        self._seq = first + (self._seq + 1 - first) % (last - first + 1)
        frame = self._framing.encode(self._seq, command, data)
        shown = self._framing.encode(self._seq, command, b"*" * len(data)) if secret else frame
        overall = self._clock() + (self._pace.answer_s if answer_s is None else answer_s)
        self.counters.commands += 1
        sends, silences, naks, loss = 0, 0, 0, Loss.SILENT
        try:
            self._drain()
            while silences + naks <= self._pace.resends:
                self._transport.send(frame)
                self._frames.sent(shown)
                sends += 1
                self.counters.resends += sends > 1
                match self._await(command, overall, syncing=syncing):
                    case Answer() as answer:
                        return Exchange(answer, sends, silences > 0)
                    case Signal.RETRY:
                        self.counters.retries += 1
                        self._pause(min(RETRY_PAUSE_S, overall - self._clock()))
                        if self._clock() >= overall:
                            loss = Loss.BUSY_TOO_LONG
                            break
                    case Loss.OUT_OF_STEP:
                        return None
                    case Loss.NOT_UNDERSTOOD:
                        loss = Loss.NOT_UNDERSTOOD
                        naks += 1
                        self.counters.naks += 1
                    case Loss.SILENT if self._framing.repeats and not once:
                        loss = Loss.SILENT
                        silences += 1
                    case gone:
                        loss = gone if isinstance(gone, Loss) else Loss.SILENT
                        break
        except PortGone as error:
            self.counters.lost += 1
            raise LinkLost(Loss.PORT_GONE, command, sends, str(error)) from error
        self.counters.lost += 1
        raise LinkLost(loss, command, sends)

    def _drain(self) -> None:
        """What came unasked belongs to the past."""
        if passed := self._transport.receive(0):
            self._frames.received(passed)
        self._parser.reset()

    def _pause(self, seconds: float) -> None:
        """What comes meanwhile is no answer: the device has said that it took nothing."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            self._transport.receive(left)

    def _await(self, command: int, overall: float, *, syncing: bool) -> Answer | Loss | Signal:
        patience = self._pace.silence_s if self._framing.repeats else overall - self._clock()
        busy_since: float | None = None
        silent_at = self._clock() + patience
        while True:
            now = self._clock()
            over = now >= min(silent_at, overall)
            if over:
                events = self._parser.expire()
            else:
                data = self._transport.receive(min(silent_at - now, overall - now, QUIET_S))
                if data:
                    self._frames.received(data)
                events = self._parser.feed(data)
            if Signal.SYN in events:
                busy_since = self._clock() if busy_since is None else busy_since
                silent_at = self._clock() + patience
            found = self._pick(events, command, syncing=syncing)
            if found is None and over:
                found = Loss.BUSY_TOO_LONG if now >= overall and self._framing.repeats else Loss.SILENT
            if found is not None:
                self.counters.busy_s += 0.0 if busy_since is None else self._clock() - busy_since
                return found

    def _pick(self, events: list[Event], command: int, *, syncing: bool) -> Answer | Loss | Signal | None:
        """The awaited answer wins over everything that came with it."""
        repeated = False
        for event in events:
            if isinstance(event, Answer):
                if event.seq == self._seq and event.command in (command, None):
                    return event
                repeated |= event.seq == self._seq
                self.counters.stale += 1
        if repeated and syncing:
            return Loss.OUT_OF_STEP
        if Signal.NAK in events:
            return Loss.NOT_UNDERSTOOD
        return Signal.RETRY if Signal.RETRY in events else None

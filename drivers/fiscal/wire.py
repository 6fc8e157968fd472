"""One device on its line: opened, identified before anything else, asked one operation at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from drivers.driver import DeviceError
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.frame_log import FrameLog
from drivers.fiscal.link import Counters, Exchange, Link, LinkLost, Loss, Pace, PortGone, Transport
from drivers.fiscal.moves import Ask, Heard, Lost
from drivers.fiscal.operations import (
    Identify,
    MoveCash,
    Open,
    OpenReversal,
    OpenSlip,
    Operation,
    PrintDay,
    ReadStatus,
    SlipLine,
    Text,
)
from drivers.fiscal.said import DataError, Identity, Said, merged

_LOSSES = {
    Loss.SILENT: Trouble.NO_ANSWER,
    Loss.NOT_UNDERSTOOD: Trouble.NOT_UNDERSTOOD,
    Loss.BUSY_TOO_LONG: Trouble.BUSY_TOO_LONG,
    Loss.PORT_GONE: Trouble.PORT_GONE,
    Loss.OUT_OF_STEP: Trouble.STRANGE_ANSWER,
}

V = TypeVar("V")

_SECRET = (Open, OpenReversal, OpenSlip, MoveCash, Text, SlipLine)
"""Operations whose DATA may hold the operator's password in some family, or a card's number that a POS has put into a
text: not shown in the log of frames."""


class Timing(msgspec.Struct, frozen=True):
    """`pace`: of single commands. `report_s`: longest wait for a day report that is being printed. `hold_s`: how long a
    half-paid receipt, or one that has to be cancelled, waits for paper beyond the deadline."""

    pace: Pace = Pace()
    report_s: float = 180.0
    hold_s: float = 300.0


class Wire:
    """`open` first; not for more than one thread. The arguments are those of `drivers.fiscal.works.Works`."""

    def __init__(
        self,
        dialect: Dialect,
        open_line: Callable[[], Transport],
        timing: Timing,
        *,
        first_seq: int,
        clock: Callable[[], float],
        alive: Callable[[], None],
        known: Callable[[Dialect, Identity], Dialect],
        port: str,
    ) -> None:
        self.dialect = dialect
        self.identity = Identity("")
        self.frames = FrameLog(clock)
        self.counters = Counters()
        self._open_line = open_line
        self._timing = timing
        self._clock = clock
        self._alive = alive
        self._known = known
        self._port = port
        self._line: Transport | None = None
        self._link: Link | None = None
        self._seq = first_seq

    def open(self) -> Identity:
        """Open the port and establish the family, before anything else is sent. Raises `DeviceError`, with the port
        closed."""
        self.close()
        try:
            identity = self._opened_and_known()
        except DeviceError:
            self.close()
            raise
        self.identity = identity
        self.dialect = self._known(self.dialect, identity)
        return identity

    def _opened_and_known(self) -> Identity:
        try:
            self._line = self._open_line()
            framing = self.dialect.framing
            first, last = framing.seq_first, framing.seq_last
            self._link = Link(
                self._line,
                framing,
                first_seq=first + (self._seq - first) % (last - first + 1),
                pace=self._timing.pace,
                clock=self._clock,
                frames=self.frames,
                counters=self.counters,
            )
            identity = self._identify(self._link)
        except PortGone as error:
            raise DeviceError(problem(Trouble.PORT_GONE, port=self._port, what=str(error))) from error
        if self.dialect.family.is_other(identity.model):
            raise DeviceError(problem(Trouble.WRONG_FAMILY, port=self._port, what=identity.model))
        return identity

    def close(self) -> None:
        """Let go of the port, gone or not."""
        line, self._line = self._line, None
        if self._link is not None:
            self._seq = self._link.seq
            self._link = None
        if line is not None:
            line.close()

    def read(self, operation: Operation) -> Said:
        """One command outside of a work. Raises `DeviceError`."""
        heard = self.ask(Ask(operation))
        if isinstance(heard, Lost):
            raise self.error(heard)
        return heard.said

    def value(self, operation: Operation, kind: type[V]) -> V | None:
        """What a read answers, None when the device refuses it. Raises `DeviceError`."""
        value = self.read(operation).value
        return value if isinstance(value, kind) else None

    def understood(self, operation: Operation, kind: type[V]) -> V | None:
        """As `value`, and None also when the answer is not what the documents say: for what a device may be used
        without. Raises `DeviceError` when there is none."""
        heard = self.ask(Ask(operation))
        if isinstance(heard, Heard):
            return heard.said.value if isinstance(heard.said.value, kind) else None
        if heard.trouble is Trouble.STRANGE_ANSWER:
            return None
        raise self.error(heard)

    def send(self, command: int, data: bytes) -> Exchange:
        """A command as it is. Raises `DeviceError`; `ValueError` when no frame can carry it."""
        try:
            return self._opened().ask(command, data, secret=True)
        except LinkLost as error:
            raise self.error(Lost(str(error), _LOSSES[error.loss])) from error

    def ask(self, move: Ask) -> Heard | Lost:
        operation = move.operation
        command, data = self.dialect.request(operation)
        answer_s = self._timing.report_s if isinstance(operation, PrintDay) else None
        try:
            exchange = self._opened().ask(
                command, data, answer_s=answer_s, once=move.once, secret=isinstance(operation, _SECRET)
            )
            said = self.dialect.said(operation, exchange.answer)
        except LinkLost as error:
            return Lost(str(error), _LOSSES[error.loss])
        except DataError as error:
            return Lost(str(error), Trouble.STRANGE_ANSWER)
        self._alive()
        return Heard(said, exchange.unsure)

    def _opened(self) -> Link:
        if self._link is None:
            raise LinkLost(Loss.PORT_GONE, 0, 0, "the port is not open")
        return self._link

    def _identify(self, link: Link) -> Identity:
        """The first part is what tells a device from one of another family, and the only one that is asked before."""
        parts = [self._told(link, 0)]
        if not self.dialect.family.is_other(parts[0].model):
            parts += [self._told(link, part) for part in range(1, self.dialect.family.reads_identity)]
        self._alive()
        return merged(parts)

    def _told(self, link: Link, part: int, *, again: bool = False) -> Identity:
        command, data = self.dialect.request(Identify(part))
        try:
            exchange = link.ask(command, data) if part else link.synchronise(command, data)
            said = self.dialect.said(Identify(part), exchange.answer)
        except LinkLost as error:
            raise self.error(Lost(str(error), _LOSSES[error.loss])) from error
        except DataError as error:
            raise self.error(Lost(str(error), Trouble.STRANGE_ANSWER)) from error
        if isinstance(said.value, Identity):
            return said.value
        if part and again:
            return Identity("")
        if not again:
            # After a power cut some devices answer with that alone, until their status was read (Tremol).
            self.ask(Ask(ReadStatus()))
            return self._told(link, part, again=True)
        raise self.error(Lost(f"it does not say who it is: {said.refused}", Trouble.STRANGE_ANSWER))

    def error(self, lost: Lost) -> DeviceError:
        return DeviceError(problem(lost.trouble, port=self._port, what=lost.why))

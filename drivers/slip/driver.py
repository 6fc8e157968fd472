"""The slip driver: looks after the printer, and prints one slip when asked to. Nothing is printed twice by itself.

What is printed is in a call and on the wire, and nowhere else: in no log, no state, no problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import msgspec

from drivers.contract.core import Kind
from drivers.contract.slip import Slip, SlipPrinted
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.slip.errors import Code, problem
from drivers.slip.line import Line, open_line
from drivers.slip.options import Options
from drivers.slip.pages import encoder
from drivers.slip.status import ASKED, DLE_EOT, WORKED_THROUGH, Answers, Status

if TYPE_CHECKING:
    from drivers.slip.encoding import Encoder

LOOK_S = 0.5
"""While it prints: between two looks whether it still does."""
MARGIN_S = 0.1
"""Beside the printing itself: for a machine that has other work."""
LINE_S = 0.1
"""That printing a line takes at a slow printer (50 mm/s)."""
PIECE = 1024
"""Bytes handed over between two signs of life."""
BITS_A_BYTE = 10
"""On a serial line, 8N1."""


class SlipDriver(Driver[Options]):
    """One printer."""

    name: ClassVar[str] = "slip"
    kind: ClassVar[Kind] = Kind.SLIP
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Slip,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._line: Line | None = None
        self._encoder: Encoder | None = None
        self._answers = Answers()
        self._confirms = True
        """Whether it has answered yet, or may, that it has worked through a slip."""
        self._through = False
        """It has said so since it was asked last."""
        self._options: Options

    def open(self, options: Options) -> dict[str, str]:
        self._options = options
        if self._encoder is None:
            self._encoder = encoder(options)
        self._line = open_line(options)
        self._confirms = options.status
        if options.status:
            self._ask()
        return {
            "port": options.port,
            "model": options.profile,
            "columns": str(self._encoder.columns),
            "codes": "printer" if self._encoder.draws_codes else "text",
            "status": "asked" if options.status else "never known",
        }

    def poll(self) -> float:
        if self._options.status:
            status = self._ask()
            hindrance = status.hindrance()
            if hindrance is not None:
                code, why = hindrance
                self.concern(problem(code, why=why))
            else:
                self.concern(problem(Code.LITTLE_PAPER) if status.little_paper else None)
        else:
            self._there().prove()
        self.alive()
        return self._options.poll_s

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Slip():
                return self._print(call, deadline)
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    # One slip ----------------------------------------------------------------------------------------------

    def _print(self, slip: Slip, deadline: float) -> SlipPrinted:
        """All of it, or an honest word: refused before the first byte, or broken off."""
        if self._encoder is None:
            raise DeviceError(problem(Code.UNPLUGGED, self._options.port))
        data = self._encoder.encode(slip)
        self._look_before()
        until = deadline - MARGIN_S
        if time.monotonic() + self._wire_s(data) > until:
            raise CallRefused(problem(Code.TOO_LATE))
        self._send(data, until)
        return SlipPrinted(slip.key, sure=self._confirms and self._confirmed(data.count(b"\n"), until))

    def _look_before(self) -> None:
        """Raises `CallRefused` when nothing can be printed now. One that has gone is refused as well: nothing was sent,
        and the next look tells that it is lost."""
        try:
            self._there().prove()
            hindrance = self._ask().hindrance() if self._options.status else None
        except DeviceError as error:
            raise CallRefused(error.problem) from error
        if hindrance is not None:
            code, why = hindrance
            raise CallRefused(problem(code, why=why))

    def _send(self, data: bytes, until: float) -> None:
        """All of it. Raises `DeviceError`. A printer that takes some more is alive, however long the whole takes."""
        sent = 0
        try:
            while sent < len(data):
                piece = data[sent : sent + PIECE]
                taken = self._there().send(piece, until)
                sent += taken
                if taken < len(piece):
                    raise _broken_off(f"the printer took {sent} of {len(data)} bytes")
                self.alive()
        except DeviceError as error:
            raise error if error.problem.code == Code.BROKEN_OFF else _broken_off(error.problem.cause) from error

    def _confirmed(self, lines: int, deadline: float) -> bool:
        """Whether the printer says that it has worked through all that it was sent. Raises `DeviceError` when it says
        that it could not, or nothing any more."""
        try:
            self._drain()
            self._through = False
            self._there().send(WORKED_THROUGH, deadline)
            patience = time.monotonic() + self._options.confirm_ms / 1000 + lines * LINE_S
            until, answered = min(deadline, patience), False
            while (left := until - time.monotonic()) > 0:
                self._hear_for(min(LOOK_S, left), lambda: self._through)
                if self._through:
                    self.alive()
                    return True
                answered = self._still_prints()
        except DeviceError as error:
            raise error if error.problem.code == Code.BROKEN_OFF else _broken_off(error.problem.cause) from error
        if not answered:
            raise _broken_off(problem(Code.SILENT, self._options.port).cause)
        # It may print a character for a question that it does not know: it is not asked again.
        self._confirms = until < patience
        return False

    def _still_prints(self) -> bool:
        """False when it did not answer: one whose buffer is full of a slip hears no question. Raises `DeviceError` when
        it has stopped."""
        try:
            hindrance = self._ask().hindrance()
        except DeviceError as error:
            if error.problem.code != Code.SILENT:
                raise
            return False
        if hindrance is not None:
            code, why = hindrance
            raise _broken_off(problem(code, why=why).cause)
        self.alive()
        return True

    # Status ------------------------------------------------------------------------------------------------

    def _ask(self) -> Status:
        """What it says of itself now. One question after the other: an answer does not say what it answers."""
        line, answers = self._there(), {}
        for number in ASKED:
            self._drain()
            until = time.monotonic() + self._options.answer_ms / 1000
            question = DLE_EOT + bytes([number])
            heard: list[int] = []
            if line.send(question, until) == len(question):
                heard = self._hear_for(until - time.monotonic(), lambda: False)
            if not heard:
                raise DeviceError(problem(Code.SILENT, self._options.port))
            answers[number] = heard[0]
        return Status(answers)

    def _hear_for(self, seconds: float, enough: Callable[[], bool]) -> list[int]:
        """Statuses that come within so many seconds, as soon as there are any or it is enough."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            heard = self._answers.feed(self._there().receive(left))
            self._through |= heard.worked_through
            if heard.statuses or enough():
                return list(heard.statuses)
        return []

    def _drain(self) -> None:
        """What has come unasked answers nothing, but that it has worked through may come beside any question."""
        while data := self._there().receive(0):
            heard = self._answers.feed(data)
            self._through |= heard.worked_through
            if heard.statuses:
                self.alive()
        self._answers.forget()

    def _wire_s(self, data: bytes) -> float:
        on_serial = self._options.line == "serial" and not self._options.port.startswith("tcp://")
        return len(data) * BITS_A_BYTE / self._options.baud if on_serial else 0.0

    def _there(self) -> Line:
        if self._line is None:
            raise DeviceError(problem(Code.UNPLUGGED, self._options.port))
        return self._line


def _broken_off(why: str) -> DeviceError:
    return DeviceError(problem(Code.BROKEN_OFF, why=why))

"""The scanner driver: takes what a scanner sends, cuts it into codes, reports each."""

from __future__ import annotations

import time

from drivers.contract.core import Kind
from drivers.contract.reader import Code
from drivers.driver import DeviceError, Driver, Port
from drivers.scanner.codes import Codes, Found, Repeats, named
from drivers.scanner.errors import Code as Trouble
from drivers.scanner.errors import problem
from drivers.scanner.line import KeyboardLine, Line, SerialLine
from drivers.scanner.options import Options

WAIT_S = 1.0
"""A scanner says nothing until it has read something: so long we sleep at most, then ask the system whether it is still
there."""


class ScannerDriver(Driver[Options]):
    """A barcode scanner. Reports `Code` once for each code that came whole, and nothing for one that was cut off.

    `alive` is the system's word that the device is there: a scanner has no other answer to give.
    """

    name = "scanner"
    kind = Kind.READER
    options_type = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._line: Line | None = None

    def open(self, options: Options) -> dict[str, str]:
        self._options = options
        self._codes = Codes(options.gap_ms * 1_000_000, by_silence=options.ends == "silence")
        self._repeats = Repeats(options.repeat_ms * 1_000_000)
        if options.mode == "serial":
            self._line = SerialLine(options.port, options.baud)
        else:
            self._line = KeyboardLine(options.port)
        return {"mode": options.mode}

    def poll(self) -> float:
        if self._line is None:
            raise DeviceError(problem(Trouble.UNPLUGGED, self._options.port))
        data = self._line.read(self._options.gap_ms / 1000 if self._codes.waiting else WAIT_S)
        now_ns = time.monotonic_ns()
        self.alive()
        for found in self._codes.feed(data, now_ns) if data else self._codes.look(now_ns):
            self._tell(found, now_ns)
        return 0.0

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _tell(self, found: Found, now_ns: int) -> None:
        if found.data is None:
            self.log(f"a code was not read whole: {found.why}")
            return
        symbology, data = named(found.data, aim=self._options.aim)
        if data and self._repeats.is_new(found.data, now_ns):
            self.reading(Code(symbology, data), now_ns)

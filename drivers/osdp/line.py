"""The serial line as the library wants it: read, write, flush, none of which may ever raise into its C code."""

from __future__ import annotations

import termios
import time
from typing import Any

from drivers.driver import DeviceError
from drivers.osdp.errors import BY_ERRNO, Code, problem

BUS = 1
"""What the library calls the line. Not 0, which it takes for "nobody holds it": readers would talk at the same time."""


class Line:
    """One line for the life of the process: the library never lets go of the object that it was given."""

    def __init__(self) -> None:
        self.id = BUS
        self._port: Any = None
        self._name = ""
        self.heard_at = 0.0
        """When something was heard last, in `time.monotonic()` seconds."""
        self._broken: BaseException | None = None

    def open(self, port: str, baud: int) -> None:
        """Open it for us alone, 8N1. Raises `DeviceError`."""
        import serial  # after the hello is out

        self._name, self._broken = port, None
        try:
            self._port = serial.Serial(port, baud, timeout=0, write_timeout=0, exclusive=True)
            self._port.reset_input_buffer()
        except serial.SerialException as error:
            code = BY_ERRNO.get(error.errno or 0, Code.BAD_PORT)
            raise DeviceError(problem(code, port=port, why=error)) from error
        except (OSError, ValueError, termios.error) as error:
            raise DeviceError(problem(Code.BAD_PORT, port=port, why=error)) from error
        self.heard_at = time.monotonic()

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        port, self._port = self._port, None
        try:
            if port is not None:
                port.close()
        except (OSError, termios.error):
            return

    def check(self) -> None:
        """Raises `DeviceError` when the port failed under the library's hands."""
        if self._broken is not None:
            raise DeviceError(problem(Code.UNPLUGGED, port=self._name)) from self._broken

    # For the library -------------------------------------------------------------------------------------

    def read(self, most: int) -> bytes:
        if self._port is None or self._broken is not None:
            return b""
        try:
            data: bytes = self._port.read(most)
        except (OSError, TypeError, termios.error) as error:  # pyserial's own is an OSError
            self._broken = error
            return b""
        if data:
            self.heard_at = time.monotonic()
        return data

    def write(self, data: bytes) -> int:
        if self._port is None or self._broken is not None:
            return -1
        try:
            return int(self._port.write(data) or 0)
        except (OSError, TypeError, termios.error) as error:
            self._broken = error
            return -1

    def flush(self) -> None:
        try:
            if self._port is not None and self._broken is None:
                self._port.reset_input_buffer()
        except (OSError, TypeError, termios.error) as error:
            self._broken = error

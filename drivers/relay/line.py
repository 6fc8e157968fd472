"""The serial line: one request out, one answer in, silence between them.

Guarantees: at least 3.5 characters of silence before each request, no byte of an older answer counts for a
newer request, never more than the given time per exchange, never more than `MOST_BYTES` held.
"""

from __future__ import annotations

import errno
import select
import termios
import time
from typing import Any

import serial

from drivers.driver import DeviceError
from drivers.relay.errors import Code, problem
from drivers.relay.modbus import Request, encode, find_answer, silence_s

MOST_BYTES = 1024
"""Bytes without an answer among them after which a line counts as garbled: four longest frames."""


class NoAnswer(Exception):
    """Nothing came in time; `garbled` says that bytes came but no answer among them."""

    def __init__(self, garbled: bool) -> None:
        super().__init__("garbled bytes" if garbled else "nothing")
        self.garbled = garbled


class PortLost(Exception):
    """The port failed under our hands: the adapter was pulled out."""


class Line:
    """One serial port, open. Make it by `open_line`."""

    def __init__(self, port: Any, baud: int) -> None:
        self._port = port
        self._silence_s = silence_s(baud)
        self._quiet_from = time.monotonic()

    def exchange(self, unit: int, request: Request, seconds: float) -> bytes:
        """Send the request and return the frame that answers it. Raises `NoAnswer`, `PortLost`."""
        try:
            return self._exchange(unit, request, seconds)
        except (serial.SerialException, OSError, termios.error) as error:
            raise PortLost(str(error)) from error

    def close(self) -> None:
        """Let go of the port; a port that is gone already is no error."""
        try:
            self._port.close()
        except (serial.SerialException, OSError, termios.error):
            return

    def _exchange(self, unit: int, request: Request, seconds: float) -> bytes:
        until = time.monotonic() + seconds
        time.sleep(max(0.0, self._quiet_from + self._silence_s - time.monotonic()))
        self._port.reset_input_buffer()
        self._port.write(encode(unit, request))
        self._quiet_from = time.monotonic()
        heard = b""
        while (left := until - time.monotonic()) > 0 and len(heard) < MOST_BYTES:
            if not select.select([self._port.fileno()], [], [], left)[0]:
                break
            # Readable without bytes is how a port says that it has gone: pyserial raises then.
            heard += self._port.read(max(1, self._port.in_waiting))
            self._quiet_from = time.monotonic()
            if found := find_answer(unit, request, heard):
                return found
        raise NoAnswer(garbled=bool(heard))


def open_line(port: str, baud: int, parity: str) -> Line:
    """Open the port for us alone, 8 data bits and one stop bit. Raises `DeviceError` with the remedy."""
    try:
        opened = serial.Serial(port, baud, parity=parity, timeout=0, write_timeout=1.0, exclusive=True)
    except serial.SerialException as error:
        raise DeviceError(_why_not(port, error)) from error
    except (OSError, ValueError, termios.error) as error:
        raise DeviceError(problem(Code.BAD_PORT, port=port, why=error)) from error
    return Line(opened, baud)


_BY_ERRNO = {
    errno.ENOENT: Code.NO_PORT,
    errno.ENODEV: Code.NO_PORT,
    errno.ENXIO: Code.NO_PORT,
    errno.EACCES: Code.NO_PERMISSION,
    errno.EPERM: Code.NO_PERMISSION,
    errno.EBUSY: Code.PORT_BUSY,
    errno.EAGAIN: Code.PORT_BUSY,  # the lock that pyserial's `exclusive` takes is held
}


def _why_not(port: str, error: serial.SerialException) -> Any:
    return problem(_BY_ERRNO.get(error.errno, Code.BAD_PORT), port=port, why=error)

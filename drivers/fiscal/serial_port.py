"""A serial port as the link's transport: pyserial, 8N1, opened exclusively."""

from __future__ import annotations

import contextlib
import errno
import select
import termios
from typing import TYPE_CHECKING

from drivers.driver import DeviceError
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.link import PortGone
from drivers.fiscal.lock import PortLock

if TYPE_CHECKING:
    from serial import Serial

WRITE_TIMEOUT_S = 2.0
"""The longest request needs 0.2 s at 9600 baud: longer means that the line is held."""

_READ_SIZE = 4096


class SerialPort:
    """One port. `open` before use; `close` never fails. `lock`: held while it is open."""

    def __init__(self, path: str, baud: int, lock: PortLock | None = None) -> None:
        self._path = path
        self._lock = lock
        self._baud = baud
        self._port: Serial | None = None

    def open(self) -> None:
        """Open it for this process alone. Raises `DeviceError`."""
        import serial

        if self._lock is not None:
            self._lock.take()
        try:
            self._port = serial.Serial(self._path, self._baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except serial.SerialException as error:
            self._let_go()
            busy = error.errno in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in str(error)
            code = Trouble.PORT_BUSY if busy else Trouble.PORT_MISSING
            raise DeviceError(problem(code, port=self._path, what=str(error))) from error
        except (OSError, ValueError, termios.error) as error:
            self._let_go()
            raise DeviceError(problem(Trouble.PORT_MISSING, port=self._path, what=str(error))) from error

    def send(self, data: bytes) -> None:
        """All of `data` into the driver of the port. Raises `PortGone`."""
        port = self._opened()
        try:
            port.write(data)
        except OSError as error:
            raise PortGone(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """What has come. Raises `PortGone`."""
        port = self._opened()
        try:
            readable, _, _ = select.select([port.fileno()], [], [], timeout_s)
            return bytes(port.read(_READ_SIZE)) if readable else b""
        except OSError as error:
            raise PortGone(str(error)) from error

    def close(self) -> None:
        """Let go of it, gone or not."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(OSError):
                port.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _opened(self) -> Serial:
        if self._port is None:
            raise PortGone("the port is not open")
        return self._port

"""The port that the options name, opened again and again by one driver and by nobody else in between."""

from __future__ import annotations

import os

from drivers.driver import DeviceError
from drivers.fiscal.link import Transport
from drivers.fiscal.lock import PortLock
from drivers.fiscal.serial_port import SerialPort
from drivers.fiscal.tcp_port import SCHEME, TcpPort


class Ports:
    """One driver's port: serial, or a network printer's.

    From the first opening on it is this driver's until `release`, or until the process ends: also while it is closed
    to be opened again, in the middle of a receipt or behind a fault, no other driver can open it.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._baud = baud
        self._lock: PortLock | None = None

    def open(self) -> Transport:
        """Raises `DeviceError`."""
        lock = PortLock(self._port, self._identity())
        if self._lock is not None and self._lock.name == lock.name:
            return self._opened()
        lock.take()
        try:
            line = self._opened()
        except DeviceError:
            lock.release()
            raise
        # A cable that was put back may have made another port of it: the one before is let go of only now.
        self.release()
        self._lock = lock
        return line

    def release(self) -> None:
        """Never fails. What is open is closed before."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _opened(self) -> Transport:
        line = TcpPort(self._port) if self._port.startswith(SCHEME) else SerialPort(self._port, self._baud)
        line.open()
        return line

    def _identity(self) -> str:
        """By what it is, not by its name: one port has several under /dev."""
        return self._port.lower() if self._port.startswith(SCHEME) else os.path.realpath(self._port)

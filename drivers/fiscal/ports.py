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

    From the first opening on its name is this driver's until `release`, or until the process ends: also while it is
    closed to be opened again, in the middle of a receipt or behind a fault, no other driver can open it by that name.
    What the name stands for (`/dev/ttyUSB0` for one of `/dev/serial/by-id`) is kept only while it is open: after a
    reset of the bus two printers may have changed places, and neither driver may wait for the other.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._baud = baud
        self._name = port.lower() if port.startswith(SCHEME) else os.path.abspath(port)
        self._lock = PortLock(port, self._name)
        self._held = False

    def open(self) -> Transport:
        """Raises `DeviceError`."""
        self._lock.take()
        try:
            line = self._opened()
        except DeviceError:
            if not self._held:
                self._lock.release()
            raise
        self._held = True
        return line

    def release(self) -> None:
        """Never fails. What is open is closed before."""
        self._held = False
        self._lock.release()

    def _opened(self) -> Transport:
        line: TcpPort | SerialPort
        if self._port.startswith(SCHEME):
            line = TcpPort(self._port)
        else:
            real = os.path.realpath(self._port)
            line = SerialPort(self._port, self._baud, None if real == self._name else PortLock(self._port, real))
        line.open()
        return line

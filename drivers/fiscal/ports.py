"""The port that the options name, opened: serial, or a network printer's."""

from __future__ import annotations

from drivers.fiscal.link import Transport
from drivers.fiscal.serial_port import SerialPort
from drivers.fiscal.tcp_port import SCHEME, TcpPort


def open_port(port: str, baud: int) -> Transport:
    """Raises `DeviceError`."""
    if port.startswith(SCHEME):
        network = TcpPort(port)
        network.open()
        return network
    serial = SerialPort(port, baud)
    serial.open()
    return serial

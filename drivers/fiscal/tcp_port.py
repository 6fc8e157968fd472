"""A network printer as the link's transport: a TCP connection that carries the same bytes as a serial line."""

from __future__ import annotations

import re
import select
import socket

from drivers.driver import DeviceError
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.link import PortGone

SCHEME = "tcp://"
CONNECT_S = 3.0
"""A printer in the same house answers in milliseconds; one that is off must not hold the driver up."""
SEND_S = 2.0

_READ_SIZE = 4096
_ADDRESS = re.compile(r"tcp://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


class TcpPort:
    """One connection. `open` before use; `close` never fails."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect. Raises `DeviceError`."""
        found = _ADDRESS.fullmatch(self._address)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise DeviceError(problem(Trouble.PORT_MISSING, port=self._address, what="it is not tcp://HOST:PORT"))
        try:
            opened = socket.create_connection((found["host"].strip("[]"), int(found["port"])), CONNECT_S)
            opened.settimeout(SEND_S)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            raise DeviceError(problem(Trouble.PORT_MISSING, port=self._address, what=str(error))) from error
        self._socket = opened

    def send(self, data: bytes) -> None:
        """All of `data`. Raises `PortGone`."""
        try:
            self._opened().sendall(data)
        except OSError as error:
            raise PortGone(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """What has come. Raises `PortGone`."""
        opened = self._opened()
        try:
            readable, _, _ = select.select([opened], [], [], timeout_s)
            if not readable:
                return b""
            data = opened.recv(_READ_SIZE)
        except OSError as error:
            raise PortGone(str(error)) from error
        if not data:
            raise PortGone("the printer has closed the connection")
        return data

    def close(self) -> None:
        """Let go of it, gone or not."""
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise PortGone("the port is not open")
        return self._socket

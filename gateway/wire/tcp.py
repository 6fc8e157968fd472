"""What TCP may do to either end of the wire before MQTT has its first word."""

from __future__ import annotations

import errno
import os
import socket
import struct

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 s: `close` resets the connection. Otherwise the port would stay in TIME_WAIT, and the broker could
not have it for a minute."""


def refuse_itself(sock: socket.socket) -> None:
    """Raises `ConnectionRefusedError` for a socket that is connected to itself.

    To a port among those that the kernel gives out, with nobody listening there, TCP may connect a socket to itself
    (RFC 9293, 3.5, simultaneous open). paho makes it likely: it binds to port 0 before it connects.
    """
    if sock.getsockname() == sock.getpeername():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

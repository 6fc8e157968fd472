"""Who calls: over TCP a program or a browser on this machine, over the unix socket a user whom the kernel names."""

from __future__ import annotations

import os
import socket
import struct
from enum import StrEnum

from aiohttp import web

_UCRED = struct.Struct("3i")
"""pid, uid, gid: unix(7), SO_PEERCRED."""


class Caller(StrEnum):
    LOCAL = "local"
    """Over TCP: may do what a till does: quotes, receipts, what comes back, its printer."""
    VIEWER = "viewer"
    """Over the unix socket as another user: reads."""
    TECHNICIAN = "technician"
    """Over the unix socket as the gateway's own user or root: everything."""

    @property
    def on_unix_socket(self) -> bool:
        return self is not Caller.LOCAL


def own_users() -> frozenset[int]:
    """Users who are technicians: root and the one that the gateway runs as."""
    return frozenset((0, os.getuid()))


def caller_of(request: web.BaseRequest, technicians: frozenset[int]) -> Caller:
    """Who sent this request. A connection that is gone already counts as the least."""
    sock = request.get_extra_info("socket")
    if sock is None:
        return Caller.VIEWER
    if sock.family != socket.AF_UNIX:
        return Caller.LOCAL
    return Caller.TECHNICIAN if peer_uid(sock) in technicians else Caller.VIEWER


def peer_uid(sock: socket.socket) -> int:
    """User id of the other end of a unix socket, as the kernel noted it at connect."""
    return int(_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[1])

"""The two listening sockets: loopback TCP, and a unix socket that only its owner may open."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from gateway.model.errors import ConfigurationError, Conflict

MODE = 0o600
ANSWER_S = 1.0
"""Whoever listens on a unix socket answers a connect at once, even when busy."""


def listen_tcp(address: str, port: int, section: str = "api") -> socket.socket:
    """A bound TCP socket of a section of the configuration. Raises `ConfigurationError` (`port_taken`)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise ConfigurationError(
            f"{address} port {port} cannot be had: {error.strerror}",
            f"Stop the program that uses it, or choose another `port` in [{section}]",
            code="port_taken",
        ) from error
    sock.setblocking(False)
    return sock


def listen_unix(path: Path) -> socket.socket:
    """A bound unix socket of mode 0600; a socket that nobody answers on is removed first.

    Raises `Conflict` (`already_running`) when somebody does, `ConfigurationError` when it cannot be had.
    """
    try:
        _remove_stale(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Before bind: so the file never exists with another mode (Linux takes it from the socket's inode).
            os.fchmod(sock.fileno(), MODE)
            sock.bind(str(path))
            path.chmod(MODE)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"the unix socket cannot be had: {error.strerror or error}",
            "Check the state folder and its owner; a socket's path has at most 107 characters",
            where=str(path),
            code="socket_not_bound",
        ) from error
    sock.setblocking(False)
    return sock


def remove_own(path: Path, inode: int) -> None:
    """Remove the socket file, unless another process has put its own there since."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(
            "something that is no socket stands in the socket's place",
            "Move it away",
            where=str(path),
            code="socket_not_bound",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass  # Somebody listens whose queue is full.
    raise Conflict(
        "another gateway answers on this socket",
        "Stop it first: `systemctl stop smartplace-gateway`",
        where=str(path),
        code="already_running",
    )

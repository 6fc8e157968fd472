"""Where a simulated device is plugged in: a pty under a stable name, or a TCP port. Both can be pulled."""

from __future__ import annotations

import errno
import os
import socket
import tty
from pathlib import Path
from typing import Protocol

from drivers.simulators import control

PIECE = 4096


class Plug(Protocol):
    """One end of a cable. Nothing blocks; whoever listens is told by `select` on `readable`."""

    name: str
    """How a driver names it; while it is unplugged, how it was named last."""
    there: bool

    def plug_in(self) -> None:
        """Raises `OSError` when the port cannot be had."""
        ...

    def unplug(self) -> None: ...

    def readable(self) -> list[int]:
        """What to wait on."""
        ...

    def read(self) -> bytes:
        """What has come, perhaps nothing."""
        ...

    def write(self, data: bytes) -> None:
        """As a wire does: what nobody takes is gone."""
        ...


class Pty:
    """A pseudo-terminal; with `link` under that name, as udev would give it."""

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._master = self._slave = -1
        self.name = "" if link is None else str(link)
        self.there = False

    def plug_in(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        if self._link is not None:
            control.link(self.name, self._link)
            self.name = str(self._link)
        self.there = True

    def unplug(self) -> None:
        if self._link is not None and self.there:
            self._link.unlink(missing_ok=True)
        for end in (self._master, self._slave):
            if end >= 0:
                os.close(end)
        self._master = self._slave = -1
        self.there = False

    def readable(self) -> list[int]:
        return [self._master] if self._master >= 0 else []

    def read(self) -> bytes:
        try:
            return os.read(self._master, PIECE)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EIO, errno.EBADF):
                return b""
            raise

    def write(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EIO, errno.EBADF):
                raise


class Tcp:
    """A TCP port; 0 is one that is free, and stays the same from then on. One host at a time: the next one waits."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.name = f"tcp://{host}:{port}"
        self.there = False
        self._listener: socket.socket | None = None
        self._line: socket.socket | None = None

    def plug_in(self) -> None:
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(4)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        self.port = listener.getsockname()[1]
        self.name = f"tcp://{self.host}:{self.port}"
        self.there = True

    def unplug(self) -> None:
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
        self._listener = None
        self.there = False

    def readable(self) -> list[int]:
        at = self._line or self._listener
        return [at.fileno()] if at is not None else []

    def read(self) -> bytes:
        if self._line is None:
            self._accept()
            return b""
        try:
            data = self._line.recv(PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, data: bytes) -> None:
        if self._line is None:
            return
        try:
            self._line.send(data)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up()

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            self._line, _ = self._listener.accept()
        except OSError:
            return
        self._line.setblocking(False)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

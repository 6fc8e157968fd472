"""A USB device without a bus: on a unix socket each message is one bulk transfer, and the first tells the descriptors.

Descriptors: USB 2.0 specification, 9.6.1 (device) and 9.6.7 (string, UTF-16LE).
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

TRANSFER_BYTES = 65536


class Identity:
    """What the device says of itself before anything else."""

    def __init__(self, vendor: int, product: int, maker: str, name: str, serial: str = "") -> None:
        self.vendor, self.product, self.strings = vendor, product, (maker, name, serial)

    def descriptors(self) -> bytes:
        """The device descriptor, and the three strings that it names: maker, product, serial number."""
        numbers = [number if text else 0 for number, text in enumerate(self.strings, 1)]
        device = struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, self.vendor, self.product, 0x0100, *numbers, 1
        )
        return device + b"".join(_string(text) for text in self.strings if text)


def _string(text: str) -> bytes:
    coded = text.encode("utf-16-le")
    return bytes([2 + len(coded), 3]) + coded


class UsbSocket:
    """The device's end. `on_transfer` is asked for the transfers that answer one; `on_opened` is told when somebody has
    opened the device."""

    def __init__(
        self,
        path: Path,
        identity: Identity,
        on_transfer: Callable[[bytes], list[bytes]],
        on_opened: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._identity = path, identity
        self._on_transfer, self._on_opened = on_transfer, on_opened
        self._thread: threading.Thread | None = None

    def plug(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self._path))
        self._listener.listen(1)
        self._wake = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, name="usb", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """The device is gone from the bus, in the middle of whatever it did."""
        if self._thread is None:
            return
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._thread = None
        self._path.unlink(missing_ok=True)
        self._listener.close()
        os.close(self._wake)

    def _run(self) -> None:
        while self._ready(self._listener):
            host, _ = self._listener.accept()
            with host:
                try:
                    host.send(self._identity.descriptors())
                    self._on_opened()
                    self._serve(host)
                except (BrokenPipeError, ConnectionResetError):
                    continue  # the host has let go of the device

    def _serve(self, host: socket.socket) -> None:
        while self._ready(host) and (transfer := host.recv(TRANSFER_BYTES)):
            for answer in self._on_transfer(transfer):
                host.send(answer)

    def _ready(self, end: socket.socket) -> bool:
        """Something has come; False when the device is unplugged."""
        ready, _, _ = select.select([end.fileno(), self._wake], [], [])
        return self._wake not in ready

"""A reader on USB: finds it, opens it, and gives nfcpy's modules the transport that they want.

nfcpy's own transport is used below for libusb. What it leaves open is closed here: it waits without end where nfcpy
names no time, and libusb's errors (`usb1.USBError`, no `OSError`) come through where it opens. Instead of the bus there
may be a unix socket on which each message is one bulk transfer; its first one tells the descriptors.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

import usb1  # type: ignore[import-untyped]
from nfc.clf import transport

from drivers.nfc.attached import PREFIX, Attached, meant, told
from drivers.nfc.errors import Code, ReaderFault

PATIENCE_MS = 2000
"""For an answer where nfcpy names no time: longer than any exchange with a card may take (`reader.READ_BUDGET_S`)."""

WRITE_MS = 500

BABBLE = 64
"""Transfers that come without one having been sent: more are no reader's."""

TRANSFER_BYTES = 300
"""As nfcpy reads: longer than any frame of the readers here."""


class Pipe(Protocol):
    """Bulk transfers of one device. Errors are `OSError` with the number of what is wrong."""

    def read(self, timeout: int = 0) -> bytearray: ...
    def write(self, frame: bytes, timeout: int = 0) -> None: ...
    def close(self) -> None: ...


class Line:
    """What nfcpy takes for its `transport.USB`: bounded in time, and it names a reader that went away."""

    TYPE = "USB"

    def __init__(self, pipe: Pipe, attached: Attached) -> None:
        self._pipe = pipe
        self._attached = attached
        self._unasked = 0

    @property
    def manufacturer_name(self) -> str:
        return self._attached.maker

    @property
    def product_name(self) -> str:
        return self._attached.name

    def read(self, timeout: int = 0) -> bytearray:
        """One transfer. Raises `OSError` with ETIMEDOUT, and `ReaderFault`."""
        self._unasked += 1
        if self._unasked > BABBLE:
            raise ReaderFault(Code.GARBLED)
        with _named():
            return bytearray(self._pipe.read(timeout or PATIENCE_MS))

    def write(self, frame: bytes, timeout: int = 0) -> None:
        self._unasked = 0
        with _named():
            self._pipe.write(bytes(frame), timeout or WRITE_MS)

    def close(self) -> None:
        self._pipe.close()


def opened(port: str) -> tuple[Pipe, Attached]:
    """The device that `port` means, opened for this program alone. Raises `ReaderFault`."""
    if port.startswith(PREFIX + "/"):
        with _named(opening=True):
            return _from_socket(port.removeprefix(PREFIX))
    with _named(opening=True):
        bus, address, attached = _find(port)
        return transport.USB(bus, address), attached


def _find(port: str) -> tuple[int, int, Attached]:
    with usb1.USBContext() as context:
        devices = context.getDeviceList(skip_on_error=True)
        index = meant(port, known := [_attached(device) for device in devices])
        return devices[index].getBusNumber(), devices[index].getDeviceAddress(), known[index]


def _attached(device: usb1.USBDevice) -> Attached:
    """What is known of a device. One that may not be opened has no strings; its numbers are there all the same."""
    known = Attached(device.getVendorID(), device.getProductID())
    if known.model is None:
        return known  # strings are asked of readers only: asking a device is a conversation with it
    try:
        ports = ".".join(str(number) for number in device.getPortNumberList())
        known = known._replace(socket=f"{device.getBusNumber()}-{ports}")
        texts = device.getManufacturer(), device.getProduct(), device.getSerialNumber()
    except usb1.USBError:
        return known
    maker, name, serial = (text or "" for text in texts)
    return known._replace(maker=maker, name=name, serial=serial)


class _SocketPipe:
    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def read(self, timeout: int = 0) -> bytearray:
        self._end.settimeout(timeout / 1000)
        try:
            transfer = self._end.recv(TRANSFER_BYTES)
        except TimeoutError as error:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error
        if not transfer:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return bytearray(transfer)

    def write(self, frame: bytes, timeout: int = 0) -> None:
        self._end.settimeout(timeout / 1000)
        try:
            self._end.send(frame)
        except TimeoutError as error:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error

    def close(self) -> None:
        self._end.close()


def _from_socket(path: str) -> tuple[Pipe, Attached]:
    with ExitStack() as undo:
        end = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        end.settimeout(PATIENCE_MS / 1000)
        end.connect(path)
        pipe = _SocketPipe(end)
        attached = told(bytes(pipe.read(PATIENCE_MS)))
        undo.pop_all()  # It stays open.
    return pipe, attached


_AT_OPENING = {errno.ENODEV: Code.NO_PORT, errno.ENOENT: Code.NO_PORT, errno.ECONNREFUSED: Code.NO_PORT}
_ALWAYS = {
    errno.EACCES: Code.DENIED,
    errno.EPERM: Code.DENIED,
    errno.EBUSY: Code.BUSY,
    errno.ENODEV: Code.UNPLUGGED,
    errno.EPIPE: Code.UNPLUGGED,
    errno.ECONNRESET: Code.UNPLUGGED,
}
_LIBUSB: dict[type[Exception], Code] = {
    usb1.USBErrorAccess: Code.DENIED,
    usb1.USBErrorBusy: Code.BUSY,
    usb1.USBErrorNoDevice: Code.UNPLUGGED,
    usb1.USBErrorNotFound: Code.UNPLUGGED,
    usb1.USBErrorTimeout: Code.NO_ANSWER,
}


@contextmanager
def _named(*, opening: bool = False) -> Iterator[None]:
    """Only `ReaderFault` comes out, and an `OSError` when the time was over."""
    try:
        yield
    except usb1.USBError as error:
        raise ReaderFault(_LIBUSB.get(type(error), Code.GARBLED)) from error
    except OSError as error:
        number = error.errno or errno.EIO
        if number == errno.ETIMEDOUT:
            raise
        known = _ALWAYS | _AT_OPENING if opening else _ALWAYS
        raise ReaderFault(known.get(number, Code.GARBLED)) from error

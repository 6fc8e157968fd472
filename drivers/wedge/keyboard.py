"""A keyboard made by the kernel's uinput, or a pipe that takes the same records.

Source: Linux `include/uapi/linux/uinput.h` (version 5: `UI_DEV_SETUP`) and Documentation/input/uinput.rst.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import struct

from drivers.driver import DeviceError
from drivers.us_keys import EV_KEY
from drivers.wedge.errors import BY_ERRNO, Code, problem
from drivers.wedge.strokes import CODES

NAME = b"Smart Place wedge"
BUS_VIRTUAL = 0x06
_SETUP = struct.Struct("4H80sI")
"""`struct uinput_setup`: bus, vendor, product, version; name; effects of a force feedback device."""


def _write_request(number: int, size: int) -> int:
    """`_IOW('U', number, size)` of asm-generic/ioctl.h."""
    return 1 << 30 | size << 16 | ord("U") << 8 | number


UI_DEV_CREATE = ord("U") << 8 | 1
UI_DEV_DESTROY = ord("U") << 8 | 2
UI_DEV_SETUP = _write_request(3, _SETUP.size)
UI_SET_EVBIT = _write_request(100, 4)
UI_SET_KEYBIT = _write_request(101, 4)
UI_GET_SYSNAME = 2 << 30 | 64 << 16 | ord("U") << 8 | 44
"""`UI_GET_SYSNAME(64)`: the kernel's name of the keyboard, for as long as there is one."""


class Keyboard:
    """Open from the start. `write` and `prove` raise `DeviceError`."""

    def __init__(self, port: str) -> None:
        self._port = port
        try:
            self._fd = os.open(port, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceError(problem(BY_ERRNO.get(error.errno or 0, Code.BAD_PORT), port, error.strerror)) from error
        self.is_pipe = stat.S_ISFIFO(os.fstat(self._fd).st_mode)
        if not self.is_pipe:
            try:
                self._make()
            except OSError as error:
                os.close(self._fd)
                raise DeviceError(problem(Code.BAD_PORT, port, error.strerror)) from error

    def write(self, records: bytes) -> None:
        """One stroke, whole or not at all."""
        try:
            written = os.write(self._fd, records)
        except OSError as error:
            raise DeviceError(problem(Code.BROKEN_OFF, self._port, error.strerror)) from error
        if written != len(records):
            raise DeviceError(problem(Code.BROKEN_OFF, self._port, "it takes no more"))

    def prove(self) -> None:
        """The system still has this keyboard, or the pipe a reader."""
        try:
            if self.is_pipe:
                watch = select.poll()
                watch.register(self._fd, 0)
                if watch.poll(0):
                    raise OSError(errno.EPIPE, "nobody reads from it any more")
            else:
                fcntl.ioctl(self._fd, UI_GET_SYSNAME, bytes(64))
        except OSError as error:
            raise DeviceError(problem(Code.NO_PORT, self._port, error.strerror)) from error

    def close(self) -> None:
        """Closing takes the keyboard away; the kernel releases what is still held down."""
        try:
            os.close(self._fd)
        except OSError:
            return

    def _make(self) -> None:
        """Nothing but the keys that are ever pressed: no function keys, no power key."""
        fcntl.ioctl(self._fd, UI_SET_EVBIT, EV_KEY)
        for code in sorted(CODES):
            fcntl.ioctl(self._fd, UI_SET_KEYBIT, code)
        fcntl.ioctl(self._fd, UI_DEV_SETUP, _SETUP.pack(BUS_VIRTUAL, 0, 0, 1, NAME, 0))
        fcntl.ioctl(self._fd, UI_DEV_CREATE)

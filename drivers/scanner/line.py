"""Where the characters come from: a serial port, or an input device that is grabbed."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import termios
from typing import Any, Protocol

from drivers.driver import DeviceError
from drivers.scanner.errors import BY_ERRNO, Code, problem
from drivers.scanner.keys import Keyboard

EVIOCGRAB = 0x40044590
"""`_IOW('E', 0x90, int)` (linux/input.h): nobody else hears what is typed, least of all a login prompt."""
EVIOCGVERSION = 0x80044501
"""`_IOR('E', 0x01, int)`: answered by input devices alone."""


class Line(Protocol):
    """An open scanner. Raises `DeviceError`."""

    def read(self, wait_s: float) -> bytes:
        """Characters, as soon as there are any; none after so many seconds. The device is there when this returns."""
        ...

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        ...


class SerialLine:
    """A serial port, for us alone, 8N1."""

    def __init__(self, port: str, baud: int) -> None:
        import serial  # after the hello is out

        self._name = port
        try:
            self._port: Any = serial.Serial(port, baud, timeout=0, exclusive=True)
        except serial.SerialException as error:
            raise DeviceError(problem(BY_ERRNO.get(error.errno or 0, Code.BAD_PORT), port, "serial", error)) from error
        except (OSError, ValueError, termios.error) as error:
            raise DeviceError(problem(Code.BAD_PORT, port, "serial", error)) from error

    def read(self, wait_s: float) -> bytes:
        try:
            if not select.select([self._port.fileno()], [], [], wait_s)[0]:
                termios.tcgetattr(self._port.fileno())  # Fails when the adapter has gone.
                return b""
            data: bytes = self._port.read(4096)
        except (OSError, termios.error) as error:  # pyserial's own is an OSError
            raise DeviceError(problem(Code.UNPLUGGED, self._name)) from error
        if not data:
            raise DeviceError(problem(Code.UNPLUGGED, self._name))
        return data

    def close(self) -> None:
        try:
            self._port.close()
        except (OSError, termios.error):
            return


class KeyboardLine:
    """An input device. Anything that sends its records will do when it is told so: `grabbed` is False for a pipe."""

    def __init__(self, port: str) -> None:
        self._name = port
        self._keyboard = Keyboard()
        try:
            self._fd = os.open(port, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceError(
                problem(BY_ERRNO.get(error.errno or 0, Code.BAD_PORT), port, "keyboard", error.strerror)
            ) from error
        try:
            self.grabbed = self._grab()
        except DeviceError:
            os.close(self._fd)
            raise

    def read(self, wait_s: float) -> bytes:
        try:
            if not select.select([self._fd], [], [], wait_s)[0]:
                if self.grabbed:
                    fcntl.ioctl(self._fd, EVIOCGVERSION, bytes(4))  # Fails when it has gone.
                return b""
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DeviceError(problem(Code.UNPLUGGED, self._name)) from error
        if not data:
            raise DeviceError(problem(Code.UNPLUGGED, self._name))
        return self._keyboard.feed(data)

    def close(self) -> None:
        try:
            os.close(self._fd)
        except OSError:
            return

    def _grab(self) -> bool:
        try:
            fcntl.ioctl(self._fd, EVIOCGRAB, 1)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise DeviceError(problem(Code.BUSY, self._name)) from error
            if error.errno in (errno.ENOTTY, errno.EINVAL) and _is_pipe(self._fd):
                return False
            raise DeviceError(problem(Code.BAD_PORT, self._name, "keyboard", error.strerror)) from error
        return True


def _is_pipe(fd: int) -> bool:
    return stat.S_ISFIFO(os.fstat(fd).st_mode)

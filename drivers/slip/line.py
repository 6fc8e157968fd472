"""The wire to the printer: a serial port, the file of a USB printer, or a TCP connection; each for us alone.

Nothing is sent twice here. After any error the line is of no use: close it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios
import time
from typing import TYPE_CHECKING, Protocol

from drivers.driver import DeviceError
from drivers.slip.errors import BY_ERRNO, Code, problem
from drivers.slip.options import Options

if TYPE_CHECKING:
    from serial import Serial

PIECE = 256
"""Bytes handed over at once: a printer that takes no more is then known within a piece."""
DRAIN_LOOK_S = 0.01


class Line(Protocol):
    """An open line. Raises `DeviceError`."""

    def send(self, data: bytes, until: float) -> int:
        """Hand bytes over until that moment (monotonic s). Returns how many have gone: all, or the printer takes no
        more."""
        ...

    def receive(self, wait_s: float) -> bytes:
        """What has come, as soon as there is anything; none after so many seconds."""
        ...

    def prove(self) -> None:
        """The line itself is still there, whatever the printer is."""
        ...

    def close(self) -> None:
        """Let go of it, whatever state it is in. What was not handed over yet is dropped."""
        ...


class FileLine:
    """A device file. A serial port is set up and locked by pyserial; usblp (drivers/usb/class/usblp.c of Linux) itself
    lets nobody else open a printer, and reads nothing where nothing has come."""

    def __init__(self, options: Options) -> None:
        self._name = options.port
        self._serial = _serial(options) if options.line == "serial" else None
        self._fd = self._serial.fileno() if self._serial is not None else _open(options.port)

    def send(self, data: bytes, until: float) -> int:
        sent = 0
        try:
            while sent < len(data) and (left := until - time.monotonic()) > 0:
                if not select.select([], [self._fd], [], left)[1]:
                    break
                try:
                    sent += os.write(self._fd, data[sent : sent + PIECE])
                except BlockingIOError:
                    continue
            while sent == len(data) and self._holds():
                if time.monotonic() >= until:
                    return sent - 1  # Not all: the port still has some of it.
                time.sleep(DRAIN_LOOK_S)
        except (OSError, termios.error) as error:
            raise self._fault(error) from error
        return sent

    def receive(self, wait_s: float) -> bytes:
        until = time.monotonic() + wait_s
        try:
            while select.select([self._fd], [], [], max(0.0, until - time.monotonic()))[0]:
                try:
                    if data := os.read(self._fd, 4096):
                        return data
                except BlockingIOError:
                    pass
                if self._serial is not None:
                    raise OSError(errno.EIO, "it ended")
                self.prove()
                if time.monotonic() >= until:
                    break
                time.sleep(DRAIN_LOOK_S)  # A USB printer that is readable and has nothing.
        except OSError as error:
            raise self._fault(error) from error
        return b""

    def _holds(self) -> bool:
        """Whether the kernel still has some of what was written. usblp takes no more before the last has gone."""
        if self._serial is not None:
            return bool(self._serial.out_waiting)
        return not select.select([], [self._fd], [], 0)[1]

    def prove(self) -> None:
        watch = select.poll()
        watch.register(self._fd, 0)
        if watch.poll(0):  # It hung up: POLLHUP and POLLERR are told unasked.
            raise DeviceError(problem(Code.UNPLUGGED, self._name))

    def close(self) -> None:
        try:
            if self._serial is None:
                os.close(self._fd)
            else:
                # Else closing waits for a printer that takes no more.
                termios.tcflush(self._fd, termios.TCOFLUSH)
                self._serial.close()
        except (OSError, termios.error):
            return

    def _fault(self, error: Exception) -> DeviceError:
        return DeviceError(problem(Code.UNPLUGGED, self._name, error))


class TcpLine:
    """A printer in the network. Port 9100 takes bytes as they are; most printers serve one connection at a time."""

    CONNECT_S = 3.0

    def __init__(self, options: Options) -> None:
        self._name = options.port
        host, _, port = options.port.removeprefix("tcp://").rpartition(":")
        self._where = (host.strip("[]"), int(port))
        self._keeps = options.status
        self._connect()

    def send(self, data: bytes, until: float) -> int:
        sent = 0
        try:
            while sent < len(data) and (left := until - time.monotonic()) > 0:
                if not select.select([], [self._socket], [], left)[1]:
                    break
                sent += self._socket.send(data[sent : sent + PIECE])
            while sent == len(data) and self._holds():
                if time.monotonic() >= until:
                    return sent - 1
                time.sleep(DRAIN_LOOK_S)
        except OSError as error:
            raise DeviceError(problem(Code.UNPLUGGED, self._name, error)) from error
        return sent

    def _holds(self) -> bool:
        """Whether the printer has not acknowledged all of it yet (tcp(7), SIOCOUTQ)."""
        return any(fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))

    def receive(self, wait_s: float) -> bytes:
        try:
            if not select.select([self._socket], [], [], wait_s)[0]:
                return b""
            data = self._socket.recv(4096)
        except OSError as error:
            raise DeviceError(problem(Code.UNPLUGGED, self._name, error)) from error
        if not data:
            raise DeviceError(problem(Code.UNPLUGGED, self._name))
        return data

    def prove(self) -> None:
        """A printer ends a connection on which nothing comes; where it is not asked for its state, that is no loss, and
        another is made."""
        try:
            while self.receive(0):
                pass
        except DeviceError:
            if self._keeps:
                raise
            self.close()
            self._connect()

    def close(self) -> None:
        try:
            self._socket.close()
        except OSError:
            return

    def _connect(self) -> None:
        import socket

        try:
            self._socket = socket.create_connection(self._where, timeout=self.CONNECT_S)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise DeviceError(problem(Code.NO_PRINTER, self._name, error.strerror or error)) from error


def open_line(options: Options) -> Line:
    """The line to the printer. Raises `DeviceError` with the remedy."""
    return TcpLine(options) if options.port.startswith("tcp://") else FileLine(options)


def _serial(options: Options) -> Serial:
    import serial

    try:
        return serial.Serial(
            options.port,
            options.baud,
            timeout=0,
            exclusive=True,
            xonxoff=options.flow == "xonxoff",
            rtscts=options.flow == "rtscts",
        )
    except serial.SerialException as error:
        code = BY_ERRNO.get(error.errno or 0, Code.BAD_PORT)
        raise DeviceError(problem(code, options.port, error)) from error
    except (OSError, ValueError, termios.error) as error:
        raise DeviceError(problem(Code.BAD_PORT, options.port, error)) from error


def _open(port: str) -> int:
    try:
        return os.open(port, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        code = BY_ERRNO.get(error.errno or 0, Code.BAD_PORT)
        raise DeviceError(problem(code, port, error.strerror)) from error

"""A barcode scanner at the other end of a pty, or of a pipe into which it types as a keyboard's event device does.

    python -m drivers.simulators.scanner --link PATH [--keyboard]

steered by lines: {"do": "scan", "text": "4750001112223"}, {"do": "send", "hex": "..."} (bytes as they are),
{"do": "unplug"}, {"do": "plug"}.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.simulated import Act, Simulated

# From linux/input-event-codes.h by way of a US keyboard, apart from the driver's own table.
UNSHIFTED = "\0\x1b1234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "  # key codes 0 to 57 in their order
SHIFTED = '\0\x1b!@#$%^&*()_+\b\tQWERTYUIOP{}\r\0ASDFGHJKL:"~\0|ZXCVBNM<>?\0*\0 '
LEFT_SHIFT = 42
EVENT = struct.Struct("@llHHi")


def event(kind: int, code: int, value: int) -> bytes:
    """One `struct input_event` (linux/input.h)."""
    return EVENT.pack(0, 0, kind, code, value)


def typed(text: str) -> bytes:
    """The events of somebody who types this on a US keyboard."""
    events = b""
    for character in text:
        shift = character not in UNSHIFTED
        code = (SHIFTED if shift else UNSHIFTED).index(character)
        if shift:
            events += event(1, LEFT_SHIFT, 1) + event(0, 0, 0)
        events += event(1, code, 1) + event(0, 0, 0) + event(1, code, 0) + event(0, 0, 0)
        if shift:
            events += event(1, LEFT_SHIFT, 0) + event(0, 0, 0)
    return events


class Scanner:
    """`path` is where it is found; `keyboard`: it types."""

    def __init__(self, path: Path, *, keyboard: bool = False) -> None:
        self._path, self._keyboard = path, keyboard
        self._fds: tuple[int, ...] = ()

    def plug(self) -> None:
        if self._fds:
            return
        if self._keyboard:
            os.mkfifo(self._path)
            self._fds = (os.open(self._path, os.O_RDWR),)
        else:
            near, far = os.openpty()
            tty.setraw(far)
            control.link(os.ttyname(far), self._path)
            self._fds = near, far

    def unplug(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = ()
        self._path.unlink(missing_ok=True)

    def scan(self, text: str, end: str = "\r") -> None:
        """A code, as a scanner with factory settings sends it."""
        self.send(typed(text + end) if self._keyboard else (text + end).encode())

    def send(self, data: bytes) -> None:
        """These very bytes."""
        if not self._fds:
            raise OSError("it is unplugged")
        os.write(self._fds[0], data)


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A scanner as a serial port; two codes are scanned in turn."""
    scanner = Scanner(folder / "scanner")
    scanner.plug()
    try:
        acts = (
            Act("a library card is scanned", lambda: scanner.scan("4750001112223"), reads=True),
            Act("a pass is scanned", lambda: scanner.scan("PASS-42"), reads=True),
        )
        yield Simulated({"port": str(folder / "scanner")}, acts, scanner.unplug, scanner.plug, settle_s=0.6)
    finally:
        scanner.unplug()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.scanner", description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="where the scanner is to be found")
    parser.add_argument("--keyboard", action="store_true", help="it types, into a pipe")
    given = parser.parse_args(argv)
    scanner = Scanner(given.link, keyboard=given.keyboard)
    scanner.plug()
    try:
        commands: dict[str, Callable[..., Any]] = {
            "scan": scanner.scan,
            "send": lambda hex: scanner.send(bytes.fromhex(hex)),
            "unplug": scanner.unplug,
            "plug": scanner.plug,
        }
        control.serve({"path": str(given.link)}, commands)
    finally:
        scanner.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())

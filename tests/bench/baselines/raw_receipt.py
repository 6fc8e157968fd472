"""Baseline of till: a fiscal receipt at a Datecs version 1 printer by the least that prints it. No record, no check.

    python -m tests.bench.baselines.raw_receipt PORT

Command: `receipt` {frames: [[command, data]]}: one frame after the other as soon as the last is answered, answers the
seconds.
"""

from __future__ import annotations

import os
import sys
import time

import serial

from drivers.simulators import control


class Host:
    """One end of the line."""

    def __init__(self, port: str) -> None:
        self._port = serial.Serial(port, 115200, timeout=10, exclusive=True)
        self._seq = 0x20 + os.getpid() % 64

    def receipt(self, frames: list[tuple[int, str]]) -> float:
        began = time.monotonic()
        for command, data in frames:
            self._ask(command, data)
        return time.monotonic() - began

    def _ask(self, command: int, data: str) -> None:
        self._seq = 0x20 + (self._seq - 0x1F) % 0x60
        body = bytes((0x24 + len(data), self._seq, command)) + data.encode("ascii") + b"\x05"
        self._port.write(b"\x01" + body + bytes(0x30 + (sum(body) >> at & 15) for at in (12, 8, 4, 0)) + b"\x03")
        while (first := self._port.read(1)) == b"\x16":
            pass
        (length,) = self._port.read(1)
        rest = self._port.read(length - 0x20 + 4)
        if first != b"\x01" or rest[1] != command or rest[-12] & 0x23:
            raise ValueError(f"no plain yes to {command}: {(first + rest).hex()}")


def main() -> None:
    control.serve({"port": sys.argv[1]}, {"receipt": Host(sys.argv[1]).receipt})


if __name__ == "__main__":
    main()

"""What a driver writes to stderr, as lines of the gateway's log `device.<id>`; a flood of it is left out."""

from __future__ import annotations

import asyncio
import logging

from gateway.devices.budget import Bucket

LINES_PER_S, LINES_BURST = 10, 60
"""A traceback fits into the burst."""
LINE_MAX = 1000


class DriverLog:
    """Forwards lines. Control characters are shown, not obeyed: a log must not be rewritten from outside."""

    def __init__(self, device: str) -> None:
        self._log = logging.getLogger(f"device.{device}")
        self._bucket = Bucket(LINES_PER_S, LINES_BURST)
        self._left_out = 0

    def line(self, line: bytes) -> None:
        if not self._bucket.take(asyncio.get_running_loop().time()):
            self._left_out += 1
            return
        if self._left_out:
            self._log.warning("%d lines of the driver left out", self._left_out)
            self._left_out = 0
        text = line[:LINE_MAX].decode("utf-8", "backslashreplace")
        self._log.info("%s", "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))

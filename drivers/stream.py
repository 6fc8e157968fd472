"""A driver's end of the contract's byte stream: lines out, and what comes in sorted for whoever waits for it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from drivers.contract.codec import BadMessage, LineSplitter, decode_for_driver, encode
from drivers.contract.core import MAX_LINE, Call, Options, Stop, Stored, ToGateway
from drivers.driver import Driver, GatewayGone

GRACE_S = 1.0
"""From the end of the stream to the end of the process, for closing the device properly."""

LONGEST_DEADLINE_MS = 24 * 3600 * 1000
"""A deadline beyond this is cut to it: no call takes a day, and a number of any size must not end a driver."""


class Stream:
    """`calls` holds the options, then calls with the moment (`time.monotonic`) after which each is too late, and None
    when it has ended; `ended` is set then. `send` may be called from any thread."""

    def __init__(self, inward: BinaryIO, outward: BinaryIO) -> None:
        self._in = inward
        self._out = outward
        self._out_lock = threading.Lock()
        self.calls: queue.SimpleQueue[tuple[Call, float] | Options | None] = queue.SimpleQueue()
        self._stored: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self.ended = threading.Event()
        self._answered_aside: Callable[[Call], bool] = lambda call: False

    def listen(self, answered_aside: Callable[[Call], bool]) -> None:
        """Hear what comes, in a thread that ends the process when the stream ends and the device will not let go. A
        call that was `answered_aside` in that thread waits for no other."""
        self._answered_aside = answered_aside
        threading.Thread(target=self._listen, name="contract", daemon=True).start()

    def send(self, message: ToGateway) -> None:
        """Raises `GatewayGone` when nobody reads any more."""
        line = encode(message)
        try:
            with self._out_lock:
                self._out.write(line)
                self._out.flush()
        except (BrokenPipeError, ConnectionError) as error:
            self.end()
            raise GatewayGone from error

    def until_stored(self, step: int) -> None:
        """Until the gateway has stored this step. Raises `GatewayGone` when that will not be told any more."""
        while (stored := self._stored.get()) != step:
            if stored is None:
                raise GatewayGone
        if self.ended.is_set():
            raise GatewayGone

    def end(self) -> None:
        """Nothing more is heard: whoever waits is let go."""
        self.ended.set()
        self.calls.put(None)
        self._stored.put(None)

    def _listen(self) -> None:
        try:
            self._hear()
        finally:
            self.end()
            time.sleep(GRACE_S)
            os._exit(0)

    def _hear(self) -> None:
        """Until the stream ends or `Stop`: both mean the same, also to a driver that hangs."""
        lines = LineSplitter()
        skipped = 0
        while not self.ended.is_set() and (data := self._read()):
            for line in lines.feed(data):
                self._take(line)
            if lines.skipped != skipped:
                skipped = lines.skipped
                Driver.log(f"a line longer than {MAX_LINE} bytes was skipped, {skipped} so far")

    def _read(self) -> bytes:
        try:
            return os.read(self._in.fileno(), 65536)
        except OSError:
            return b""

    def _take(self, line: bytes) -> None:
        try:
            message = decode_for_driver(line)
        except BadMessage as error:
            Driver.log(f"not a message of the contract: {error}")
            return
        match message:
            case Call():
                if not self._answered_aside(message):
                    self.calls.put((message, _moment(message.deadline_ms)))
            case Stored(step=step):
                self._stored.put(step)
            case Options():
                self.calls.put(message)
            case Stop():
                self.end()


def _moment(deadline_ms: int) -> float:
    """When a deadline that has just come in will have passed, in `time.monotonic()` seconds."""
    return time.monotonic() + min(max(deadline_ms, 0), LONGEST_DEADLINE_MS) / 1000

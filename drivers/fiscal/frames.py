"""What is on the wire, for all families of fiscal devices: answers as they come, and the port that finds them in a
stream of bytes. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Signal(StrEnum):
    """Answers without a frame. NAK: the request came broken, send it again. SYN: busy with this request, wait on.
    RETRY: busy, this request was not taken, send it again later."""

    NAK = "nak"
    SYN = "syn"
    RETRY = "retry"


class Answer(msgspec.Struct, frozen=True):
    """One answer frame whose checksum is right. `command` is None where the family's answer does not name it; `data` is
    unescaped; `status` are its status bytes as they come."""

    seq: int
    command: int | None
    data: bytes
    status: bytes


Event = Answer | Signal


class Parser(Protocol):
    """Finds answers in whatever comes, in chunks of any size. Raises nothing; holds a bounded number of bytes."""

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes. Empty: the line was quiet for a moment."""
        ...

    def expire(self) -> list[Event]:
        """The line has been silent: what has begun will not be completed."""
        ...

    def reset(self) -> None: ...


class Framing(Protocol):
    """A family's frames."""

    seq_first: int
    seq_last: int
    repeats: bool
    """The device answers a frame that carries the number of the frame before it with its last answer, and executes
    nothing. Only then is a frame sent again after silence."""

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        """Raises `ValueError` when no frame can carry it."""
        ...

    def parser(self) -> Parser: ...

"""Lines of the contract: encode one message, split a byte stream into lines, decode one side's messages.

Guarantee: `LineSplitter` never holds more than `MAX_LINE` bytes, whatever comes in, and `decode` raises
`BadMessage` for anything that is not a message of the contract; nothing else escapes from either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from drivers.contract.core import (
    MAX_LINE,
    Alive,
    Hello,
    Problem,
    Reading,
    Reply,
    State,
    Step,
    ToDriver,
    ToGateway,
)

T = TypeVar("T")


class _ReplyLine(msgspec.Struct, frozen=True, tag="reply", tag_field="t"):
    """A `Reply` as it is decoded: msgspec takes `Raw` only alone, never as `Raw | None`."""

    id: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    problem: Problem | None = None


_encoder = msgspec.json.Encoder()
_to_driver: msgspec.json.Decoder[ToDriver] = msgspec.json.Decoder(ToDriver)
_to_gateway: msgspec.json.Decoder[Hello | Reading | State | Alive | Step | _ReplyLine] = msgspec.json.Decoder(
    Hello | Reading | State | Alive | Step | _ReplyLine
)


class BadMessage(ValueError):
    """A line that is not a message of the contract. The text says what is wrong, never the line itself,
    because the line may hold a card id."""


def encode(message: ToDriver | ToGateway) -> bytes:
    """One message as one line. Raises `BadMessage` when it would be longer than `MAX_LINE`."""
    line = _encoder.encode(message) + b"\n"
    if len(line) > MAX_LINE:
        raise BadMessage(f"a {type(message).__name__} of {len(line)} bytes is longer than a line may be")
    return line


def raw(body: msgspec.Struct) -> msgspec.Raw:
    """A kind's own struct as the `body` of a core message."""
    return msgspec.Raw(_encoder.encode(body))


def decode_for_driver(line: bytes) -> ToDriver:
    """What the gateway says, decoded by a driver."""
    return _decode(_to_driver, line)


def decode_for_gateway(line: bytes) -> ToGateway:
    """What a driver says, decoded by the gateway."""
    message = _decode(_to_gateway, line)
    if isinstance(message, _ReplyLine):
        body = None if bytes(message.body) == b"null" else message.body
        return Reply(message.id, body, message.problem)
    return message


def decode_body(body: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
    """The `body` of a core message as the kind's own type."""
    return _decode(decoder, bytes(body))


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(str(error)) from error
    except RecursionError as error:
        raise BadMessage("nested too deeply") from error


class LineSplitter:
    """Cuts a byte stream into lines of at most `MAX_LINE` bytes; longer ones are skipped and counted."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False
        self.skipped = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Lines completed by `data`, without their ends. Empty lines are left out."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            piece = data[start:end]
            start = end + 1
            if self._skipping:
                self._skipping = False
            elif len(self._held) + len(piece) >= self._limit:
                self.skipped += 1
            elif line := bytes(self._held) + piece:
                yield line
            self._held.clear()
        rest = data[start:]
        if self._skipping:
            return
        if len(self._held) + len(rest) >= self._limit:
            self._held.clear()
            self._skipping = True
            self.skipped += 1
        else:
            self._held += rest

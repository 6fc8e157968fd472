"""Datecs version 2 frames (the "X" devices): encode a request, find the answers in a byte stream. Pure: bytes in,
values out.

    host to device   01 LEN(4) SEQ CMD(4) DATA              05 BCC(4) 03
    device to host   01 LEN(4) SEQ CMD(4) DATA 04 STATUS(8) 05 BCC(4) 03      or one byte: 15 NAK, 16 SYN

LEN and CMD are four digits of 30h plus a nibble. LEN is 20h plus the bytes from LEN to 05h, both counted; BCC is the
checksum of version 1. Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, "Low level protocol".
"""

from __future__ import annotations

import re

from drivers.fiscal.datecs_v1 import bcc
from drivers.fiscal.dialect import Answer, Event, Signal

PREAMBLE, SEPARATOR, POSTAMBLE, TERMINATOR = 0x01, 0x04, 0x05, 0x03
SEQ_FIRST, SEQ_LAST = 0x20, 0xFF
STATUS_BYTES = 8
MAX_DATA = 213
"""Bytes of DATA in a request, after escaping: what every version of the protocol takes (v2.11.4: 496)."""
MAX_ANSWER_DATA = 512
"""Bytes of DATA in an answer. v2.08 says 218, v2.11.4 says 480; more is no frame."""

_OFFSET = 0x20
_REQUEST_FIXED = 10  # LEN(4) SEQ CMD(4) 05
_ANSWER_FIXED = _REQUEST_FIXED + 1 + STATUS_BYTES
_HEAD = 5  # 01 LEN(4)
_TAIL = 5  # BCC(4) 03
MAX_ANSWER = 1 + _ANSWER_FIXED + MAX_ANSWER_DATA + _TAIL
"""Bytes in the longest frame that is waited for; no more is ever held between two `feed`s."""

_ESCAPE, _ESCAPED_BY = 0x10, 0x40
_ESCAPED = re.compile(rb"\x10([\x40-\x5f])")
_TO_ESCAPE = re.compile(rb"[\x00-\x08\x0a-\x1f]")
_BEGINNING = re.compile(rb"[\x01\x15\x16]")
_FROM_HEX, _TO_HEX = bytes.maketrans(b"abcdef", b":;<=>?"), bytes.maketrans(b":;<=>?", b"abcdef")
_DIGITS = re.compile(rb"[\x30-\x3f]*")


class FrameError(ValueError):
    """Bytes that are no frame, or a request that no frame can carry."""


def digits(value: int) -> bytes:
    """Four digits of 30h plus a nibble, the highest first."""
    return (b"%04x" % value).translate(_FROM_HEX)


def number(four: bytes) -> int:
    """What `digits` wrote. Raises `FrameError`."""
    if len(four) != 4 or _DIGITS.fullmatch(four) is None:
        raise FrameError("not four digits of 30h to 3Fh")
    return int(four.translate(_TO_HEX), 16)


def escape(data: bytes) -> bytes:
    """Control characters other than TAB, which ends a field, as 10h and the character plus 40h."""
    return _TO_ESCAPE.sub(lambda found: bytes((_ESCAPE, found[0][0] + _ESCAPED_BY)), data)


def unescape(data: bytes) -> bytes:
    """What `escape` made, back. A 10h that escapes nothing stays as it is."""
    return _ESCAPED.sub(lambda found: bytes((found[1][0] - _ESCAPED_BY,)), data)


def encode_request(seq: int, command: int, data: bytes = b"") -> bytes:
    """One request frame. Raises `FrameError` when SEQ, command or length do not fit into one."""
    if not SEQ_FIRST <= seq <= SEQ_LAST:
        raise FrameError(f"SEQ {seq:02X}h is outside {SEQ_FIRST:02X}h to {SEQ_LAST:02X}h")
    if not _OFFSET <= command <= 0xFF:
        raise FrameError(f"command {command} is outside 32 to 255")
    escaped = escape(data)
    if len(escaped) > MAX_DATA:
        raise FrameError(f"{len(escaped)} bytes of DATA, at most {MAX_DATA} fit")
    length = digits(_OFFSET + _REQUEST_FIXED + len(escaped))
    body = length + bytes((seq,)) + digits(command) + escaped + bytes((POSTAMBLE,))
    return bytes((PREAMBLE,)) + body + bcc(body) + bytes((TERMINATOR,))


def decode_answer(frame: bytes) -> Answer:
    """The answer in `frame`, which must be exactly one frame. Raises `FrameError`."""
    if len(frame) < 1 + _ANSWER_FIXED + _TAIL or frame[0] != PREAMBLE or frame[-1] != TERMINATOR:
        raise FrameError("not an answer frame")
    body, checksum = frame[1:-_TAIL], frame[-_TAIL:-1]
    if number(body[:4]) != _OFFSET + len(body):
        raise FrameError("LEN does not agree with the frame")
    if bcc(body) != checksum:
        raise FrameError("the checksum is wrong")
    if body[-1] != POSTAMBLE or body[-2 - STATUS_BYTES] != SEPARATOR:
        raise FrameError("the status field is not where it belongs")
    return Answer(
        seq=body[4],
        command=number(body[5:9]),
        data=unescape(body[9 : -2 - STATUS_BYTES]),
        status=body[-1 - STATUS_BYTES : -1],
    )


class AnswerParser:
    """Finds answers and signals in whatever comes, in chunks of any size; junk between them is dropped.

    Guarantees: raises nothing; holds less than `MAX_ANSWER` bytes between two calls; a frame is taken by its LEN and
    must have the right checksum; behind a beginning that turns out to be no frame the search goes on at the next byte,
    so that a torn or broken answer hides no good one. Frames that come twice are told twice: which of them is awaited,
    the link knows by SEQ and command.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self.broken = 0
        self.junk = 0

    @property
    def held(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes."""
        self._held += data
        return self._scan(complete=False)

    def expire(self) -> list[Event]:
        """The line has been silent: what has begun will not be completed. Searches behind its beginning."""
        return self._scan(complete=True)

    def reset(self) -> None:
        """Forget what has begun."""
        self._held.clear()

    def _scan(self, *, complete: bool) -> list[Event]:
        events: list[Event] = []
        held, at = bytes(self._held), 0
        while found := _BEGINNING.search(held, at):
            self.junk += found.start() - at
            at = found.start()
            match held[at]:
                case 0x15:
                    events.append(Signal.NAK)
                    at += 1
                case 0x16:
                    events.append(Signal.SYN)
                    at += 1
                case _:
                    size = _announced(held[at : at + _HEAD])
                    if size > len(held) - at and not complete:
                        break
                    try:
                        events.append(decode_answer(held[at : at + size]))
                        at += size
                    except FrameError:
                        self.broken += 1
                        at += 1
        else:
            self.junk += len(held) - at
            at = len(held)
        self._held[:] = held[at:]
        return events


class FramingV2:
    """`dialect.Framing` of version 2."""

    seq_first: int = SEQ_FIRST
    seq_last: int = SEQ_LAST
    repeats: bool = True

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        """Raises `FrameError`."""
        return encode_request(seq, command, data)

    def parser(self) -> AnswerParser:
        return AnswerParser()


def _announced(head: bytes) -> int:
    """Size of the frame that begins with `head`; 1, which is no frame, when LEN cannot be an answer's. While LEN itself
    is incomplete, more than there is."""
    length = head[1:]
    if _DIGITS.fullmatch(length) is None:
        return 1
    if len(length) < 4:
        return MAX_ANSWER
    body = number(length) - _OFFSET
    if not _ANSWER_FIXED <= body <= _ANSWER_FIXED + MAX_ANSWER_DATA:
        return 1
    return 1 + body + _TAIL

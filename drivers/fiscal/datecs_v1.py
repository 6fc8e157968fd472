"""Datecs version 1 frames: encode a request, find the answers in a byte stream. Pure: bytes in, values out.

    host to device   01 LEN SEQ CMD DATA              05 BCC4 03
    device to host   01 LEN SEQ CMD DATA 04 STATUS(6) 05 BCC4 03      or one byte: 15 NAK, 16 SYN

LEN is 20h plus the bytes from LEN to 05h, both counted. BCC is the 16-bit sum of the bytes after 01h up to
05h, as four digits of 30h plus a nibble.
Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections B to D.
"""

from __future__ import annotations

import re
from enum import IntEnum

from drivers.fiscal.datecs_frames import (
    POSTAMBLE,
    PREAMBLE,
    SEPARATOR,
    TERMINATOR,
    FrameError,
    Scanner,
    bcc,
    escaped,
    unescape,
)
from drivers.fiscal.frames import Answer

SEQ_FIRST, SEQ_LAST = 0x20, 0x7F
STATUS_BYTES = 6
MAX_DATA = 213
"""Bytes of DATA in a request, after escaping: what every device but the FP-550 class takes."""

_OFFSET = 0x20
_REQUEST_FIXED = 4  # LEN SEQ CMD 05
_ANSWER_FIXED = _REQUEST_FIXED + 1 + STATUS_BYTES
_TAIL = 5  # BCC4 03
MAX_ANSWER = 1 + (0xFF - _OFFSET) + _TAIL
"""Bytes in the longest frame that LEN can announce; no more is ever held between two `feed`s."""

_TO_ESCAPE = re.compile(rb"[\x00-\x08\x0b-\x1f]")


class Command(IntEnum):
    """The commands that this driver sends. 45, 46, 69 and 70 mean other things to version 2 devices (an X report of
    the one is a Z report of the other): the family is established before any of them."""

    LAST_ERROR = 32
    OPEN_SLIP = 38
    CLOSE_SLIP = 39
    SLIP_TEXT = 42
    OPEN_REVERSAL = 46
    OPEN = 48
    SALE = 49
    SUBTOTAL = 51
    PAY = 53
    TEXT = 54
    CLOSE = 56
    CANCEL = 60
    WRITE_CLOCK = 61
    READ_CLOCK = 62
    SUMS = 65
    REPORT = 69
    CASH = 70
    STATUS = 74
    TRANSACTION = 76
    IDENTIFY = 90
    RATES = 97
    COPY = 109
    DAY = 110
    LAST_NUMBER = 113
    JOURNAL = 119
    DOCUMENT = 125


def escape(data: bytes) -> bytes:
    """Control characters other than TAB and LF as 10h and the character plus 40h."""
    return escaped(data, _TO_ESCAPE)


def encode_request(seq: int, command: int, data: bytes = b"") -> bytes:
    """One request frame. Raises `FrameError` when SEQ, command or length do not fit into one."""
    if not SEQ_FIRST <= seq <= SEQ_LAST:
        raise FrameError(f"SEQ {seq:02X}h is outside {SEQ_FIRST:02X}h to {SEQ_LAST:02X}h")
    if not _OFFSET <= command <= 0xFF:
        raise FrameError(f"command {command} is outside 32 to 255")
    sent = escape(data)
    if len(sent) > MAX_DATA:
        raise FrameError(f"{len(sent)} bytes of DATA, at most {MAX_DATA} fit")
    length = _OFFSET + _REQUEST_FIXED + len(sent)
    body = bytes((length, seq, command)) + sent + bytes((POSTAMBLE,))
    return bytes((PREAMBLE,)) + body + bcc(body) + bytes((TERMINATOR,))


def decode_answer(frame: bytes) -> Answer:
    """The answer in `frame`, which must be exactly one frame. Raises `FrameError`."""
    if len(frame) < 1 + _ANSWER_FIXED + _TAIL or frame[0] != PREAMBLE or frame[-1] != TERMINATOR:
        raise FrameError("not an answer frame")
    body, digits = frame[1:-_TAIL], frame[-_TAIL:-1]
    if body[0] != _OFFSET + len(body):
        raise FrameError("LEN does not agree with the frame")
    if bcc(body) != digits:
        raise FrameError("the checksum is wrong")
    if body[-1] != POSTAMBLE or body[-2 - STATUS_BYTES] != SEPARATOR:
        raise FrameError("the status field is not where it belongs")
    data = unescape(body[3 : -2 - STATUS_BYTES])
    return Answer(seq=body[1], command=body[2], data=data, status=body[-1 - STATUS_BYTES : -1])


class AnswerParser(Scanner):
    """Version 1 answers and signals; less than `MAX_ANSWER` bytes are held."""

    def __init__(self) -> None:
        super().__init__(_announced, decode_answer)


def _announced(head: bytes) -> int:
    """See `Scanner`. 1 when LEN cannot be an answer's."""
    if len(head) < 2:
        return MAX_ANSWER
    if head[1] < _OFFSET + _ANSWER_FIXED:
        return 1
    return 1 + head[1] - _OFFSET + _TAIL


class FramingV1:
    """Version 1 frames as the link uses them. The filter for repeated frames: section D of the document."""

    seq_first = SEQ_FIRST
    seq_last = SEQ_LAST
    repeats = True

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        return encode_request(seq, command, data)

    def parser(self) -> AnswerParser:
        return AnswerParser()

"""Datecs version 2 frames (the "X" devices): encode a request, find the answers in a byte stream. Pure: bytes in,
values out.

    host to device   01 LEN(4) SEQ CMD(4) DATA              05 BCC(4) 03
    device to host   01 LEN(4) SEQ CMD(4) DATA 04 STATUS(8) 05 BCC(4) 03      or one byte: 15 NAK, 16 SYN

LEN and CMD are four digits of 30h plus a nibble. LEN is 20h plus the bytes from LEN to 05h, both counted; BCC is the
checksum of version 1. Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, "Low level protocol".
"""

from __future__ import annotations

import re

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

SEQ_FIRST, SEQ_LAST = 0x20, 0xFF
STATUS_BYTES = 8
MAX_DATA = 213
"""Bytes of DATA in a request, after escaping: what every version of the protocol takes (v2.11.4: 496)."""
MAX_ANSWER_DATA = 512
"""Bytes of DATA in an answer. v2.08 says 218, v2.11.4 says 480; more is no frame."""

_OFFSET = 0x20
_REQUEST_FIXED = 10  # LEN(4) SEQ CMD(4) 05
_ANSWER_FIXED = _REQUEST_FIXED + 1 + STATUS_BYTES
_TAIL = 5  # BCC(4) 03
MAX_ANSWER = 1 + _ANSWER_FIXED + MAX_ANSWER_DATA + _TAIL
"""Bytes in the longest frame that is waited for; no more is ever held between two `feed`s."""

_TO_ESCAPE = re.compile(rb"[\x00-\x08\x0a-\x1f]")
_FROM_HEX, _TO_HEX = bytes.maketrans(b"abcdef", b":;<=>?"), bytes.maketrans(b":;<=>?", b"abcdef")
_DIGITS = re.compile(rb"[\x30-\x3f]*")


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
    length = digits(_OFFSET + _REQUEST_FIXED + len(sent))
    body = length + bytes((seq,)) + digits(command) + sent + bytes((POSTAMBLE,))
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


class AnswerParser(Scanner):
    """Version 2 answers and signals; less than `MAX_ANSWER` bytes are held."""

    def __init__(self) -> None:
        super().__init__(_announced, decode_answer)


class FramingV2:
    """`frames.Framing` of version 2."""

    seq_first: int = SEQ_FIRST
    seq_last: int = SEQ_LAST
    repeats: bool = True

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        """Raises `FrameError`."""
        return encode_request(seq, command, data)

    def parser(self) -> AnswerParser:
        return AnswerParser()


def _announced(head: bytes) -> int:
    """See `Scanner`. 1 when LEN cannot be an answer's."""
    length = head[1:]
    if _DIGITS.fullmatch(length) is None:
        return 1
    if len(length) < 4:
        return MAX_ANSWER
    body = number(length) - _OFFSET
    if not _ANSWER_FIXED <= body <= _ANSWER_FIXED + MAX_ANSWER_DATA:
        return 1
    return 1 + body + _TAIL

"""SIP2 messages as bytes: requests made, answers taken apart. Pure; an answer's texts are never decoded.

Source: 3M Standard Interchange Protocol, version 2.00 (document revision 2.12). A message is a two-digit code, fields
of fixed length, fields `XXvalue|` of variable length, and with error detection `AYn` (sequence) and `AZhhhh` (its
checksum), ended by a carriage return. Its date is `YYYYMMDDZZZZHHMMSS`, 18 characters, the zone blank for local time.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

END = b"\r"
LONGEST = 8192
"""Bytes of an answer. A patron's information without item lists (which are not asked for) has some 300."""
DATE = 18
FLAGS = 14
LANGUAGE = b"000"
"""Unknown, or none chosen."""


class Sip2Error(Exception):
    """An answer that is none. The text says what is wrong, never what stands there."""


class BadChecksum(Sip2Error):
    """It was garbled on the way, or its sender counts wrongly."""


class Flag(IntEnum):
    """Positions in a patron's status: `Y` there means so."""

    CHARGE_DENIED = 0
    CARD_LOST = 4


class Answer(msgspec.Struct, frozen=True):
    """An answer: its code, fixed part, the first field of each name, and its sequence number (None: without error
    detection). `repr` shows nothing of a patron."""

    code: bytes
    fixed: bytes
    fields: dict[bytes, bytes]
    sequence: int | None

    def __repr__(self) -> str:
        return f"Answer({self.code!r}, {len(self.fields)} fields)"


_FIXED = {
    b"94": 1,  # ok
    b"98": 6 + 3 + 3 + DATE + 4,  # six Y/N, time-out, retries, date, protocol version
    b"24": FLAGS + 3 + DATE,
    b"64": FLAGS + 3 + DATE + 6 * 4,
    b"36": 1 + DATE,
    b"96": 0,
}
"""Code of an answer → length of its fixed part."""


def checksum(data: bytes) -> bytes:
    """Four hex digits: with them the sum of all bytes up to and with `AZ` is 0 modulo 65,536 (appendix A)."""
    return b"%04X" % (-sum(data) & 0xFFFF)


def framed(message: bytes, sequence: int | None) -> bytes:
    """A message as it is sent. `sequence` 0 to 9; None: without error detection."""
    if sequence is None:
        return message + END
    head = message + b"AY%dAZ" % (sequence % 10)
    return head + checksum(head) + END


def field(name: bytes, value: bytes) -> bytes:
    """A field of variable length. `ValueError` for a value that would end it."""
    if any(byte in value for byte in b"|\r\n"):
        raise ValueError("a field holds no | and no line end")
    return name + value + b"|"


def login(user: bytes, password: bytes, location: bytes) -> bytes:
    """93, neither encrypted (algorithm 0)."""
    return b"9300" + field(b"CN", user) + field(b"CO", password) + field(b"CP", location)


def status() -> bytes:
    """99: all is well here, 80 columns, version 2.00."""
    return b"9900802.00"


def patron(code: bytes, date: bytes, institution: bytes, barcode: bytes, pin: bytes) -> bytes:
    """23 (status) or 63 (information, no item list)."""
    head = code + LANGUAGE + date + (b" " * 10 if code == b"63" else b"")
    return head + field(b"AO", institution) + field(b"AA", barcode) + field(b"AC", b"") + field(b"AD", pin)


def end_session(date: bytes, institution: bytes, barcode: bytes) -> bytes:
    """35: this patron has gone."""
    return b"35" + date + field(b"AO", institution) + field(b"AA", barcode)


RESEND = b"97"
"""What was said last was garbled: say it again. Never has a sequence number of its own."""


def decode(line: bytes) -> Answer:
    """An answer without its line end. Raises `BadChecksum` and `Sip2Error`, for any bytes nothing else."""
    if len(line) > LONGEST:
        raise Sip2Error(f"more than {LONGEST} bytes")
    line, sequence = _unframed(line)
    code = line[:2]
    length = _FIXED.get(code)
    if length is None:
        raise Sip2Error("a code that answers nothing asked here")
    if len(line) < 2 + length:
        raise Sip2Error("it is cut off")
    fields: dict[bytes, bytes] = {}
    for piece in line[2 + length :].split(b"|"):
        if len(piece) >= 2:
            fields.setdefault(piece[:2], piece[2:])
    return Answer(code, line[2 : 2 + length], fields, sequence)


def _unframed(line: bytes) -> tuple[bytes, int | None]:
    """Without its error detection, which is checked where it is there: the last nine bytes, `AYnAZhhhh`."""
    if len(line) < 9 or line[-9:-7] != b"AY" or line[-6:-4] != b"AZ":
        return line, None
    if checksum(line[:-4]) != line[-4:].upper():
        raise BadChecksum("its checksum does not fit")
    if not line[-7:-6].isdigit():
        raise Sip2Error("its sequence number is none")
    return line[:-9], int(line[-7:-6])


def said_yes(answer: Answer) -> bool:
    """Whether a 94 or 36 says `1` or `Y`."""
    return answer.fixed[:1] in (b"1", b"Y")


def is_online(answer: Answer) -> bool:
    """Whether a 98 says that the system is on line."""
    return answer.fixed[:1] == b"Y"


def flag(answer: Answer, which: Flag) -> bool:
    """Whether a 24 or 64 has this flag."""
    return answer.fixed[which : which + 1] == b"Y"


def yes_no(answer: Answer, name: bytes) -> bool | None:
    """A field that is `Y` or `N`; None: it is missing, or something else."""
    return {b"Y": True, b"N": False}.get(answer.fields.get(name, b""))

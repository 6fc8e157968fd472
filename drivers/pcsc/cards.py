"""What is asked of a card through a PC/SC reader, and what its answers mean. Pure: a card is a function from a command
APDU to a response APDU. Only NDEF and a phone's pass are ever read; what is on any other card stays there.

Sources: PC/SC part 3 rev. 2.01.09 (3.1.3.2.3: ATR of contactless cards; 3.2.2.1: `FF CA`, `FF B0`), NFC Forum Type 2
Tag 1.2 and Type 4 Tag 2.0, ISO/IEC 7816-4.
"""

from __future__ import annotations

from drivers.cards.apdu import Transmit
from drivers.cards.asking import ask
from drivers.contract.reader import Code, Recognised

MAX_NDEF = 2048
"""Bytes; a pass has about 75. A longer message is not handed on, the card counts as one without."""

GET_UID = bytes.fromhex("FFCA000000")
SELECT_NDEF = bytes.fromhex("00A4040007D276000085010100")
OK = b"\x90\x00"
UIDS = (4, 7, 10)
"""Bytes of a UID of ISO/IEC 14443-3 type A, 6.5.4."""

_STORAGE = bytes.fromhex("804F0CA000000306")
_TYPE_A = 0x03
_ULTRALIGHT = frozenset((0x0003, 0x003A, 0x003D))
"""Names of cards (PC/SC part 3, supplemental document) that are NFC Forum Type 2: Ultralight, Ultralight C, EV1. Most
readers call an NTAG an Ultralight."""


def uid_of(transmit: Transmit) -> bytes | None:
    """The UID, None for a card that has none of ISO/IEC 14443 type A (contact cards, FeliCa, ISO/IEC 15693)."""
    uid = _good(transmit(GET_UID))
    return uid if uid is not None and len(uid) in UIDS else None


def shown_by(transmit: Transmit, atr: bytes, uid: bytes) -> bytes | Code | Recognised:
    """What a card shows beyond its UID (`drivers.cards.asking.ask`); of a storage card its NDEF message."""
    if storage_name(atr) is not None:
        return ndef_of(transmit, atr)
    return ask(uid, transmit, lambda: ndef_of(transmit, atr))


def ndef_of(transmit: Transmit, atr: bytes) -> bytes:
    """The card's NDEF message; empty when it has none, or none that makes sense."""
    name = storage_name(atr)
    if name is None:
        return _type_4(transmit)
    return _type_2(transmit) if name in _ULTRALIGHT else b""


def storage_name(atr: bytes) -> int | None:
    """The name of a storage card of ISO/IEC 14443-3 type A; None for a card that takes APDUs itself, 0 for a storage
    card of another standard."""
    at = atr.find(_STORAGE)
    if at < 0 or len(atr) < at + 11:
        return None
    return int.from_bytes(atr[at + 9 : at + 11], "big") if atr[at + 8] == _TYPE_A else 0


def _good(response: bytes) -> bytes | None:
    """The data of an answer that ends well."""
    return response[:-2] if response[-2:] == OK else None


def _type_4(transmit: Transmit) -> bytes:
    """NFC Forum Type 4 Tag, 5.4: application, capability container, NDEF file."""
    if _good(transmit(SELECT_NDEF)) is None or _good(transmit(bytes.fromhex("00A4000C02E103"))) is None:
        return b""
    container = _good(transmit(bytes.fromhex("00B000000F")))
    if container is None or len(container) < 15 or container[7:9] != b"\x04\x06":
        return b""
    most = max(1, min(int.from_bytes(container[3:5], "big"), 250))
    readable = container[13] == 0
    if not readable or _good(transmit(b"\x00\xa4\x00\x0c\x02" + container[9:11])) is None:
        return b""
    head = _good(transmit(bytes.fromhex("00B0000002")))
    if head is None or len(head) != 2:
        return b""
    size = int.from_bytes(head, "big")
    if size > MAX_NDEF:
        return b""
    message = b""
    while len(message) < size:
        at = 2 + len(message)
        part = _good(transmit(b"\x00\xb0" + at.to_bytes(2, "big") + bytes([min(most, size - len(message))])))
        if not part:
            return b""
        message += part
    return message[:size]


def _type_2(transmit: Transmit) -> bytes:
    """NFC Forum Type 2 Tag, 2.3 and 2.4: the container in page 3, then TLVs."""
    memory = b""

    def upto(end: int) -> bool:
        nonlocal memory
        while len(memory) < end:
            page = 3 + len(memory) // 4
            part = _good(transmit(b"\xff\xb0" + page.to_bytes(2, "big") + b"\x10")) if page < 256 else None
            if part is None or len(part) != 16:
                return False
            memory += part
        return True

    if not upto(16) or memory[0] != 0xE1:
        return b""
    end = 4 + min(memory[2] * 8, MAX_NDEF)
    at = 4
    while at < end and upto(at + 1):
        kind = memory[at]
        if kind == 0x00:
            at += 1
            continue
        if kind == 0xFE or not upto(at + 4):
            break
        size, begins = memory[at + 1], at + 2
        if size == 0xFF:
            size, begins = int.from_bytes(memory[at + 2 : at + 4], "big"), at + 4
        if kind == 0x03:
            whole = begins + size <= end and upto(begins + size)
            return memory[begins : begins + size] if whole else b""
        at = begins + size
    return b""

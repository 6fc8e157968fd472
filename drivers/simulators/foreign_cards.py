"""Cards that are not the city's, and phones: what they would tell whoever asks them, so that a test can see who does.

Written from EMV Contactless Book B (PPSE, its file control information), EMV Book 3 (GPO, READ RECORD, GET DATA), ICAO
Doc 9303 parts 10 and 11, and docs/drivers/nfc.md (a phone with a pass). Each keeps the commands that it has had.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from drivers.simulators.cards import NOT_FOUND, OK, WRONG_INSTRUCTION, Type4Tag

PAN = bytes.fromhex("4761739001010010")
"""A test card's number (EMV test sets); `TRACK_2` is what its stripe would say."""
TRACK_2 = PAN + bytes.fromhex("D22122011143804400000F")
SCHEME = bytes.fromhex("A0000000031010")
PPSE = b"2PAY.SYS.DDF01"
EMRTD = bytes.fromhex("A0000002471001")
LOCKED = bytes.fromhex("6982")
PASS_APPLICATION = bytes.fromhex("F0534D504C41434501")


def tlv(tag: str, value: bytes) -> bytes:
    """A data object of BER-TLV (ISO/IEC 7816-4), up to 255 bytes."""
    length = bytes([len(value)]) if len(value) < 0x80 else bytes([0x81, len(value)])
    return bytes.fromhex(tag) + length + value


class CommandCard(Type4Tag):
    """A card of ISO/IEC 14443-4 that keeps what it was asked and knows none of it."""

    def __init__(self, uid: bytes) -> None:
        self.asked: list[bytes] = []
        super().__init__(uid)

    def message(self) -> bytes:
        return b""

    def activate(self) -> None:
        super().activate()
        self._chosen = b""

    def apdu(self, command: bytes) -> bytes:
        self.asked.append(command)
        if command[:4] == b"\x00\xa4\x04\x00" and len(command) > 5:
            name = command[5 : 5 + command[4]]
            response = self.select(name)
            self._chosen = name if response[-2:] == OK else b""
            return response
        return self.other(command)

    def select(self, name: bytes) -> bytes:
        """The answer to a SELECT by name."""
        return NOT_FOUND

    def other(self, command: bytes) -> bytes:
        """The answer to any other command."""
        return WRONG_INSTRUCTION


class BankCard(CommandCard):
    """A payment card: whoever asks for it gets its number, in a record, with GET DATA, and after GPO."""

    def select(self, name: bytes) -> bytes:
        match name:
            case _ if name == PPSE:
                entry = tlv("61", tlv("4F", SCHEME) + tlv("50", b"VISA CREDIT") + tlv("87", b"\x01"))
                return tlv("6F", tlv("84", PPSE) + tlv("A5", tlv("BF0C", entry))) + OK
            case _ if name == SCHEME:
                asks = tlv("9F38", bytes.fromhex("9F66049F02069F37045F2A02"))
                return tlv("6F", tlv("84", SCHEME) + tlv("A5", tlv("50", b"VISA CREDIT") + asks)) + OK
            case _:
                return NOT_FOUND

    def other(self, command: bytes) -> bytes:
        if self._chosen != SCHEME:
            return WRONG_INSTRUCTION
        match command[:2]:
            case b"\x80\xa8":
                return tlv("77", tlv("82", b"\x00\x40") + tlv("57", TRACK_2)) + OK
            case b"\x00\xb2":
                return tlv("70", tlv("5A", PAN) + tlv("57", TRACK_2)) + OK
            case b"\x80\xca":
                return tlv("5A", PAN) + OK
        return WRONG_INSTRUCTION


class IdentityCard(CommandCard):
    """A passport or identity card. `hidden`: its applications show only after PACE, EF.CardAccess is all that anyone
    finds (ICAO Doc 9303 part 11); else one is found and nothing in it may be read."""

    def __init__(self, uid: bytes, *, hidden: bool = False) -> None:
        self._hidden = hidden
        super().__init__(uid)

    def select(self, name: bytes) -> bytes:
        return OK if name == EMRTD and not self._hidden else NOT_FOUND

    def other(self, command: bytes) -> bytes:
        if command == bytes.fromhex("00A4020C02011C"):
            return OK if self._hidden else NOT_FOUND
        return LOCKED if command[1] == 0xB0 else NOT_FOUND


class Phone(CommandCard):
    """A phone that emulates cards. With `text` its application hands over that pass; `pays` answers like a bank card's
    directory. Its UID is drawn anew at each activation (ISO/IEC 14443-3, 6.5.4)."""

    def __init__(
        self, text: bytes = b"", *, pays: bool = False, random: Callable[[int], bytes] = os.urandom, most: int = 250
    ) -> None:
        self._text, self._wallet, self._random, self._most = text, BankCard(bytes(4)) if pays else None, random, most
        super().__init__(b"\x08" + random(3))

    def activate(self) -> None:
        super().activate()
        self.uid = b"\x08" + self._random(3)

    def select(self, name: bytes) -> bytes:
        if name == PASS_APPLICATION and self._text:
            return len(self._text).to_bytes(2, "big") + OK
        return self._wallet.select(name) if self._wallet is not None else NOT_FOUND

    def other(self, command: bytes) -> bytes:
        if self._chosen == PASS_APPLICATION and command[:2] == b"\x00\xb0" and len(command) == 5:
            at, want = int.from_bytes(command[2:4], "big"), command[4] or 256
            part = self._text[at : at + min(want, self._most)]
            if at + len(part) == len(self._text):
                self._read_whole()
            return part + OK
        return WRONG_INSTRUCTION

"""A holder's own counter on the card: a value file, and beside it a file with the names of its last debits. Both are
read and changed under the session of an authentication.

Commands: 6C GetValue, BD ReadData, DC Debit, 3D WriteData, C7 CommitTransaction, of two files (value, backup data)
whose communication is MACed: a debit and a write carry the first 8 bytes of a CMAC, and so does every answer, over its
data and status. Neither has an effect until it is committed, both together or none, and a card that leaves before that
has forgotten them: so a tap that is torn has happened or not, and the one moment in which we cannot know has a name,
`Stage.IN_DOUBT`. The names on the card end that doubt at the next tap, wherever the card has been meanwhile.
"""

from __future__ import annotations

import hmac
from enum import StrEnum

import msgspec

from drivers.contract.desfire import NAME_BYTES, NAMES, VALUE_MOST
from drivers.desfire.authenticate import OK, command
from drivers.desfire.keys import Session
from drivers.desfire.outcome import Held, Transmit

MAC = 8
BYTES = NAME_BYTES * NAMES
_WHOLE = bytes(3) + BYTES.to_bytes(3, "little")
"""Offset and length, of all names."""
_STATUS_OK = b"\0"


class Files(msgspec.Struct, frozen=True):
    """Numbers of the counter's files in the application."""

    value: int
    names: int


class Stage(StrEnum):
    """How far a debit has come. It only goes on, so that whoever catches the reader's error knows where the card is."""

    NOTHING = "nothing"
    """The card holds what it held."""
    ASKED = "asked"
    """The same: it was told what to do, and it forgets that when it leaves."""
    IN_DOUBT = "in_doubt"
    """It was told to commit, and its answer was not heard. The names tell at the next tap."""
    DONE = "done"
    """It has said under the session's key that it has committed."""


def held(transmit: Transmit, session: Session, files: Files) -> Held | None:
    """What the counter holds. None when there is none, it is below zero, or what answers does not know the session's
    key."""
    value = _ask(transmit, session, bytes([0x6C, files.value]), 4)
    if value is None or (number := int.from_bytes(value, "little", signed=True)) < 0:
        return None
    names = _ask(transmit, session, bytes([0xBD, files.names]) + _WHOLE, BYTES)
    return None if names is None else Held(number, names)


def is_named(names: bytes, name: bytes) -> bool:
    """Whether the debit with this name is among them."""
    return name in (names[at : at + NAME_BYTES] for at in range(0, len(names), NAME_BYTES))


class Taking:
    """Takes an amount off the counter, once. Raises nothing of its own; what the reader raises goes through."""

    def __init__(self, files: Files, amount: int, name: bytes, before: Held) -> None:
        if not 0 < amount <= VALUE_MOST or len(name) != NAME_BYTES:
            raise ValueError("an amount is 1 or more, and a name has its length")
        self._debit = bytes([0xDC, files.value]) + amount.to_bytes(4, "little")
        self._write = bytes([0x3D, files.names]) + _WHOLE + (name + before.names)[:BYTES]
        self.stage = Stage.NOTHING

    def run(self, transmit: Transmit, session: Session) -> Stage:
        """Debit, write the name, commit both. A card that has too little refuses the first step: `NOTHING`."""
        if self.stage is not Stage.NOTHING:
            raise ValueError("a debit runs once")
        self.stage = Stage.ASKED
        for asked in (self._debit, self._write):
            said = transmit(command(asked[0], asked[1:] + session.mac(asked)[:MAC]))
            if _heard(session, said, 0) is None:
                self.stage = Stage.NOTHING
                return self.stage
        session.mac(b"\xc7")
        self.stage = Stage.IN_DOUBT
        # A refusal carries no MAC, so anybody between us may have said it: it leaves the doubt as well.
        if _heard(session, transmit(command(0xC7)), 0) is not None:
            self.stage = Stage.DONE
        return self.stage


def _ask(transmit: Transmit, session: Session, asked: bytes, size: int) -> bytes | None:
    session.mac(asked)
    return _heard(session, transmit(command(asked[0], asked[1:])), size)


def _heard(session: Session, response: bytes, size: int) -> bytes | None:
    """The data of a good answer whose MAC holds."""
    data, mac = response[:-2][:size], response[:-2][size:]
    if response[-2:] != OK or len(data) != size or len(mac) != MAC:
        return None
    return data if hmac.compare_digest(session.mac(data + _STATUS_OK)[:MAC], mac) else None

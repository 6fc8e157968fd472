"""A holder's own counter on the card: a value file, read and debited under the session of an authentication.

Commands: 6C GetValue, DC Debit, C7 CommitTransaction, of a file whose communication is MACed: a debit carries the first
8 bytes of a CMAC, and so does every answer, over its data and status. A debit has no effect until it is committed, and
a card that leaves before that has forgotten it: so a tap that is torn has either happened or not, and the one moment
in which we cannot know has a name, `Stage.IN_DOUBT`.

No driver and no station uses this yet: docs/decisions/0035-quota-on-the-card.md says how they would.
"""

from __future__ import annotations

import hmac
from enum import StrEnum

from drivers.desfire.authenticate import OK, command
from drivers.desfire.keys import Session
from drivers.desfire.outcome import Transmit

MAC = 8
MOST = 0x7FFFFFFF
"""A value is a signed number of 32 bits; here never below zero."""
_STATUS_OK = b"\0"


class Stage(StrEnum):
    """How far a debit has come. It only goes on, so that whoever catches the reader's error knows where the card is."""

    NOTHING = "nothing"
    """The card holds what it held."""
    ASKED = "asked"
    """The same: it was told the amount, and it forgets that when it leaves."""
    IN_DOUBT = "in_doubt"
    """It was told to commit, and its answer was not heard. The value tells at the next tap: `settled`."""
    DONE = "done"
    """It has said under the session's key that it has committed."""


def read_value(transmit: Transmit, session: Session, file: int) -> int | None:
    """What the counter holds. None when there is no such file, or what answers does not know the session's key."""
    asked = bytes([0x6C, file])
    session.mac(asked)
    data = _heard(session, transmit(command(asked[0], asked[1:])), 4)
    return None if data is None else int.from_bytes(data, "little", signed=True)


class Debit:
    """Takes an amount off the counter, once. Raises nothing of its own; what the reader raises goes through."""

    def __init__(self, file: int, amount: int) -> None:
        if not 0 < amount <= MOST:
            raise ValueError("an amount is 1 or more")
        self._asked = bytes([0xDC, file]) + amount.to_bytes(4, "little")
        self.stage = Stage.NOTHING

    def run(self, transmit: Transmit, session: Session) -> Stage:
        """Debit and commit. A card that has too little refuses the first step: `NOTHING`."""
        if self.stage is not Stage.NOTHING:
            raise ValueError("a debit runs once")
        self.stage = Stage.ASKED
        asked = command(self._asked[0], self._asked[1:] + session.mac(self._asked)[:MAC])
        if _heard(session, transmit(asked), 0) is None:
            self.stage = Stage.NOTHING
            return self.stage
        session.mac(b"\xc7")
        self.stage = Stage.IN_DOUBT
        # A refusal carries no MAC, so anybody between us may have said it: it leaves the doubt as well.
        if _heard(session, transmit(command(0xC7)), 0) is not None:
            self.stage = Stage.DONE
        return self.stage


def settled(before: int, amount: int, now: int) -> bool | None:
    """Whether a debit in doubt had happened, by what the same card holds at its next tap. None when neither fits: it
    was debited or topped up elsewhere meanwhile, and a person has to look."""
    return {before - amount: True, before: False}.get(now)


def _heard(session: Session, response: bytes, size: int) -> bytes | None:
    """The data of a good answer whose MAC holds."""
    data, mac = response[:-2][:size], response[:-2][size:]
    if response[-2:] != OK or len(data) != size or len(mac) != MAC:
        return None
    return data if hmac.compare_digest(session.mac(data + _STATUS_OK)[:MAC], mac) else None

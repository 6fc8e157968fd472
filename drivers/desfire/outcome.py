"""How asking a card for its proof can end. Apart from the asking: a driver without keys brings no cryptography."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from drivers.contract.core import Problem

Transmit = Callable[[bytes], bytes]
"""A card behind its reader: a command APDU in, a response APDU out. Raises what the reader has for a card that left."""


class Why(StrEnum):
    """Why a card that has the application did not prove itself, for the log."""

    KEY_VERSION = "its key has a version that is not in the key file"
    REFUSED = "it does not accept the key"
    WRONG_ANSWER = "it does not know the key"
    OTHER_UID = "it is not the card whose UID it shows"


class Held(msgspec.Struct, frozen=True):
    """What a counter on the card says: its value, and the names of its last debits, the newest first."""

    value: int
    names: bytes


class Proved(msgspec.Struct, frozen=True):
    """Genuine. `held`: its counter, where it has one that is asked for. `repr` hides the UID."""

    uid: bytes
    key_version: int
    held: Held | None = None

    def __repr__(self) -> str:
        return f"Proved(key_version={self.key_version})"


class Failed(msgspec.Struct, frozen=True):
    """Has the application and did not prove itself."""

    why: Why


Outcome = Proved | Failed | None
"""None: the card does not have the application, it is none of the city's."""
Ask = Callable[[Transmit, bytes], Outcome]
"""Asks the card with this UID."""


def no_counter(quota: str) -> Problem:
    """A call about a counter that the reader was told nothing of."""
    cause = f"this reader knows no counter of quota {quota!r}"
    return Problem("no_counter", cause, "Name the quota and its files under `desfire.counter` in the reader's options")

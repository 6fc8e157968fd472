"""A holder's own counter on their card: what it says, and what became of taking units off it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

NAME_BYTES = 8
"""Of a debit's name. The card keeps the newest ones."""


class CardCounter(msgspec.Struct, frozen=True):
    """What the card has said with its proof: units of this quota, and the names of its last debits, the newest
    first."""

    quota: str
    value: int
    names: bytes

    def has(self, name: bytes) -> bool:
        """Whether the debit of this name is among the last ones."""
        return name in (self.names[at : at + NAME_BYTES] for at in range(0, len(self.names), NAME_BYTES))


class DebitEnd(StrEnum):
    """How a debit has ended."""

    DONE = "done"
    NOTHING = "nothing"
    """Nothing was taken: the card had left, was another one, or had too little."""
    IN_DOUBT = "in_doubt"
    """The card left before it had confirmed it, or the reader did not answer. Its names tell at its next tap."""


class CardDebited(msgspec.Struct, frozen=True):
    """`value`: what the card holds now, where it has said so; else -1."""

    end: DebitEnd
    value: int = -1


class CardDebit(msgspec.Struct, frozen=True, omit_defaults=True):
    """In an entry: what it took of the quota that this card holds. `units` were taken off the card, under this name (in
    hex), and `left` are on it now; `credited` units were owed to it here: debited before, and not given."""

    quota: str
    units: int
    left: int
    credited: int = 0
    name: str = ""

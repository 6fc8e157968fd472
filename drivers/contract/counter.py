"""What a reader does with the counter on the card that lies at it: takes units off it, once for each name.

The card goes whenever it likes. So each debit has a name that nothing else ever has, which the card stores in the same
transaction as its new value: whoever reads the card afterwards knows whether it happened.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from drivers.contract.desfire import NAME_BYTES, VALUE_MOST, QuotaKey

Uid = Annotated[bytes, msgspec.Meta(min_length=4, max_length=10)]
Units = Annotated[int, msgspec.Meta(ge=1, le=VALUE_MOST)]
Name = Annotated[bytes, msgspec.Meta(min_length=NAME_BYTES, max_length=NAME_BYTES)]


class Debit(msgspec.Struct, frozen=True, tag="debit", tag_field="call"):
    """Take so many units off the counter of the card that lies there. It has to prove itself again, and to be the one
    with this UID (that of its proof). Answered by `Debited`. Asked again with a name that the card has already, it is
    done, and nothing is taken. The driver never asks the card a second time by itself. `repr` hides the UID."""

    uid: Uid
    quota: QuotaKey
    units: Units
    name: Name

    def __repr__(self) -> str:
        return f"Debit({self.units} of {self.quota!r}, name={self.name.hex()})"


class DebitEnd(StrEnum):
    """How it ended."""

    DONE = "done"
    """The card has said under the session's key that it holds the new value and the name."""
    NOTHING = "nothing"
    """The card holds what it held: it has left, is another one, or has no such counter."""
    TOO_LITTLE = "too_little"
    """The same: it has fewer units."""
    IN_DOUBT = "in_doubt"
    """It was told to commit and left before its answer was heard. Its names tell, when it is there again."""


class Debited(msgspec.Struct, frozen=True, tag="debited", tag_field="result", omit_defaults=True):
    """`value`: what the counter holds now; -1 where nobody knows."""

    end: DebitEnd
    value: int = -1


CounterCall = Debit
CounterResult = Debited

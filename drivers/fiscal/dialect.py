"""The port between the course of a receipt and the families' own commands. Pure.

A dialect turns an operation into one command and an answer into a `Said`. It holds tables and parsers, no flow: what
happens after what is decided by the course alone, the same for all families.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.fiscal.families import Family
from drivers.fiscal.frames import Answer, Framing
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import Said


class Clerk(msgspec.Struct, frozen=True):
    """Who prints, as a dialect has to tell the device. Never shown: it holds the password."""

    operator: str
    password: str
    till: str

    def __repr__(self) -> str:
        return f"Clerk(operator={self.operator!r}, till={self.till!r})"


class Dialect(Protocol):
    """How one family is spoken to."""

    family: Family
    framing: Framing
    reads_day: int
    """How many `ReadDay` parts make a `Day`; their values are merged field by field."""
    tells_paid: bool
    """`Transaction.paid_cents` is told; None where an older device refuses the part that tells it."""

    def request(self, operation: Operation) -> tuple[int, bytes]:
        """Command and DATA. Raises `ValueError` for what the family cannot do: the plan has refused it before."""
        ...

    def said(self, operation: Operation, answer: Answer) -> Said:
        """Raises `DataError`; never for an answer that refuses."""
        ...

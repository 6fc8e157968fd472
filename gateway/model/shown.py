"""What a station shows and tells: to its page, to `smartplace taps`, to whoever follows the event stream.

Only what is already durable is shown as accepted; `entry` names the entry that it rests on. No clear card id,
no holder, no entitlement: a page stands in view of a queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.model.decision import Balance, QuotaUnit
from gateway.model.money import Cents


class Show(StrEnum):
    IDLE = "idle"
    READING = "reading"
    """Something is being looked at; nothing is decided yet."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OPEN = "open"
    PASSED = "passed"
    VOID = "void"
    LEAVING = "leaving"
    """A reader on the way out has let somebody out."""
    FREE = "free"
    """The fire alarm has freed the gate: everybody may pass."""
    QUOTE = "quote"
    TWO_TAPS = "two_taps"
    """Two persons have presented a card: the cashier says whose purchase it is, by their `marks`."""
    RECORDED = "recorded"
    REFUNDED = "refunded"
    """`due_cents` were given back, on record."""
    PRINTED = "printed"
    REGISTER = "register"
    """A card that nobody knows and its holder's proof were presented: staff are asked to confirm."""
    REQUESTED = "requested"
    """What staff confirmed is recorded and on its way to the centre."""
    ATTENTION = "attention"
    """A person must look: unknown outcome, missing device."""


class ShownLeft(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is left of a benefit, without its name: of `limit` (0: no limit is known), until the day `until` (empty: no
    end). Uses, pieces, or cents."""

    left: int
    limit: int = 0
    unit: QuotaUnit = QuotaUnit.UNITS
    until: str = ""


def shown_left(balances: Sequence[Balance]) -> tuple[ShownLeft, ...]:
    """What a page shows of balances."""
    return tuple(ShownLeft(one.left, one.limit, one.unit, one.until) for one in balances)


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a station. `number` counts up from the daemon's start; `reason` is a closed code that the
    page translates; `mark` is the first 6 hex digits of the credential's digest, for telling taps apart."""

    number: int
    station: str
    at_ms: int
    show: Show
    reason: str = ""
    mark: str = ""
    kind: str = ""
    strength: str = ""
    list_cents: Cents | None = None
    due_cents: Cents | None = None
    entry: str = ""
    advice: str = ""
    language: str = ""
    left: tuple[ShownLeft, ...] = ()
    persons: int = 0
    """For how many a gate is open, where it is for more than one; `passed` of them have."""
    passed: int = 0
    marks: tuple[str, ...] = ()

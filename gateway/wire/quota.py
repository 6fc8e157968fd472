"""Quotas between a gateway and the authority in the centre: what is asked, leased, used, given back (docs/quotas.md).

Every message may be lost, repeated, late or out of order: it carries its own id and totals that only rise, never a
step. JSON, decoded strictly: an unknown message or field refuses the whole group.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire.contents import Code, Ms

MAX_UNITS = 2**53
"""Units beyond are a mistake; every store and every JSON reader holds these exactly."""
MAX_BYTES = 128 * 1024
"""Of one message of the broker."""
MAX_GROUP = 64
"""Messages that travel together."""
MAX_HANDED = 5000
"""Leases in one hand-over."""

Units = Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)]
Some = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Life = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Subject = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
"""A holder's id; empty for everybody together. A control character is nobody's, and PostgreSQL keeps no zero."""
PeriodName = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.-]{1,32}$(?!\n)")]
"""As the rules name it: `2026-11-26`, `2026-W48`, `2026-11`, `2026`, `ever`, `2026-06-01..2026-10-31`."""
Nonce = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,64}$(?!\n)")]
EntryName = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,64}/[a-z]{1,16}/[0-9]{1,10}$(?!\n)")]
"""Epoch, stream and number of the entry that used a quota."""
KeyHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
SignatureHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}$(?!\n)")]
Gateway = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,32}$(?!\n)")]


class Key(NamedTuple):
    """A cell as a key of tables: quota key, period, subject."""

    key: str
    period: str
    subject: str


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is counted together: a quota of the rules, in a period, of a holder or (empty `subject`) of everybody."""

    key: Code
    period: PeriodName
    subject: Subject = ""

    @property
    def by(self) -> Key:
        return Key(self.key, self.period, self.subject)


class LeaseId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a request and of the lease that it becomes: `number` counts up in one life (`incarnation`) of a gateway."""

    incarnation: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    number: Number


class Want(StrEnum):
    """Why a gateway asks."""

    NEED = "need"
    """Somebody stands there."""
    WARM = "warm"
    """Somebody comes here often."""


class Denial(StrEnum):
    """Why nothing is leased."""

    NOTHING_LEFT = "nothing_left"
    ELSEWHERE = "elsewhere"
    """The rest is leased to other gateways, which have been asked for it."""
    NO_QUOTA = "no_quota"
    """The rules in force for this gateway do not name it."""
    NOT_NOW = "not_now"
    """This period is not the present one."""
    TOO_MANY = "too_many"
    """This gateway has too many leases."""


class _Message(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="say", tag=str.lower
):
    """`say` names the message."""


# Up --------------------------------------------------------------------------------------------------------


class Hello(_Message, frozen=True):
    """Which life of this gateway is this? `nonce` was drawn when it began; the same always gets the same answer.
    `closings`: leases that this life has ever closed; it only rises."""

    nonce: Nonce
    closings: Life = 0


class Request(_Message, frozen=True):
    """At least `want` units, please. The same id always gets the same answer. `floor`: no request below this number is
    waited for any more."""

    lease: LeaseId
    cell: Cell
    want: Some = 1
    why: Want = Want.NEED
    floor: Number = 1


class Report(_Message, frozen=True):
    """Running totals of a lease: units used, and of these given back. `last`: the entry that used it last."""

    lease: LeaseId
    used: Units
    returned: Units = 0
    last: EntryName | None = None


class Close(_Message, frozen=True):
    """The final totals of a lease, of which nothing can be used any more. What was not used is free again, once."""

    lease: LeaseId
    used: Units
    returned: Units = 0
    last: EntryName | None = None


class Void(_Message, frozen=True):
    """Of what this entry used of a lease that is closed, `units` (a running total) are given back."""

    lease: LeaseId
    entry: EntryName
    units: Some


class Beyond(_Message, frozen=True):
    """What a life of a gateway gave in a cell that no lease covered, as running totals: on trust (`grace`), and by
    quotes that were committed late (`over`); and how much of each was given back."""

    incarnation: Life
    cell: Cell
    grace: Units = 0
    over: Units = 0
    grace_back: Units = 0
    over_back: Units = 0


class HandOver(_Message, frozen=True):
    """The last word of a life that is over: final totals of all its leases, signed with the gateway's own key
    (`hand_over_bytes`), to be sent by the box that takes its place."""

    incarnation: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    closed: Annotated[tuple[tuple[Number, Units, Units], ...], msgspec.Meta(max_length=MAX_HANDED)]
    """Number, used, returned."""
    key: KeyHex
    signature: SignatureHex


Said = Hello | Request | Report | Close | Void | Beyond | HandOver


class QuotaSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What travels on a gateway's `quota` topic."""

    gateway: Gateway
    said: Annotated[tuple[Said, ...], msgspec.Meta(min_length=1, max_length=MAX_GROUP)]


# Down ------------------------------------------------------------------------------------------------------


class Fence(_Message, frozen=True):
    """`incarnation` is the present life of this gateway, that of this `nonce`; every earlier one is over, and its
    leases count as used up until their period ends. `closings`: the greatest that this life has said; a gateway that
    knows of fewer runs on an older copy of its card."""

    incarnation: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    nonce: Nonce | None = None
    closings: Life = 0


class Grant(_Message, frozen=True):
    """`units` may be used until `stop_ms` (0: no end). `base`: units of the cell that were granted before these, so
    that each use has a number of its own. `elsewhere`: the cell has more than this."""

    lease: LeaseId
    cell: Cell
    units: Some
    base: Units = 0
    stop_ms: Ms = 0
    elsewhere: bool = False


class Denied(_Message, frozen=True):
    """Nothing is leased for this request."""

    lease: LeaseId
    cell: Cell
    why: Denial


class Known(_Message, frozen=True):
    """The totals of a lease that the authority knows: the greatest that were ever reported."""

    lease: LeaseId
    used: Units
    returned: Units = 0


class Recall(_Message, frozen=True):
    """Please close this lease. Nothing is free before it is closed."""

    lease: LeaseId


class Closed(_Message, frozen=True):
    """This lease is closed for good."""

    lease: LeaseId


class Credited(_Message, frozen=True):
    """So much of a `void` is known, whatever of it could be credited."""

    lease: LeaseId
    entry: EntryName
    units: Units


class Counted(_Message, frozen=True):
    """So much of a `beyond` is known."""

    incarnation: Life
    cell: Cell
    grace: Units = 0
    over: Units = 0
    grace_back: Units = 0
    over_back: Units = 0


class HandedOver(_Message, frozen=True):
    """The hand-over of this life has been taken, or refused for good."""

    incarnation: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


Told = Fence | Grant | Denied | Known | Recall | Closed | Credited | Counted | HandedOver


class QuotaTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What travels on a gateway's `lease` topic."""

    gateway: Gateway
    told: Annotated[tuple[Told, ...], msgspec.Meta(min_length=1, max_length=MAX_GROUP)]


T = TypeVar("T", QuotaSaid, QuotaTold)

_said = msgspec.json.Decoder(QuotaSaid)
_told = msgspec.json.Decoder(QuotaTold)


def decode_said(payload: bytes, gateway: str) -> QuotaSaid:
    """What this gateway says. Raises `InputRefused`, also for another's message on its topic."""
    return _decode(payload, gateway, _said)


def decode_told(payload: bytes, gateway: str) -> QuotaTold:
    """What this gateway is told. Raises `InputRefused`, also for what is another's."""
    return _decode(payload, gateway, _told)


def _decode(payload: bytes, gateway: str, decoder: msgspec.json.Decoder[T]) -> T:
    if len(payload) > MAX_BYTES:
        raise InputRefused(f"{len(payload)} bytes of quota messages", where=gateway)
    try:
        group = decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"no quota messages: {error}", where=gateway) from error
    if group.gateway != gateway:
        raise InputRefused("quota messages of another gateway", where=gateway)
    return group


def hand_over_bytes(gateway: str, incarnation: int, closed: Iterable[tuple[int, int, int]]) -> bytes:
    """What the signature of a hand-over is over: text lines, UTF-8, each ended by a line feed; leases by number."""
    lines = ["smartplace-hand-over 1", gateway, str(incarnation)]
    lines += [f"{number} {used} {returned}" for number, used, returned in sorted(closed)]
    return "".join(f"{line}\n" for line in lines).encode()

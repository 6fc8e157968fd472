"""What people and checkers are shown of the store."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryKind, Stream
from gateway.wire.commands import Command


class GatewayRow(msgspec.Struct, frozen=True):
    """One gateway as it last said. `state` is its last birth (JSON); times in ms since 1970, centre's clock."""

    gateway: str
    online: bool
    session: str
    epoch: str
    born_ms: int | None
    changed_ms: int
    state: msgspec.Raw


class EntryRow(msgspec.Struct, frozen=True):
    """One stored entry. `arrival` counts up in the order of storing; `body` is None when it was forgotten. `wall_ms` is
    what the gateway's clock claimed; `utc_ms` when it happened (`gateway.centre.dates`), None when nobody can know."""

    arrival: int
    gateway: str
    epoch: str
    stream: Stream
    seq: int
    kind: EntryKind
    wall_ms: int
    received_ms: int
    digest: bytes
    body: msgspec.Raw | None
    mono_ns: int = 0
    boot: str = ""
    quality: ClockQuality = ClockQuality.GUESS
    utc_ms: int | None = None

    @property
    def at(self) -> Stamp:
        """What the gateway's clocks said."""
        return Stamp(self.wall_ms, self.mono_ns, self.boot, self.quality)


class Found(msgspec.Struct, frozen=True):
    """What a search by time has found. `undated`: how many it left out, as far as it looked, because nobody can know
    when they happened."""

    rows: list[EntryRow]
    undated: int


class GapRow(msgspec.Struct, frozen=True):
    """Numbers that are known to exist and are not here."""

    gateway: str
    epoch: str
    stream: Stream
    first: int
    last: int


class AlarmRow(msgspec.Struct, frozen=True):
    """Something that a person should look at."""

    gateway: str
    what: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


class RefusedRow(msgspec.Struct, frozen=True):
    """A number that will never be stored, and why."""

    gateway: str
    epoch: str
    stream: Stream
    seq: int
    reason: str
    count: int


class Became(StrEnum):
    """What became of a command, as far as the centre knows."""

    WAITING = "waiting"
    """Not sent yet: a worker does it with its next beat, or at the gateway's next birth."""
    SENT = "sent"
    """Not answered yet; sent again at each birth of the gateway."""
    LAPSED = "lapsed"
    """Not answered by its expiry, and not sent any more. One that was sent may have been done, and its answer still
    counts."""
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    """The gateway says that it came too late; it was not done."""


class CommandRow(msgspec.Struct, frozen=True):
    """A command and what became of it. `outcome` is None as long as the gateway has not answered; `sent_ms` as long
    as it was not sent."""

    command: Command
    created_ms: int
    sent_ms: int | None
    outcome: str | None
    detail: str | None
    answered_ms: int | None

    def became(self, now_ms: int) -> Became:
        """What became of it, at this time of the centre's wall clock."""
        if self.outcome is not None:
            return Became(self.outcome)
        if 0 < self.command.expires_ms <= now_ms:
            return Became.LAPSED
        return Became.WAITING if self.sent_ms is None else Became.SENT


class LeaseRow(msgspec.Struct, frozen=True):
    """Which worker takes in a shard; an empty one: nobody."""

    shard: int
    worker: str
    fence: int


class Counts(msgspec.Struct, frozen=True):
    """The store in figures. `entries`: per gateway, stream and kind (`gw-1/receipt/admission`)."""

    entries: dict[str, int]
    gaps: int
    conflicts: int
    refused: int
    alarms: int
    online: int
    bundles: dict[str, int]

"""One transaction of taking entries in: each is stored once, and every strand it touches gets its ack.

The whole group is looked up at once, decided upon in memory, and written at once (`gateway.centre.ground`).
"""

from __future__ import annotations

from collections import Counter

import msgspec
from sqlalchemy import Connection

from gateway.centre import people_requests
from gateway.centre.commands import new_epoch
from gateway.centre.ground import Ground, Strand
from gateway.centre.parcel import Parcel, Refusal
from gateway.model import chain
from gateway.model.bodies import DroppedBody
from gateway.model.entry import Entry, EntryKind, Stream
from gateway.wire.commands import Command
from gateway.wire.envelope import Hex
from gateway.wire.messages import Ack

MAX_MISSING = 64
"""Ranges that one ack asks for again; the next ones follow when these are there."""
MAX_REFUSED = 256
"""Refused numbers that one ack names, the newest ones. They ride with every ack: one may be lost."""
DROPPABLE = frozenset((Stream.IDENTIFICATION, Stream.TELEMETRY))
"""What a gateway may let go when its card is full or it is too old."""
LOST = frozenset(("damaged", "missing"))
"""Reasons that are no choice: a card loses entries of whichever stream. That is an alarm each time."""


class Taken(msgspec.Struct, frozen=True):
    """What became of a group of entries. `acks`: per gateway, one word per strand that was touched.
    `deferred` entries were not stored and are not acked: their strand has too many gaps to close first, or their
    gateway too many epochs. `commands` are to be sent: a gateway with conflicts needs a new epoch."""

    stored: int
    duplicates: int
    conflicts: int
    refused: int
    deferred: int
    acks: dict[str, list[Ack]]
    commands: list[Command]


class Intaking:
    """Lives as long as one transaction on `db`, which the caller begins and commits."""

    def __init__(self, db: Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms
        self._ground = Ground(db, now_ms)
        self._counted: Counter[str] = Counter()
        self._commands: dict[str, Command] = {}

    def run(self, parcels: list[Parcel]) -> Taken:
        """Take all of it. The caller commits; without the commit nothing has happened."""
        ground = self._ground
        ground.look_up(
            [entry.header.id for parcel in parcels for entry in parcel.entries]
            + [refusal.id for parcel in parcels for refusal in parcel.refusals]
        )
        for parcel in parcels:
            for entry in parcel.entries:
                self._take(entry)
            for refusal in parcel.refusals:
                self._refuse(refusal)
            if parcel.poison:
                ground.alarm(parcel.gateway, "poison", parcel.poison)
        fresh = ground.write(list(self._commands.values()))
        counted = self._counted
        return Taken(
            counted["stored"],
            counted["duplicates"],
            counted["conflicts"],
            counted["refused"],
            counted["deferred"],
            self._acks(),
            fresh,
        )

    def _take(self, entry: Entry) -> None:
        """Store it when its key is new; a duplicate changes nothing; another digest under the key is kept as a
        conflict, with an alarm and the order for a new epoch."""
        entry_id = entry.header.id
        strand = self._open(entry_id.gateway, entry_id.epoch, entry_id.stream)
        if strand is None:
            return
        settled = strand.tail.settled(entry_id.seq)
        known = strand.digest(entry_id.seq) if settled else None
        if known == entry.digest:
            self._counted["duplicates"] += 1
        elif known is not None:
            self._counted["conflicts"] += 1
            self._ground.keep_conflict(entry)
            command = new_epoch(entry_id.gateway, entry_id.epoch, f"conflict at {entry_id}")
            self._commands[command.id] = command
        elif settled:  # was refused or dropped, and here it is after all
            self._ground.take_back(strand, entry_id.seq)
            self._store(strand, entry)
        elif strand.tail.settle(entry_id.seq, entry_id.seq):
            self._store(strand, entry)
        else:
            self._counted["deferred"] += 1

    def _refuse(self, refusal: Refusal) -> None:
        """Record that this number will never be stored, unless it is stored already."""
        entry_id = refusal.id
        strand = self._open(entry_id.gateway, entry_id.epoch, entry_id.stream)
        if strand is None:
            return
        settled = strand.tail.settled(entry_id.seq)
        if settled and strand.digest(entry_id.seq) is not None:
            self._ground.alarm(entry_id.gateway, "poison after storing", str(entry_id))
        elif settled or strand.tail.settle(entry_id.seq, entry_id.seq):
            self._counted["refused"] += 1
            self._ground.refuse(strand, entry_id.seq, refusal.reason)
        else:
            self._counted["deferred"] += 1

    def _store(self, strand: Strand, entry: Entry) -> None:
        entry_id = entry.header.id
        if not _joins(strand, entry):
            self._ground.alarm(entry_id.gateway, "chain broken", str(entry_id))
        self._ground.store(strand, entry)
        self._counted["stored"] += 1
        if entry.header.kind is EntryKind.DROPPED and entry_id.stream is Stream.AUDIT:
            self._pass_over(entry)
        elif entry.header.kind is EntryKind.CARD_REQUEST and entry_id.stream is Stream.AUDIT and entry.body is not None:
            refused = people_requests.take(self._db, entry, self._now_ms)
            if refused is not None:
                self._ground.alarm(entry_id.gateway, "card request refused", f"{refused.word}: {refused.request}")

    def _pass_over(self, entry: Entry) -> None:
        """The gateway had to drop entries, or its card lost them, and it says so: their numbers are settled with this
        entry's own commit. They may be of an epoch before the entry's own."""
        own = entry.header.id
        try:
            dropped = msgspec.json.decode(entry.body or b"", type=DroppedBody)
            epoch = msgspec.convert(dropped.epoch or own.epoch, Hex)
            stream = Stream(dropped.stream)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            self._ground.alarm(own.gateway, "drop not understood", str(own))
            return
        lost = dropped.why in LOST
        # An open end may be all that is known: then `last` is the number before `first`.
        nothing = lost and dropped.open and dropped.last == dropped.first - 1
        sane = 1 <= dropped.first <= dropped.last + nothing and dropped.last < 2**31
        if not sane or not (lost or stream in DROPPABLE):
            self._ground.alarm(own.gateway, "drop not allowed", str(own))
            return
        strand = None if nothing else self._open(own.gateway, epoch, stream)
        before = None if strand is None else (strand.tail.highest, list(strand.tail.gaps))
        if not nothing and (strand is None or not strand.tail.settle(dropped.first, dropped.last)):
            self._ground.alarm(own.gateway, "drop not applied", str(own))
        # What a card lost after it had come here is not lost.
        if lost and (dropped.open or strand is None or before != (strand.tail.highest, strand.tail.gaps)):
            end = f"{dropped.last} or more" if dropped.open else str(dropped.last)
            what = "entries lost, perhaps" if nothing else "entries lost"
            self._ground.alarm(own.gateway, what, f"{epoch}/{stream} {dropped.first} to {end}")

    def _open(self, gateway: str, epoch: str, stream: Stream) -> Strand | None:
        """None: the gateway has too many epochs, its entry is deferred."""
        strand = self._ground.strand(gateway, epoch, stream)
        if strand is None:
            self._counted["deferred"] += 1
            self._ground.alarm(gateway, "too many epochs", epoch)
        return strand

    def _acks(self) -> dict[str, list[Ack]]:
        acks: dict[str, list[Ack]] = {}
        for strand in self._ground.strands:
            acks.setdefault(strand.gateway, []).append(ack_of(strand))
        return acks


def ack_of(strand: Strand) -> Ack:
    """The word on a strand as it stands."""
    refused = tuple(sorted(strand.refused)[-MAX_REFUSED:])
    return Ack(strand.stream, strand.epoch, strand.tail.through, tuple(strand.tail.gaps[:MAX_MISSING]), refused)


def _joins(strand: Strand, entry: Entry) -> bool:
    """Whether the neighbours that are stored are the ones that this entry was chained to."""
    entry_id = entry.header.id
    if entry_id.seq == 1:
        before: bytes | None = chain.genesis(entry_id.gateway, entry_id.epoch, entry_id.stream)
    else:
        before = strand.digest(entry_id.seq - 1)
    after = strand.previous(entry_id.seq + 1)
    return (before is None or before == entry.previous) and (after is None or after == entry.digest)

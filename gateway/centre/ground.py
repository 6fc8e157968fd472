"""What one transaction of taking in stands on: looked up for a whole group at once, changed in memory, written at once.

Everything that a single gateway can make the store keep, beside its entries, has a bound here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.centre import commands, shelf, tables
from gateway.centre.sql import delete_of, insert, insert_new, rows_of, upsert
from gateway.centre.tail import Tail
from gateway.model.entry import Entry, EntryId, Stream
from gateway.model.errors import LedgerError
from gateway.wire.commands import Command

MAX_ALARMS = 500
"""Kinds of alarms of one gateway; beyond, new ones only count as more of their sort."""
MAX_REFUSED_KEPT = 1_000
"""Refused numbers of one strand that are kept with their reason, the newest ones: the others were told long ago."""
MAX_STRANDS = 250
"""Strands of one gateway: 50 epochs."""
MAX_CONFLICTS = 1_000
"""Conflicts of one gateway that are kept with their content; the others are alarms only."""
MORE = "more of this sort"
_ARRIVAL = 0x5351
"""Of PostgreSQL's advisory lock: arrivals count up in the order of commits, so that no reader misses one."""

Key = tuple[str, str, str]


class Strand:
    """One stream of one epoch of one gateway, as this transaction sees it."""

    def __init__(self, gateway: str, epoch: str, stream: Stream, tail: Tail) -> None:
        self.gateway, self.epoch, self.stream = gateway, epoch, stream
        self.was_highest, self.was_gaps = tail.highest, set(tail.gaps)
        self.tail = tail
        self.refused: set[int] = set()
        """Numbers that are refused and kept with their reason."""
        self.known: dict[int, tuple[bytes, bytes]] = {}
        """Digest and previous of stored entries that this transaction may ask for."""

    @property
    def key(self) -> Key:
        return self.gateway, self.epoch, self.stream.value

    @property
    def row(self) -> dict[str, Any]:
        return {"gateway": self.gateway, "epoch": self.epoch, "stream": self.stream.value}

    def digest(self, seq: int) -> bytes | None:
        known = self.known.get(seq)
        return known[0] if known is not None else None

    def previous(self, seq: int) -> bytes | None:
        known = self.known.get(seq)
        return known[1] if known is not None else None


class Ground:
    """Lives as long as one transaction on `db`, which the caller begins and commits."""

    def __init__(self, db: Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms
        self._strands: dict[Key, Strand] = {}
        self._alarms: Counter[tuple[str, str, str]] = Counter()
        self._entries: list[dict[str, Any]] = []
        self._of_bundles: list[Entry] = []
        self._conflicts: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._taken_back: list[dict[str, Any]] = []
        self._refused: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._epochs: dict[str, int] = {}

    @property
    def strands(self) -> Iterable[Strand]:
        """All that were opened."""
        return self._strands.values()

    def look_up(self, ids: Sequence[EntryId]) -> None:
        """Read what deciding about these entries needs: their strands, they themselves and their neighbours."""
        self.open({(entry_id.gateway, entry_id.epoch, entry_id.stream.value) for entry_id in ids})
        wanted = set()
        for entry_id in ids:
            key = entry_id.gateway, entry_id.epoch, entry_id.stream.value
            strand = self._strands.get(key)
            if strand is not None and entry_id.seq <= strand.tail.highest + 1:
                wanted |= {
                    (*key, seq)
                    for seq in (entry_id.seq - 1, entry_id.seq, entry_id.seq + 1)
                    if seq and strand.tail.settled(seq)
                }
        table = tables.entries
        asked = select(table.c.gateway, table.c.epoch, table.c.stream, table.c.seq, table.c.digest, table.c.previous)
        for gateway, epoch, stream, seq, digest, previous in rows_of(self._db, asked, table, sorted(wanted)):
            self._strands[gateway, epoch, stream].known[seq] = digest, previous

    def strand(self, gateway: str, epoch: str, stream: Stream) -> Strand | None:
        """Open a strand; an unknown one is empty. None: this gateway has too many."""
        key = gateway, epoch, stream.value
        if key not in self._strands:
            self.open({key})
        return self._strands.get(key)

    # Changes ---------------------------------------------------------------------------------------------

    def alarm(self, gateway: str, what: str, detail: str) -> None:
        """Something that a person should look at; the same again only counts."""
        self._alarms[gateway, what, plain(detail)] += 1

    def store(self, strand: Strand, entry: Entry) -> None:
        strand.known[entry.header.id.seq] = entry.digest, entry.previous
        self._entries.append(_row(entry, self._now_ms))
        if entry.header.kind in shelf.HEARD:
            self._of_bundles.append(entry)

    def keep_conflict(self, entry: Entry) -> None:
        self._conflicts[*_key(entry.header.id), entry.digest] = _row(entry, self._now_ms)
        self.alarm(entry.header.id.gateway, "conflict", str(entry.header.id))

    def refuse(self, strand: Strand, seq: int, reason: str) -> None:
        strand.refused.add(seq)
        at = {"first_ms": self._now_ms, "last_ms": self._now_ms}
        row = {**strand.row, "seq": seq, "reason": plain(reason), "count": 1, **at}
        count = self._refused.get((*strand.key, seq), {"count": 0})["count"]
        self._refused[*strand.key, seq] = {**row, "count": count + 1}

    def take_back(self, strand: Strand, seq: int) -> None:
        """What was refused came well after all."""
        strand.refused.discard(seq)
        self._refused.pop((*strand.key, seq), None)
        self._taken_back.append({f"_{name}": value for name, value in {**strand.row, "seq": seq}.items()})

    # To the store ----------------------------------------------------------------------------------------

    def write(self, orders: Sequence[Command] = ()) -> list[Command]:
        """Write all changes. The orders that are new are returned: they are sent once."""
        db = self._db
        self._write_tails()
        self._write_refusals()
        self._write_conflicts()
        write_alarms(db, self._alarms, self._now_ms)
        for entry in self._of_bundles:
            shelf.hear_entry(db, entry, self._now_ms)
        fresh = [order for order in orders if commands.put(db, order, self._now_ms, sent=True)]
        if self._entries:
            if db.dialect.name == "postgresql":
                db.execute(select(func.pg_advisory_xact_lock(_ARRIVAL)))
            if insert_new(db, tables.entries, self._entries) != len(self._entries):
                # Only without a lease can two take in the same strand; the next attempt sees what the other stored.
                raise LedgerError("another worker stored some of these entries meanwhile", "They are tried again")
        return fresh

    def _write_tails(self) -> None:
        highest, closed, opened = [], [], []
        for strand in self._strands.values():
            gaps = set(strand.tail.gaps)
            if strand.tail.highest != strand.was_highest:
                highest.append({**strand.row, "highest": strand.tail.highest})
            for first, _ in strand.was_gaps - gaps:
                closed.append({f"_{name}": value for name, value in {**strand.row, "first": first}.items()})
            opened += [{**strand.row, "first": first, "last": last} for first, last in gaps - strand.was_gaps]
        if highest:
            self._db.execute(upsert(self._db, tables.strands, "highest"), highest)
        if closed:
            self._db.execute(delete_of(tables.gaps, "gateway", "epoch", "stream", "first"), closed)
        if opened:
            self._db.execute(tables.gaps.insert(), opened)

    def _write_refusals(self) -> None:
        refused = tables.refused
        if self._taken_back:
            self._db.execute(delete_of(refused, "gateway", "epoch", "stream", "seq"), self._taken_back)
        if not self._refused:
            return
        statement = insert(self._db, refused)
        more = {"count": refused.c.count + statement.excluded.count, "last_ms": statement.excluded.last_ms}
        keys = list(refused.primary_key.columns)
        rows = list(self._refused.values())
        self._db.execute(statement.on_conflict_do_update(index_elements=keys, set_=more), rows)
        for strand in self._strands.values():
            if len(strand.refused) > MAX_REFUSED_KEPT:
                strand.refused = set(sorted(strand.refused)[-MAX_REFUSED_KEPT:])
                mine = [refused.c[name] == value for name, value in strand.row.items()]
                self._db.execute(refused.delete().where(*mine, refused.c.seq < min(strand.refused)))

    def _write_conflicts(self) -> None:
        table = tables.conflicts
        gateways = {row["gateway"] for row in self._conflicts.values()}
        rows = sorted(self._conflicts.items())
        for gateway in sorted(gateways):
            kept = self._db.execute(select(func.count()).where(table.c.gateway == gateway)).scalar_one()
            some = [row for _, row in rows if row["gateway"] == gateway][: max(0, MAX_CONFLICTS - kept)]
            if some:
                self._db.execute(insert(self._db, table).on_conflict_do_nothing(), some)

    # From the store --------------------------------------------------------------------------------------

    def open(self, keys: set[Key]) -> None:
        """Tails, gaps and refused numbers of these strands. PostgreSQL keeps them locked until the commit."""
        table, gaps, refused = tables.strands, tables.gaps, tables.refused
        asked = select(table.c.gateway, table.c.epoch, table.c.stream, table.c.highest)
        asked = asked.order_by(table.c.gateway, table.c.epoch, table.c.stream).with_for_update()
        ordered = sorted(keys)
        for gateway, epoch, stream, highest in rows_of(self._db, asked, table, ordered):
            self._strands[gateway, epoch, stream] = Strand(gateway, epoch, Stream(stream), Tail(highest))
        known = [key for key in ordered if key in self._strands]
        asked = select(gaps.c.gateway, gaps.c.epoch, gaps.c.stream, gaps.c.first, gaps.c.last)
        for gateway, epoch, stream, first, last in rows_of(self._db, asked.order_by(gaps.c.first), gaps, known):
            self._strands[gateway, epoch, stream].tail.gaps.append((first, last))
        asked = select(refused.c.gateway, refused.c.epoch, refused.c.stream, refused.c.seq)
        for gateway, epoch, stream, seq in rows_of(self._db, asked, refused, known):
            self._strands[gateway, epoch, stream].refused.add(seq)
        for key in known:
            strand = self._strands[key]
            strand.was_gaps = set(strand.tail.gaps)
        self._begin([key for key in ordered if key not in self._strands])

    def _begin(self, new: Sequence[Key]) -> None:
        """Strands that nobody has heard of, as far as their gateways may have more."""
        table = tables.strands
        unknown = sorted({gateway for gateway, _, _ in new} - set(self._epochs))
        if unknown:
            counted = select(table.c.gateway, func.count()).group_by(table.c.gateway)
            rows = self._db.execute(counted.where(table.c.gateway.in_(unknown)))
            self._epochs.update(dict.fromkeys(unknown, 0))
            self._epochs.update(dict(rows.all()))
        for gateway, epoch, stream in new:
            if self._epochs[gateway] < MAX_STRANDS:
                self._epochs[gateway] += 1
                self._strands[gateway, epoch, stream] = Strand(gateway, epoch, Stream(stream), Tail())


def write_alarms(db: Connection, found: Counter[tuple[str, str, str]], now_ms: int) -> None:
    """Keep alarms; the same again only counts, and beyond `MAX_ALARMS` of one gateway new ones count as `MORE`."""
    if not found:
        return
    table = tables.alarms
    counted = select(table.c.gateway, func.count()).group_by(table.c.gateway)
    gateways = sorted({gateway for gateway, _, _ in found})
    known: dict[str, int] = dict(db.execute(counted.where(table.c.gateway.in_(gateways))).all())
    rows: Counter[tuple[str, str, str]] = Counter()
    for (gateway, what, detail), times in found.items():
        full = known.get(gateway, 0) >= MAX_ALARMS
        known[gateway] = known.get(gateway, 0) + (0 if full else 1)
        rows[gateway, what, MORE if full else detail] += times
    statement = insert(db, table)
    more = {"count": table.c.count + statement.excluded.count, "last_ms": statement.excluded.last_ms}
    at = {"first_ms": now_ms, "last_ms": now_ms}
    # In order, so that two workers with an alarm of nobody's never wait for each other.
    values = [
        {"gateway": gateway, "what": what, "detail": detail, "count": times, **at}
        for (gateway, what, detail), times in sorted(rows.items())
    ]
    db.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=more), values)


def plain(text: str) -> str:
    """A text from outside as the store can keep it: short, and without what PostgreSQL's texts cannot hold."""
    return text.replace("\0", " ")[:200]


def _key(entry_id: EntryId) -> tuple[str, str, str, int]:
    return entry_id.gateway, entry_id.epoch, entry_id.stream.value, entry_id.seq


def _row(entry: Entry, now_ms: int) -> dict[str, Any]:
    header, at, entry_id = entry.header, entry.header.at, entry.header.id
    return {
        "gateway": entry_id.gateway,
        "epoch": entry_id.epoch,
        "stream": entry_id.stream.value,
        "seq": entry_id.seq,
        "kind": header.kind.value,
        "wall_ms": at.wall_ms,
        "mono_ns": at.mono_ns,
        "boot": at.boot,
        "quality": at.quality.value,
        "previous": entry.previous,
        "commitment": entry.commitment,
        "digest": entry.digest,
        "salt": entry.salt,
        "body": entry.body,
        "received_ms": now_ms,
    }

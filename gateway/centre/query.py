"""The store read for people and checkers: gateways, entries with their bodies, gaps, counts.

Its own read-only connection: works beside a running centre, from any process, and after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from gateway.centre import schema, shelf
from gateway.centre.database import Database
from gateway.centre.dates import Dates, may_be_between
from gateway.centre.rows import (
    AlarmRow,
    CommandRow,
    Counts,
    EntryRow,
    Found,
    GapRow,
    GatewayRow,
    LeaseRow,
    RefusedRow,
)
from gateway.centre.shelf import Unreached
from gateway.centre.tables import alarms, bundles, commands, conflicts, entries, gaps, gateways, leases, refused
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError
from gateway.wire.commands import Command

__all__ = ["AlarmRow", "CommandRow", "Counts", "EntryRow", "GapRow", "GatewayRow", "LeaseRow", "Query", "RefusedRow"]

PAGE = 1_000
"""Entries that a search by time reads at once."""
EARLIEST, LATEST = -(2**63), 2**63 - 1
"""Of what a store can hold."""


class Query:
    """Read-only view of a store: an SQLite file, or PostgreSQL with its password in a file. Raises `NotFound`
    when there is none, `LedgerError` when it cannot be read."""

    def __init__(self, store: str | Path, password: Path | None = None) -> None:
        self._store = str(store)
        self._password = password

    def gateways(self, gateway: str | None = None) -> list[GatewayRow]:
        """All gateways that were ever heard of, by id; or this one, if it was."""
        table = gateways.c
        asked = select(
            table.gateway, table.online, table.session, table.epoch, table.born_ms, table.changed_ms, table.state
        ).order_by(table.gateway)
        rows = self._all(asked if gateway is None else asked.where(table.gateway == gateway))
        return [GatewayRow(g, bool(o), s, e, b, c, msgspec.Raw(state)) for g, o, s, e, b, c, state in rows]

    def events(
        self,
        gateway: str | None = None,
        stream: Stream | None = None,
        kind: EntryKind | None = None,
        *,
        after: int = 0,
        limit: int = 1000,
    ) -> list[EntryRow]:
        """Entries in the order of their arrival, those after arrival `after`, at most `limit`."""
        asked = _events(gateway, stream, kind).where(entries.c.arrival > after).order_by(entries.c.arrival).limit(limit)
        with self._reader() as db:
            return _entries(db.execute(asked).all(), Dates(db))

    def between(
        self,
        gateway: str | None = None,
        stream: Stream | None = None,
        kind: EntryKind | None = None,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        undated: bool = False,
        what: str | None = None,
        after: int | None = None,
        limit: int = 1000,
    ) -> Found:
        """Entries that happened from `since_ms` on and before `until_ms` (UTC), in the order of their arrival: the
        newest `limit` of them or, with `after`, the first so many behind that arrival. Entries that nobody can date are
        among them when neither bound is given, or with `undated`. `what`: only those whose body says so."""
        asked = _events(gateway, stream, kind)
        bounded = since_ms is not None or until_ms is not None
        since = EARLIEST if since_ms is None else since_ms
        until = LATEST if until_ms is None else until_ms
        if bounded:
            asked = asked.where(may_be_between(since, until))
        found: list[EntryRow] = []
        left_out = 0
        with self._reader() as db:
            for row in _searched(db, asked, after):
                if len(found) >= limit:
                    break
                if what is not None and what_of(row) != what:
                    continue
                if not bounded or (undated if row.utc_ms is None else since <= row.utc_ms < until):
                    found.append(row)
                elif row.utc_ms is None:
                    left_out += 1
        return Found(found if after is not None else found[::-1], left_out)

    def gaps(self, gateway: str | None = None) -> list[GapRow]:
        """All ranges that are missing."""
        columns = gaps.c.gateway, gaps.c.epoch, gaps.c.stream, gaps.c.first
        asked = select(*columns, gaps.c.last).order_by(*columns)
        rows = self._all(asked if gateway is None else asked.where(gaps.c.gateway == gateway))
        return [GapRow(g, e, Stream(s), first, last) for g, e, s, first, last in rows]

    def alarms(self, gateway: str | None = None, limit: int | None = None) -> list[AlarmRow]:
        """Alarms (of this gateway), by when each came last, the newest last; with `limit` the newest so many."""
        table = alarms.c
        asked = select(table.gateway, table.what, table.detail, table.count, table.first_ms, table.last_ms)
        asked = asked.order_by(table.last_ms.desc(), table.first_ms.desc(), table.detail.desc()).limit(limit)
        rows = self._all(asked if gateway is None else asked.where(table.gateway == gateway))
        return [AlarmRow(*row) for row in reversed(rows)]

    def refused(self) -> list[RefusedRow]:
        """All numbers that were refused and are kept with their reason."""
        key = refused.c.gateway, refused.c.epoch, refused.c.stream, refused.c.seq
        rows = self._all(select(*key, refused.c.reason, refused.c.count).order_by(*key))
        return [RefusedRow(g, e, Stream(s), *rest) for g, e, s, *rest in rows]

    def commands(self, gateway: str | None = None, limit: int | None = None) -> list[CommandRow]:
        """Commands (to this gateway), oldest first; with `limit` the newest so many."""
        table = commands.c
        asked = select(table.command, table.created_ms, table.sent_ms, table.outcome, table.detail, table.answered_ms)
        asked = asked.order_by(table.created_ms.desc(), table.id.desc()).limit(limit)
        rows = self._all(asked if gateway is None else asked.where(table.gateway == gateway))
        return [CommandRow(msgspec.json.decode(said, type=Command), *rest) for said, *rest in reversed(rows)]

    def leases(self) -> list[LeaseRow]:
        """Who takes in which shard."""
        asked = select(leases.c.shard, leases.c.worker, leases.c.fence).order_by(leases.c.shard)
        return [LeaseRow(*row) for row in self._all(asked)]

    def unreached(self) -> list[Unreached]:
        """Gateways that have not confirmed the newest bundle of a kind."""
        with self._reader() as db:
            return shelf.unreached(db)

    def counts(self) -> Counts:
        """The store in figures."""
        of = entries.c
        kinds = select(of.gateway, of.stream, of.kind, func.count()).group_by(of.gateway, of.stream, of.kind)
        missing = select(func.coalesce(func.sum(gaps.c.last - gaps.c.first + 1), 0))
        newest = select(bundles.c.kind, bundles.c.target, func.max(bundles.c.number))
        newest = newest.group_by(bundles.c.kind, bundles.c.target)
        with self._reader() as db:
            return Counts(
                entries={f"{g}/{s}/{k}": n for g, s, k, n in db.execute(kinds)},
                gaps=int(db.execute(missing).scalar_one()),
                conflicts=_count(db, select(func.count()).select_from(conflicts)),
                refused=_count(db, select(func.count()).select_from(refused)),
                alarms=_count(db, select(func.count()).select_from(alarms)),
                online=_count(db, select(func.count()).where(gateways.c.online == 1)),
                bundles={f"{kind}/{target}": number for kind, target, number in db.execute(newest)},
            )

    def _all(self, asked: Select[Any]) -> list[Any]:
        with self._reader() as db:
            return list(db.execute(asked).all())

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        database = Database(self._store, self._password, read_only=True)
        try:
            with database.begin() as db:
                schema.check(db, database.where)
                yield db
        except LedgerError as error:
            error.where = error.where or database.where
            raise
        finally:
            database.close()


def _events(gateway: str | None, stream: Stream | None, kind: EntryKind | None) -> Select[Any]:
    of = entries.c
    columns = (
        of.arrival,
        of.gateway,
        of.epoch,
        of.stream,
        of.seq,
        of.kind,
        of.wall_ms,
        of.received_ms,
        of.digest,
        of.body,
    )
    asked = select(*columns, of.mono_ns, of.boot, of.quality)
    for column, wanted in ((of.gateway, gateway), (of.stream, stream), (of.kind, kind)):
        if wanted is not None:
            asked = asked.where(column == str(wanted))
    return asked


def _searched(db: Connection, asked: Select[Any], after: int | None) -> Iterator[EntryRow]:
    """Page by page: the newest first or, with `after`, those behind it in the order of their arrival."""
    of, dates, at = entries.c.arrival, Dates(db), after
    while True:
        further = of < LATEST if at is None else of < at if after is None else of > at
        page = asked.where(further).order_by(of.desc() if after is None else of).limit(PAGE)
        rows = _entries(db.execute(page).all(), dates)
        yield from rows
        if len(rows) < PAGE:
            return
        at = rows[-1].arrival


class _Said(msgspec.Struct):
    what: str = ""


_said = msgspec.json.Decoder(_Said)


def what_of(row: EntryRow) -> str:
    """What an entry's body names as its `what` (of kind `security`); empty when it names nothing, or was erased."""
    try:
        return _said.decode(row.body).what if row.body is not None else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _count(db: Connection, asked: Select[Any]) -> int:
    return int(db.execute(asked).scalar_one())


def _entries(rows: Sequence[Any], dates: Dates) -> list[EntryRow]:
    return [_entry(row, dates) for row in rows]


def _entry(row: Any, dates: Dates) -> EntryRow:
    arrival, gateway, epoch, stream, seq, kind, wall_ms, received_ms, digest, body, mono_ns, boot, quality = row
    raw = msgspec.Raw(body) if body is not None else None
    key = arrival, gateway, epoch, Stream(stream), seq, EntryKind(kind)
    at = Stamp(wall_ms, mono_ns, boot, ClockQuality(quality))
    utc_ms = dates.utc_ms(gateway, at)
    return EntryRow(*key, wall_ms, received_ms, digest, raw, mono_ns, boot, at.quality, utc_ms)

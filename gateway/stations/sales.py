"""What was sold here, found again: state tables `sale` and `returned`, and a receipt by its name.

A receipt is in the present ledger file, in an older one, or (when its time is over) in none any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.ledger.source import Source
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Stream
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.model.money import Thousandths
from gateway.model.till_bodies import FiscalOutcomeBody, ReceiptBody
from gateway.stations.answers import Query
from gateway.stations.refund_words import Named
from gateway.stations.till_words import CommitAnswer

DAY_MS = 24 * 3600 * 1000
KEEP_SALES_MS = 400 * DAY_MS
"""How long receipts of older epochs are listed; those of the present one are as long as their entries are here."""
KEEP_RETURNED_MS = 3650 * DAY_MS
"""The same of what has come back: longer than any receipt is kept."""
LOOK_AHEAD = 200
"""Entries behind a receipt among which the outcome of its printing is looked for."""


class SaleNoted(msgspec.Struct, frozen=True):
    """Effect: the commit's first entry is a receipt or a refund of this till."""

    station: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT INTO sale VALUES (?,?,?,?,0)", (now.wall_ms, ids[0].epoch, ids[0].seq, self.station))


class CameBack(msgspec.Struct, frozen=True):
    """Effect of a refund: so much more of these lines (line → thousandths) has come back, when `before` had. Raises
    `Conflict` (`returned_meanwhile`) when it was something else: one computes once more. `work`: its printing here,
    until whose end nothing else of this receipt comes back."""

    of: EntryId
    before: Mapping[str, Thousandths]
    more: Mapping[str, Thousandths]
    work: str = ""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        def query(sql: str, given: tuple[Any, ...]) -> list[tuple[Any, ...]]:
            return db.execute(sql, given).fetchall()

        if came_back(query, self.of) != dict(self.before) or pending(query, self.of):
            raise Conflict("more of this receipt has come back meanwhile", "Ask again", code="returned_meanwhile")
        for line, quantity in self.more.items():
            row = (self.of.epoch, self.of.seq, line, self.before.get(line, 0) + quantity, self.work, now.wall_ms)
            db.execute("INSERT OR REPLACE INTO returned VALUES (?,?,?,?,?,?)", row)


class OffPaper(msgspec.Struct, frozen=True):
    """Effect: our printer has refused or cancelled this receipt or refund: it did not take place."""

    entry: EntryId

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("UPDATE sale SET off_paper=1 WHERE epoch=? AND seq=?", (self.entry.epoch, self.entry.seq))


class Back(msgspec.Struct, frozen=True):
    """Effect: what was to come back of this receipt with a printing has come back."""

    of: EntryId

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("UPDATE returned SET work='' WHERE epoch=? AND seq=?", (self.of.epoch, self.of.seq))


class NotBack(msgspec.Struct, frozen=True):
    """Effect: so much of these lines was to come back with a printing, and has not."""

    of: EntryId
    less: Mapping[str, Thousandths]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        for line, quantity in self.less.items():
            row = (quantity, now.wall_ms, self.of.epoch, self.of.seq, line)
            db.execute(
                "UPDATE returned SET quantity=quantity - ?, work='', at_ms=? WHERE epoch=? AND seq=? AND line=?", row
            )
        db.execute("DELETE FROM returned WHERE epoch=? AND seq=? AND quantity<=0", (self.of.epoch, self.of.seq))


class SalesTidied:
    """Effect: what nobody can ask for any more goes."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        (epoch,) = db.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()
        (floor,) = db.execute("SELECT floor FROM stream WHERE name=?", (Stream.RECEIPT,)).fetchone()
        for table in ("sale", "returned"):
            db.execute(f"DELETE FROM {table} WHERE epoch=? AND seq<=?", (epoch, floor))
        if now.quality is not ClockQuality.GUESS:
            for table, keep_ms in (("sale", KEEP_SALES_MS), ("returned", KEEP_RETURNED_MS)):
                db.execute(f"DELETE FROM {table} WHERE epoch<>? AND at_ms<?", (epoch, now.wall_ms - keep_ms))


def came_back(query: Query, of: EntryId) -> dict[str, Thousandths]:
    """What has come back of this receipt so far: line → thousandths."""
    return dict(query("SELECT line, quantity FROM returned WHERE epoch=? AND seq=?", (of.epoch, of.seq)))


def pending(query: Query, of: EntryId) -> str:
    """Key of the printing of a refund of this receipt of which it is not known yet how it ends; empty for none."""
    rows = query("SELECT max(work) FROM returned WHERE epoch=? AND seq=?", (of.epoch, of.seq))
    return rows[0][0] or ""


class Sold(msgspec.Struct, frozen=True):
    """A receipt with its entry."""

    id: EntryId
    body: ReceiptBody


def find(ledger: Ledger, named: Named, station: str) -> Sold:
    """The receipt that is named. Raises `InputRefused` (`bad_refund`) or `NotFound`: `no_such_receipt`,
    `receipt_elsewhere`, `receipt_gone`, `receipt_erased`; `LedgerError`."""
    entry_id = _id_of(ledger, named, station)
    if entry_id.gateway != ledger.gateway:
        raise NotFound(
            f"that receipt was made at {entry_id.gateway}, this is {ledger.gateway}",
            "Give it back at the place where it was bought",
            code="receipt_elsewhere",
        )
    entry = entry_at(ledger, entry_id)
    if entry is None:
        raise _missing(ledger, entry_id)
    if entry.header.kind is not EntryKind.RECEIPT:
        raise _no_such(str(entry_id))
    if entry.body is None:
        raise NotFound(
            "its content was erased, because its holder has asked for it",
            "By the paper only: give back what stands on it, and tell the city",
            code="receipt_erased",
        )
    return Sold(entry.header.id, msgspec.json.decode(entry.body, type=ReceiptBody))


def entry_at(ledger: Ledger, of: EntryId) -> Entry | None:
    """This entry, from whatever file it is in; None when it is in none. Raises `LedgerError`."""
    source = source_of(ledger, of.epoch)
    if source is None or not 0 < of.seq <= source.last(of.stream):
        return None
    found = source.read(of.stream, of.seq - 1, 1)
    return found[0] if found and found[0].header.id.seq == of.seq else None


def source_of(ledger: Ledger, epoch: str) -> Source | None:
    """The file of an epoch, while it is here."""
    if epoch == ledger.epoch:
        return ledger
    return next((older for older in ledger.older if older.epoch == epoch), None)


def outcome_of(ledger: Ledger, sold: Sold) -> FiscalOutcomeBody | None:
    """How the printing of a receipt ended here, as its entries say; None while it has not, or when they are gone."""
    source = source_of(ledger, sold.id.epoch)
    found = None
    for entry in source.read(Stream.RECEIPT, sold.id.seq, LOOK_AHEAD) if source is not None else ():
        if entry.header.kind is EntryKind.FISCAL_OUTCOME and entry.body is not None:
            body = msgspec.json.decode(entry.body, type=FiscalOutcomeBody)
            if body.key == sold.body.quote:
                found = body
    return found


def took_place(query: Query, of: EntryId) -> bool | None:
    """Whether this receipt or refund took place, as far as its paper is ours; None when it is not listed (any more).
    Only for what is not in doubt: until its end is known, it is taken for one that did."""
    rows = query("SELECT off_paper FROM sale WHERE epoch=? AND seq=?", (of.epoch, of.seq))
    return not rows[0][0] if rows else None


def id_of(name: str) -> EntryId:
    """The entry of a receipt or a refund by its name. Raises `NotFound` (`no_such_receipt`)."""
    parts = name.split("/")
    if len(parts) != 4 or parts[2] != Stream.RECEIPT or not parts[3].isdecimal() or not parts[3].isascii():
        raise _no_such(name)
    return EntryId(parts[0], parts[1], Stream.RECEIPT, min(int(parts[3]), 2**62))


def _id_of(ledger: Ledger, named: Named, station: str) -> EntryId:
    if bool(named.receipt) == bool(named.key):
        raise InputRefused(
            "give either `receipt` or `key`",
            "`receipt` is the `entry` of the commit's answer, `key` the commit's Idempotency-Key",
            code="bad_refund",
        )
    name = named.receipt
    if named.key:
        key = f"receipt/{named.station or station}/{named.key}"
        rows = ledger.query("SELECT body FROM answer WHERE key=?", (key,))
        if not rows:
            raise _no_such(named.key, "Name it by its `receipt`: keys are known for 14 days, and `station` says where")
        name = msgspec.json.decode(rows[0][0], type=CommitAnswer).entry
    return id_of(name)


def _missing(ledger: Ledger, of: EntryId) -> NotFound:
    source = source_of(ledger, of.epoch)
    if source is not None and of.seq > source.last(of.stream):
        return _no_such(str(of))
    return NotFound(
        "this receipt is kept here no longer",
        "By the paper only: give back what stands on it, and tell the city",
        code="receipt_gone",
    )


def _no_such(name: str, advice: str = "Name it by the `entry` of its commit's answer") -> NotFound:
    return NotFound(f"no receipt {name[:80]!r}", advice, code="no_such_receipt")

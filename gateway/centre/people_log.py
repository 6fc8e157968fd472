"""Who changed what among holders and cards: one operation, one transaction, one line with its officer, its changes.

An operation that changes nothing leaves no line. Ids are opaque, cards are digests, and of entitlements it is told that
they changed, not which: what somebody was entitled to last year is nobody's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection, func, select

from gateway.centre import schema
from gateway.centre.database import Database
from gateway.centre.people_tables import holder_changes, holder_operations
from gateway.model.errors import InputRefused

PAGE = 1_000
ONE_AT_A_TIME = 0x5351
"""Of PostgreSQL's advisory lock: operations on holders come one after the other."""

_BY_KEY = "SET LOCAL random_page_cost = 1.1"
"""PostgreSQL thinks of turning disks, and reads a town's table whole for each page of keys."""


class Verb(StrEnum):
    IMPORT = "import"
    DELTA = "delta"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REPLACE = "replace"
    TEMPORARY = "temporary"
    LINK = "link"
    """A further card, at a desk."""
    END = "end"
    SELL = "sell"


class Change(StrEnum):
    """What became of a holder or, from `CARD_ADDED` on, of a card; `LOT_SOLD`: a holder has bought units."""

    ADDED = "added"
    CHANGED = "changed"
    ENDED = "ended"
    RESUMED = "resumed"
    CARD_ADDED = "card added"
    CARD_CHANGED = "card changed"
    CARD_MOVED = "card moved"
    """To this holder, from another one."""
    CARD_BLOCKED = "card blocked"
    CARD_UNBLOCKED = "card unblocked"
    CARD_REPLACED = "card replaced"
    CARD_ENDED = "card ended"
    CARD_RESUMED = "card resumed"
    LOT_SOLD = "lot sold"


class Done(msgspec.Struct, frozen=True):
    """What an operation changed. `operation`: its number in the log, 0 when it changed nothing."""

    operation: int = 0
    changes: dict[Change, int] = {}


class LogRow(msgspec.Struct, frozen=True):
    """One change, with who did it and when."""

    number: int
    at_ms: int
    officer: str
    verb: Verb
    what: Change
    holder: str
    digest: str | None


class OperationRow(msgspec.Struct, frozen=True):
    """One operation and what it changed, counted."""

    number: int
    at_ms: int
    officer: str
    verb: Verb
    changes: dict[Change, int]


Officer = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,64}$(?!\n)")]


class Journal:
    """Writes down what an operation changes, in its own transaction."""

    def __init__(self, db: Connection, verb: Verb, officer: str, at_ms: int) -> None:
        self._db = db
        self._head = {"at_ms": at_ms, "officer": officer, "verb": verb.value, "counts": "{}"}
        self._rows: list[dict[str, Any]] = []
        self._counts: Counter[Change] = Counter()
        self._number = 0
        self.at_ms = at_ms

    def add(self, what: Change, holder: str, digest: bytes | None = None) -> None:
        self._counts[what] += 1
        self._rows.append({"what": what.value, "holder": holder, "digest": digest})
        if len(self._rows) >= PAGE:
            self._flush()

    def finish(self) -> Done:
        """Write what is left."""
        self._flush()
        if self._number:
            counted = {"counts": msgspec.json.encode(self._counts).decode()}
            mine = holder_operations.c.number == self._number
            self._db.execute(holder_operations.update().where(mine).values(counted))
        return Done(self._number, dict(self._counts))

    def _flush(self) -> None:
        if not self._rows:
            return
        if not self._number:
            number = holder_operations.insert().values(self._head).returning(holder_operations.c.number)
            self._number = int(self._db.execute(number).scalar_one())
        self._db.execute(holder_changes.insert(), [{"operation": self._number, **row} for row in self._rows])
        self._rows = []


def operate(
    database: Database, verb: Verb, officer: str, at_ms: int, work: Callable[[Connection, Journal], None]
) -> Done:
    """Do `work` as one operation: all of it or, when it raises, nothing. Raises `InputRefused` for an officer without
    a name, and `LedgerError`."""
    try:
        msgspec.convert(officer, Officer)
    except msgspec.ValidationError:
        raise InputRefused("an officer's name has 1 to 64 printable characters", where="--as") from None
    with database.begin() as db:
        if database.is_postgresql:
            db.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
            db.exec_driver_sql(_BY_KEY)
        schema.check(db, database.where)
        journal = Journal(db, verb, officer, at_ms)
        work(db, journal)
        return journal.finish()


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """One view of the store, as it was at one moment, however long it is read. Raises `LedgerError`."""
    with database.begin() as db:
        if database.is_postgresql:
            db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            db.exec_driver_sql(_BY_KEY)
        schema.check(db, database.where)
        yield db


def log_of(db: Connection, holder: str | None = None, limit: int = 100) -> list[LogRow]:
    """The newest changes first; of one holder, if given."""
    of, by = holder_changes.c, holder_operations.c
    asked = select(of.number, by.at_ms, by.officer, by.verb, of.what, of.holder, of.digest)
    asked = asked.join(holder_operations, by.number == of.operation)
    if holder is not None:
        asked = asked.where(of.holder == holder)
    return [
        LogRow(number, at, officer, Verb(verb), Change(what), who, digest.hex() if digest else None)
        for number, at, officer, verb, what, who, digest in db.execute(asked.order_by(of.number.desc()).limit(limit))
    ]


def operations(db: Connection, limit: int = 100) -> list[OperationRow]:
    """The newest operations first."""
    of = holder_operations.c
    asked = select(of.number, of.at_ms, of.officer, of.verb, of.counts).order_by(of.number.desc()).limit(limit)
    return [
        OperationRow(number, at, who, Verb(verb), msgspec.json.decode(counts, type=dict[Change, int]))
        for number, at, who, verb, counts in db.execute(asked)
    ]

"""A file of holders hashed and laid ready, so that the store is locked only while it changes.

Rows wait in a private database of SQLite (a nameless one: memory, and a file without a name when it grows), so that a
city's worth needs no city's worth of memory. What is written there are digests and opaque ids, never a clear card id.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import date, tzinfo
from types import TracebackType
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.centre.holders import ImportedCredential, canonical_id
from gateway.centre.people_file import Action, CardId, CardRow, HolderRow, Row
from gateway.centre.people_times import canonical, parse_time
from gateway.model.errors import InputRefused
from gateway.wire import credentials
from gateway.wire.contents import Standing

PAGE = 500
"""Rows that are worked on at once."""
_TOLD = 1_000

Progress = Callable[[str, int], None]
"""What is being done, and how many of it are done."""


class CardKey(msgspec.Struct, frozen=True):
    """The city's key by its id; without the key itself only digests can be read. `repr` shows no key."""

    key_id: str
    key: bytes | None = None

    def __repr__(self) -> str:
        return f"CardKey({self.key_id!r})"

    @property
    def mark(self) -> bytes | None:
        """By which the store notices another key under the same id."""
        return None if self.key is None else hmac.digest(self.key, b"\0mark of a card key", "sha256")[:8]

    def digest(self, card: CardId) -> bytes:
        """Of a card by clear id, or the digest that it was given by. Raises `InputRefused`."""
        if bool(card.digest) == bool(card.id):
            raise InputRefused("a card has either an id or a digest")
        if card.digest:
            return bytes.fromhex(card.digest)
        if self.key is None:
            raise InputRefused("a clear id, and no key to hash it with", "Give --card-key")
        named = ImportedCredential(kind=card.kind, id=card.id, issuer=card.issuer)
        return credentials.digest(self.key, card.kind, canonical_id(named))


class StagedHolder(msgspec.Struct, frozen=True):
    """What a file says of a holder; None: nothing. `language`, `residence`, `born` (an ISO date): empty for none."""

    holder: str
    end: bool = False
    entitlements: str | None = None
    language: str | None = None
    residence: str | None = None
    born: str | None = None
    ended_ms: int = 0


class StagedCard(msgspec.Struct, frozen=True):
    """What a file says of a card; None: nothing. `replaced_by`: empty for none."""

    holder: str
    kind: str
    where: str
    end: bool = False
    standing: Standing | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    temporary: bool | None = None
    replaced_by: str | None = None
    issued_here: bool = False
    blocked_ms: int = 0
    ended_ms: int = 0


class Staged:
    """A file, hashed. A context manager: everything is gone after its block."""

    def __init__(self, key: CardKey, zone: tzinfo | None = None, *, delta: bool = False) -> None:
        self.key = key
        self.delta = delta
        self.holders = 0
        self.cards = 0
        self._zone = zone

    def __enter__(self) -> Staged:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE holder (at INTEGER PRIMARY KEY, id TEXT UNIQUE, place TEXT, said BLOB)")
        self._db.execute("CREATE TABLE card (at INTEGER PRIMARY KEY, digest BLOB UNIQUE, said BLOB)")
        self._db.execute("BEGIN")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._db.close()

    def read(self, rows: Iterable[Row[HolderRow]], progress: Progress | None = None) -> None:
        """Hash and keep all rows. Raises `InputRefused` at the first bad one: wrong, or at odds with an earlier one."""
        for count, (where, row) in enumerate(rows, start=1):
            try:
                self._take(row, where)
            except InputRefused as refused:
                raise InputRefused(refused.what, refused.advice, where=where) from None
            if progress is not None and count % _TOLD == 0:
                progress("rows read", count)

    def pages_of_holders(self) -> Iterator[list[Row[StagedHolder]]]:
        for page in self._pages("SELECT place, said FROM holder ORDER BY at"):
            yield [(where, msgspec.json.decode(said, type=StagedHolder)) for where, said in page]

    def pages_of_cards(self) -> Iterator[list[tuple[bytes, StagedCard]]]:
        for page in self._pages("SELECT digest, said FROM card ORDER BY at"):
            yield [(digest, msgspec.json.decode(said, type=StagedCard)) for digest, said in page]

    def has_holder(self, holder: str) -> bool:
        return self._db.execute("SELECT 1 FROM holder WHERE id=?", (holder,)).fetchone() is not None

    def has_card(self, digest: bytes) -> bool:
        return self._db.execute("SELECT 1 FROM card WHERE digest=?", (digest,)).fetchone() is not None

    def _pages(self, asked: str) -> Iterator[list[tuple[Any, Any]]]:
        cursor = self._db.execute(asked)
        while page := cursor.fetchmany(PAGE):
            yield page

    def _take(self, row: HolderRow, where: str) -> None:
        ends = row.action is Action.END
        if ends and not self.delta:
            raise InputRefused("ends somebody in a full import", "Leave the row out, or import it as --delta")
        if not (ends and row.credentials):
            self._put_holder(row, where, ends)
        for card in row.credentials:
            digest, said = self._card(card, row, where, ends)
            try:
                self._db.execute("INSERT INTO card (digest, said) VALUES (?,?)", (digest, msgspec.json.encode(said)))
            except sqlite3.IntegrityError:
                raise InputRefused(f"a {card.kind} of it was there before") from None
            self.cards += 1

    def _put_holder(self, row: HolderRow, where: str, ends: bool) -> None:
        entitlements = None if row.entitlements is UNSET else canonical(row.entitlements, self._zone)
        language, residence, born = (_fact(fact) for fact in (row.language, row.residence, row.born))
        facts = StagedHolder(row.holder, ends, entitlements, language, residence, born, row.ended_ms)
        said = msgspec.json.encode(facts)
        known = self._db.execute("SELECT said FROM holder WHERE id=?", (row.holder,)).fetchone()
        if known is None:
            self._db.execute("INSERT INTO holder (id, place, said) VALUES (?,?,?)", (row.holder, where, said))
            self.holders += 1
        elif known[0] != said:
            raise InputRefused("differs from the holder's first row")

    def _card(self, card: CardRow, row: HolderRow, where: str, ends: bool) -> tuple[bytes, StagedCard]:
        from_ms = self._time(card.from_ms, card.first, ends=False)
        until_ms = self._time(card.until_ms, card.until, ends=True)
        replaced_by = None if card.replaced_by is UNSET else card.replaced_by or ""
        if replaced_by and card.standing is not Standing.BLOCKED:
            raise InputRefused("a replaced card that is not blocked")
        return self.key.digest(card), StagedCard(
            holder=row.holder,
            kind=card.kind.value,
            where=where,
            end=ends,
            standing=None if card.standing is UNSET else card.standing,
            from_ms=from_ms,
            until_ms=until_ms,
            temporary=None if card.temporary is UNSET else card.temporary,
            replaced_by=replaced_by,
            issued_here=card.issued_here,
            blocked_ms=card.blocked_ms,
            ended_ms=card.ended_ms or row.ended_ms,
        )

    def _time(self, ms: int | msgspec.UnsetType, shown: int | str | msgspec.UnsetType, *, ends: bool) -> int | None:
        told = None if shown is UNSET else parse_time(shown, self._zone, ends=ends)
        if ms is UNSET or (told and not ms):
            return told
        if told and told != ms:
            raise InputRefused("a time in milliseconds and another one beside it")
        return ms


def _fact(said: str | date | msgspec.UnsetType | None) -> str | None:
    return None if said is UNSET else str(said or "")

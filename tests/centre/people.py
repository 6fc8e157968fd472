"""Holders and cards for tests: a store, files as bytes, and what the store says of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from gateway.centre import schema
from gateway.centre.database import Database
from gateway.centre.people_cards import Desk
from gateway.centre.people_file import CardId, HolderRow, Replacement, Row, read_cards, read_holders, read_replacements
from gateway.centre.people_import import import_people
from gateway.centre.people_log import Done, log_of, reading
from gateway.centre.people_out import exported
from gateway.centre.people_staging import CardKey, Staged
from tests.support.clock import FakeClock

KEY = CardKey("k1", bytes(range(32)))
RIGA = ZoneInfo("Europe/Riga")


class People:
    """A store with its clock, worked on by one officer."""

    def __init__(self, where: str) -> None:
        self.database = Database(where, makes=True)
        self.clock = FakeClock()
        self.desk = Desk(self.database, "Anna", self.clock.wall_ms)

    def take(self, text: str | bytes, *, delta: bool = False, most: float = 1.0, key: CardKey = KEY) -> Done:
        """Import a file. A row without its own newline at the end will do."""
        data = text.encode() if isinstance(text, str) else text
        with Staged(key, RIGA, delta=delta) as staged:
            staged.read(read_holders(io.BytesIO(data)))
            return import_people(self.database, staged, "Anna", self.clock.wall_ms(), most_ended=most)

    def rows(self) -> list[HolderRow]:
        with reading(self.database) as db:
            return list(exported(db))

    def cards(self, holder: str) -> dict[str, Any]:
        """Digest → card."""
        return {card.digest: card for row in self.rows() if row.holder == holder for card in row.credentials}

    def log(self, holder: str | None = None) -> list[str]:
        """What was changed, the oldest first."""
        with reading(self.database) as db:
            return [f"{row.holder} {row.what}" for row in reversed(log_of(db, holder))]


@contextmanager
def store(where: str) -> Iterator[People]:
    people = People(where)
    try:
        schema.prepare(people.database)
        yield people
    finally:
        people.database.close()


def barcode(code: str) -> str:
    """Its digest."""
    (_, card), *_ = named(f"barcode,{code}")
    return KEY.digest(card).hex()


def named(*rows: str) -> list[Row[CardId]]:
    """Cards by `kind,id`."""
    return list(read_cards(io.BytesIO("\n".join(["kind,id", *rows]).encode())))


def pairs(*rows: str) -> list[Row[Replacement]]:
    """By `kind,id,new_kind,new_id`."""
    return list(read_replacements(io.BytesIO("\n".join(["kind,id,new_kind,new_id", *rows]).encode())))

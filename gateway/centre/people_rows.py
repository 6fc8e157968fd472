"""Rows of holders and cards as an operation reads, changes and ends them. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, select

from gateway.centre.people_file import Row
from gateway.centre.people_log import Change, Journal
from gateway.centre.people_staging import PAGE
from gateway.centre.people_tables import cards, holders
from gateway.centre.sql import upsert
from gateway.model.errors import NotFound
from gateway.wire.contents import Standing

T = TypeVar("T")


class HolderState(NamedTuple):
    """A row of `holders` apart from `changed_ms`."""

    holder: str
    entitlements: str
    language: str | None
    ended_ms: int
    residence: str | None = None
    born: str | None = None


class CardState(NamedTuple):
    """A row of `cards` apart from `changed_ms`."""

    digest: bytes
    key_id: str
    kind: str
    holder: str
    standing: str
    from_ms: int
    until_ms: int
    temporary: int
    issued_here: int
    replaced_by: bytes | None
    blocked_ms: int
    ended_ms: int


def holders_of(db: Connection, ids: Sequence[str]) -> dict[str, HolderState]:
    """At most `PAGE` of them."""
    asked = select(*(holders.c[name] for name in HolderState._fields)).where(holders.c.holder.in_(ids))
    return {row.holder: row for row in map(HolderState._make, db.execute(asked))}


def cards_by(db: Connection, condition: Any) -> list[CardState]:
    """Cards that are so, by holder and digest."""
    asked = select(*(cards.c[name] for name in CardState._fields)).where(condition)
    return [CardState._make(row) for row in db.execute(asked.order_by(cards.c.holder, cards.c.digest))]


def put_cards(db: Connection, at_ms: int, rows: Iterable[CardState]) -> None:
    given = [{**row._asdict(), "changed_ms": at_ms} for row in rows]
    if given:
        db.execute(upsert(db, cards, *CardState._fields[1:], "changed_ms"), given)


def put_holders(db: Connection, at_ms: int, rows: Iterable[HolderState]) -> None:
    given = [{**row._asdict(), "changed_ms": at_ms} for row in rows]
    if given:
        db.execute(upsert(db, holders, *HolderState._fields[1:], "changed_ms"), given)


def end_cards(db: Connection, journal: Journal, digests: Sequence[bytes]) -> None:
    """End what is not ended yet. They are never deleted: what was said of them stays."""
    for page in pages(digests):
        end_living(db, journal, [card for card in cards_by(db, cards.c.digest.in_(page)) if not card.ended_ms])


def end_holders(db: Connection, journal: Journal, named: Sequence[Row[str]]) -> None:
    """End these (at most `PAGE`) and all of their cards. Raises `NotFound` for one who was never here."""
    known = holders_of(db, [holder for _, holder in named])
    for where, holder in named:
        if holder not in known:
            advice = "Holders go by the id of the import"
            raise NotFound("there is no such holder", advice, where=where, code="holder_unknown")
    living = [state for state in known.values() if not state.ended_ms]
    put_holders(db, journal.at_ms, (state._replace(ended_ms=journal.at_ms) for state in living))
    for state in living:
        journal.add(Change.ENDED, state.holder)
    end_living(db, journal, cards_by(db, cards.c.holder.in_(list(known)) & (cards.c.ended_ms == 0)))


def end_living(db: Connection, journal: Journal, living: Sequence[CardState]) -> None:
    """End cards that have not ended."""
    put_cards(db, journal.at_ms, (card._replace(ended_ms=journal.at_ms) for card in living))
    for card in living:
        journal.add(Change.CARD_ENDED, card.holder, card.digest)


def told(before: CardState | None, after: CardState) -> Iterator[Change]:
    """What became of a card, for the log; nothing when nothing did."""
    if before is None:
        yield Change.CARD_ADDED
        before = after._replace(standing=Standing.ACTIVE.value)
    elif before.holder != after.holder:
        yield Change.CARD_MOVED
    if before.standing != after.standing:
        yield Change.CARD_BLOCKED if after.standing == Standing.BLOCKED else Change.CARD_UNBLOCKED
    if bool(before.ended_ms) != bool(after.ended_ms):
        yield Change.CARD_ENDED if after.ended_ms else Change.CARD_RESUMED
    told_already = {"holder": after.holder, "standing": after.standing, "ended_ms": after.ended_ms}
    if CardState(**{**before._asdict(), **told_already, "blocked_ms": after.blocked_ms}) != after:
        yield Change.CARD_CHANGED


def pages(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(rows), PAGE):
        yield rows[at : at + PAGE]

"""A staged file becomes what the store says of holders and cards: whole (what is missing is ended), or as a delta.

Import twice, and the second one changes nothing. Standing: only a file that says so blocks or unblocks, and a card
whose place another one has taken stays blocked whatever a file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select

from gateway.centre.database import Database
from gateway.centre.people_key import keep_key
from gateway.centre.people_log import Change, Done, Journal, Verb, operate
from gateway.centre.people_rows import (
    CardState,
    HolderState,
    cards_by,
    end_cards,
    end_holders,
    end_living,
    holders_of,
    pages,
    put_cards,
    put_holders,
    told,
)
from gateway.centre.people_staging import PAGE, Progress, Staged, StagedCard, StagedHolder
from gateway.centre.people_tables import cards, holders
from gateway.centre.people_times import check_born, latest_birth
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.wire.contents import Standing

MOST_ENDED = 0.1
"""Share of the holders, and of the cards, that one full import may end unless it is told otherwise."""


class Missing(NamedTuple):
    """Whom and what a full import does not name any more."""

    holders: list[str]
    cards: list[bytes]


def import_people(
    database: Database,
    staged: Staged,
    officer: str,
    at_ms: int,
    *,
    most_ended: float = MOST_ENDED,
    progress: Progress | None = None,
) -> Done:
    """Import a staged file, whole or as the delta it was staged as, in one transaction.

    Raises, with nothing changed: `Conflict` when a full import would end more than `most_ended` of the holders or the
    cards, when a delta gives a card to somebody while another has it, or for another key; `NotFound` when a delta ends
    what was never there.
    """

    def work(db: Connection, journal: Journal) -> None:
        keep_key(db, staged.key)
        missing = _missing(db, staged) if not staged.delta else Missing([], [])
        if not staged.delta:
            _check_share(db, holders, len(missing.holders), "holders", most_ended)
            _check_share(db, cards, len(missing.cards), "cards", most_ended)
        end_cards(db, journal, missing.cards)
        for page in pages(missing.holders):
            end_holders(db, journal, [("", holder) for holder in page])
        _Import(db, journal, staged, progress).run()
        if database.is_postgresql:
            db.exec_driver_sql("ANALYZE holders, cards")  # else it plans for empty tables until it finds the time

    return operate(database, Verb.DELTA if staged.delta else Verb.IMPORT, officer, at_ms, work)


class _Import:
    def __init__(self, db: Connection, journal: Journal, staged: Staged, progress: Progress | None) -> None:
        self._db = db
        self._journal = journal
        self._staged = staged
        self._progress = progress or (lambda _what, _done: None)
        self._now = journal.at_ms
        self._latest_birth = latest_birth(journal.at_ms)

    def run(self) -> None:
        done = 0
        for people in self._staged.pages_of_holders():
            end_holders(self._db, self._journal, [(where, said.holder) for where, said in people if said.end])
            for where, said in people:
                if said.born:
                    check_born(date.fromisoformat(said.born), where, self._latest_birth)
            self._holders([said for _, said in people if not said.end])
            done += len(people)
            self._progress("holders done", done)
        done = 0
        for plastic in self._staged.pages_of_cards():
            self._cards(plastic)
            done += len(plastic)
            self._progress("cards done", done)

    def _holders(self, said: Sequence[StagedHolder]) -> None:
        known = holders_of(self._db, [one.holder for one in said])
        new, ended = [], []
        for one in said:
            before = known.get(one.holder)
            after = _merged_holder(before or HolderState(one.holder, "", None, 0), one)
            if after == before:
                continue
            new.append(after)
            if before is None:
                what = Change.ADDED
            elif bool(before.ended_ms) != bool(after.ended_ms):
                what = Change.ENDED if after.ended_ms else Change.RESUMED
                ended += [one.holder] if after.ended_ms else []
            else:
                what = Change.CHANGED
            self._journal.add(what, one.holder)
        put_holders(self._db, self._now, new)
        end_living(self._db, self._journal, cards_by(self._db, cards.c.holder.in_(ended) & (cards.c.ended_ms == 0)))

    def _cards(self, said: Sequence[tuple[bytes, StagedCard]]) -> None:
        known = {card.digest: card for card in cards_by(self._db, cards.c.digest.in_([digest for digest, _ in said]))}
        new, ended = [], []
        for digest, one in said:
            before = known.get(digest)
            if one.end:
                if before is None or before.holder != one.holder:
                    raise NotFound("this holder has no such card", where=one.where, code="card_unknown")
                ended.append(digest)
                continue
            if before is not None and before.holder != one.holder and self._staged.delta and not before.ended_ms:
                advice = "End it there first, or say so in a full import"
                raise Conflict("another holder has this card", advice, where=one.where, code="card_taken")
            after = self._merged(before, digest, one)
            if after != before:
                new.append(after)
                for what in told(before, after):
                    self._journal.add(what, after.holder, digest)
        put_cards(self._db, self._now, new)
        end_cards(self._db, self._journal, ended)

    def _merged(self, before: CardState | None, digest: bytes, said: StagedCard) -> CardState:
        now = before or CardState(
            digest, self._staged.key.key_id, said.kind, said.holder, Standing.ACTIVE.value, 0, 0, 0, 0, None, 0, 0
        )
        if now.kind != said.kind:
            raise InputRefused("the digest of a card of another kind", where=said.where)
        replaced_by = now.replaced_by if said.replaced_by is None else bytes.fromhex(said.replaced_by) or None
        blocked = replaced_by is not None or (said.standing or Standing(now.standing)) is Standing.BLOCKED
        after = now._replace(
            holder=said.holder,
            standing=(Standing.BLOCKED if blocked else Standing.ACTIVE).value,
            from_ms=now.from_ms if said.from_ms is None else said.from_ms,
            until_ms=now.until_ms if said.until_ms is None else said.until_ms,
            temporary=now.temporary if said.temporary is None else int(said.temporary),
            issued_here=int(said.issued_here),
            replaced_by=replaced_by,
            blocked_ms=(said.blocked_ms or now.blocked_ms or self._now) if blocked else 0,
            ended_ms=said.ended_ms,
        )
        if after.until_ms and after.until_ms <= after.from_ms:
            raise InputRefused("ends before it begins", where=said.where)
        return after


def _merged_holder(now: HolderState, said: StagedHolder) -> HolderState:
    return HolderState(
        said.holder,
        now.entitlements if said.entitlements is None else said.entitlements,
        now.language if said.language is None else said.language or None,
        said.ended_ms,
        now.residence if said.residence is None else said.residence or None,
        now.born if said.born is None else said.born or None,
    )


def _missing(db: Connection, staged: Staged) -> Missing:
    """Who lives here and is not in the file; and such cards, apart from those that were issued here."""
    gone = Missing([], [])
    for page in _keys(db, holders, "holder", holders.c.ended_ms == 0):
        gone.holders.extend(holder for holder in page if not staged.has_holder(holder))
    for page in _keys(db, cards, "digest", (cards.c.ended_ms == 0) & (cards.c.issued_here == 0)):
        gone.cards.extend(digest for digest in page if not staged.has_card(digest))
    return gone


def _keys(db: Connection, table: Table, name: str, condition: Any) -> Iterator[list[Any]]:
    column = table.c[name]
    asked = select(column).where(condition).order_by(column).limit(PAGE)
    page = list(db.execute(asked).scalars())
    while page:
        yield page
        page = list(db.execute(asked.where(column > page[-1])).scalars())


def _check_share(db: Connection, table: Table, ending: int, what: str, most: float) -> None:
    living = db.execute(select(func.count()).select_from(table).where(table.c.ended_ms == 0)).scalar_one()
    if ending > living * most:
        raise Conflict(
            f"it would end {ending} of {living} {what}, more than {most:.0%}",
            "Is the file whole? If it is meant so, allow it with --most-ended",
            code="ends_too_many",
        )

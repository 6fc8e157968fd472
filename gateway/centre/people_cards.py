"""What an officer does to single cards and holders. Each call is one transaction; done twice it is done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from gateway.centre.database import Database
from gateway.centre.people_file import CardId, Replacement, Row
from gateway.centre.people_key import keep_key
from gateway.centre.people_log import Change, Done, Journal, Verb, operate
from gateway.centre.people_rows import (
    CardState,
    HolderState,
    cards_by,
    end_holders,
    holders_of,
    put_cards,
    told,
)
from gateway.centre.people_staging import PAGE, CardKey
from gateway.centre.people_tables import cards
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.model.identification import CredentialKind
from gateway.wire.contents import Standing

T = TypeVar("T")

MOST = 10_000
"""Cards or holders that one call takes: an import is for more."""


class Desk:
    """An officer at work. Raises, with nothing changed: `NotFound` for a card or holder that is not here, `Conflict`
    for what another holder or card stands in the way of, `InputRefused` for an id that is none, `LedgerError`."""

    def __init__(self, database: Database, officer: str, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._officer = officer
        self._clock_ms = clock_ms

    def block(self, named: Sequence[Row[CardId]], key: CardKey) -> Done:
        """Block these cards: refused at every place as soon as it has heard of it (`people_out.blocks_of`)."""
        return self._each(Verb.BLOCK, named, key, block_card)

    def block_holder(self, holder: str) -> Done:
        """Block every card of a holder."""

        def work(db: Connection, journal: Journal) -> None:
            _known(db, holder)
            for card in cards_by(db, cards.c.holder == holder):
                block_card(db, journal, card)

        return self._operate(Verb.BLOCK, work)

    def unblock(self, named: Sequence[Row[CardId]], key: CardKey) -> Done:
        """Let these cards be used again. `Conflict` for one that was replaced: two would be in use."""
        return self._each(Verb.UNBLOCK, named, key, _unblock)

    def replace(self, pairs: Sequence[Row[Replacement]], key: CardKey) -> Done:
        """Block each old card and put the new one in its place: same holder, same end, same entitlements."""

        def work(db: Connection, journal: Journal) -> None:
            keep_key(db, key)
            for where, pair in _counted(pairs):
                old = _card(db, key, pair.old, where)
                replace_card(db, journal, old, _digest(key, pair.new, where), pair.new.kind, where)

        return self._operate(Verb.REPLACE, work)

    def temporary(self, holder: str, named: Sequence[Row[CardId]], key: CardKey, until_ms: int) -> Done:
        """Give a holder a card until then; its other cards stay as they are."""

        def work(db: Connection, journal: Journal) -> None:
            keep_key(db, key)
            if until_ms <= journal.at_ms:
                raise InputRefused("a temporary card ends in the future", where="--until")
            living_holder(db, holder, "")
            for where, card in _counted(named):
                digest = _digest(key, card, where)
                before = find_card(db, digest)
                issued_here = 1
                if before is not None:
                    _free(before, where)
                    again = before.holder == holder and bool(before.temporary)
                    if not again and not before.ended_ms:
                        raise _taken(where)
                    issued_here = before.issued_here if again else 1
                _issue(db, journal, before, _new(digest, key.key_id, card.kind, holder, until_ms, 1, issued_here))

        return self._operate(Verb.TEMPORARY, work)

    def end(self, ids: Sequence[str]) -> Done:
        """End holders with all of their cards. Nothing is deleted, and an import may bring them back."""
        if len(ids) > PAGE:
            raise InputRefused(f"more than {PAGE} holders at once", "Import a delta")
        named = [(f"holder {number}", holder) for number, holder in enumerate(ids, start=1)]
        return self._operate(Verb.END, lambda db, journal: end_holders(db, journal, named))

    def _each(
        self,
        verb: Verb,
        named: Sequence[Row[CardId]],
        key: CardKey,
        act: Callable[[Connection, Journal, CardState], None],
    ) -> Done:
        def work(db: Connection, journal: Journal) -> None:
            keep_key(db, key)
            for where, card in _counted(named):
                try:
                    act(db, journal, _card(db, key, card, where))
                except Conflict as conflict:
                    conflict.where = where
                    raise

        return self._operate(verb, work)

    def _operate(self, verb: Verb, work: Callable[[Connection, Journal], None]) -> Done:
        return operate(self._database, verb, self._officer, self._clock_ms(), work)


def block_card(db: Connection, journal: Journal, card: CardState) -> None:
    """Once, however often."""
    if card.standing == Standing.BLOCKED:
        return
    put_cards(db, journal.at_ms, [card._replace(standing=Standing.BLOCKED.value, blocked_ms=journal.at_ms)])
    journal.add(Change.CARD_BLOCKED, card.holder, card.digest)


def add_card(db: Connection, journal: Journal, digest: bytes, key_id: str, kind: CredentialKind, holder: str) -> None:
    """A further card of a holder, from now on and without an end. Nothing is changed where it is so already. Raises
    `Conflict` for a blocked card and for somebody else's, before the first change."""
    before = find_card(db, digest)
    new = _new(digest, key_id, kind, holder, 0, 0, 1)
    if before is not None:
        _free(before, "")
        if before.holder != holder and not before.ended_ms:
            raise _taken("")
        if before.holder == holder and not before.ended_ms:
            return
    _issue(db, journal, before, new)


def _unblock(db: Connection, journal: Journal, card: CardState) -> None:
    if card.standing == Standing.ACTIVE:
        return
    if card.replaced_by is not None:
        raise Conflict("it was replaced: another card is in its place", "Block that one first", code="card_replaced")
    put_cards(db, journal.at_ms, [card._replace(standing=Standing.ACTIVE.value, blocked_ms=0)])
    journal.add(Change.CARD_UNBLOCKED, card.holder, card.digest)


def replace_card(
    db: Connection, journal: Journal, old: CardState, digest: bytes, kind: CredentialKind, where: str = ""
) -> None:
    """Block the old card and put a new one in its place. Raises before the first change."""
    if old.replaced_by == digest:
        return
    if old.replaced_by is not None:
        raise Conflict("the old card was replaced by another one already", where=where, code="card_replaced")
    if old.digest == digest:
        raise InputRefused("a card cannot take its own place", where=where)
    if old.ended_ms:
        raise Conflict("the old card has ended", "Import the new one", where=where, code="card_ended")
    before = find_card(db, digest)
    new = _new(digest, old.key_id, kind, old.holder, old.until_ms, old.temporary, 1)
    if before is not None:
        _free(before, where)
        if before.holder != old.holder and not before.ended_ms:
            raise _taken(where)
        if before.holder == old.holder and not before.ended_ms:
            new = before  # issued already, by an import: it is as that said
    blocked_ms = old.blocked_ms or journal.at_ms
    put_cards(
        db, journal.at_ms, [old._replace(standing=Standing.BLOCKED.value, blocked_ms=blocked_ms, replaced_by=digest)]
    )
    journal.add(Change.CARD_REPLACED, old.holder, old.digest)
    _issue(db, journal, before, new)


def _new(
    digest: bytes, key_id: str, kind: CredentialKind, holder: str, until_ms: int, temporary: int, issued_here: int
) -> CardState:
    return CardState(
        digest, key_id, kind.value, holder, Standing.ACTIVE.value, 0, until_ms, temporary, issued_here, None, 0, 0
    )


def _issue(db: Connection, journal: Journal, before: CardState | None, card: CardState) -> None:
    if card != before:
        put_cards(db, journal.at_ms, [card])
    for what in told(before, card):
        journal.add(what, card.holder, card.digest)


def _free(card: CardState, where: str) -> None:
    """A card that was reported lost is not handed out again by accident."""
    if card.standing == Standing.BLOCKED:
        raise Conflict("the card is blocked", "Take another one, or unblock it first", where=where, code="card_blocked")


def _taken(where: str) -> Conflict:
    return Conflict("the card is somebody's already", "Take another one", where=where, code="card_taken")


def _counted(rows: Sequence[Row[T]]) -> Sequence[Row[T]]:
    if len(rows) > MOST:
        raise InputRefused(f"more than {MOST} cards at once", "Import a delta")
    return rows


def _digest(key: CardKey, card: CardId, where: str) -> bytes:
    try:
        return key.digest(card)
    except InputRefused as refused:
        raise InputRefused(refused.what, refused.advice, where=where) from None


def find_card(db: Connection, digest: bytes) -> CardState | None:
    """Ended or not."""
    return next(iter(cards_by(db, cards.c.digest == digest)), None)


def _card(db: Connection, key: CardKey, named: CardId, where: str) -> CardState:
    found = find_card(db, _digest(key, named, where))
    if found is None:
        advice = "Check kind and id; it is refused everywhere as it is"
        raise NotFound(f"no holder has this {named.kind}", advice, where=where, code="card_unknown")
    return found


def _known(db: Connection, holder: str) -> HolderState:
    found = holders_of(db, [holder]).get(holder)
    if found is None:
        raise NotFound("there is no such holder", "Holders go by the id of the import", code="holder_unknown")
    return found


def living_holder(db: Connection, holder: str, where: str = "") -> None:
    """Raises `NotFound` for nobody, `Conflict` for who has ended."""
    if _known(db, holder).ended_ms:
        raise Conflict("the holder has ended", "Import the holder again", where=where, code="holder_ended")

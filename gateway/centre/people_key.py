"""One card key per store: digests made with another one would find nobody, and end everybody who is there."""

from __future__ import annotations

from sqlalchemy import Connection, select

from gateway.centre.people_staging import CardKey
from gateway.centre.people_tables import card_keys
from gateway.model.errors import Conflict


def keep_key(db: Connection, key: CardKey) -> None:
    """Remember the key by its id and mark at its first use. Raises `Conflict` for another one than the store has."""
    known = db.execute(select(card_keys.c.key_id, card_keys.c.mark)).first()
    if known is None:
        db.execute(card_keys.insert(), {"key_id": key.key_id, "mark": key.mark})
        return
    if known.key_id != key.key_id:
        what = f"the store's digests were made with card key {known.key_id!r}, not with {key.key_id!r}"
        raise Conflict(what, "Give that key", where="--card-key-id", code="other_card_key")
    if key.mark is None or known.mark == key.mark:
        return
    if known.mark is not None:
        what = f"not the card key {key.key_id!r} with which the store's digests were made"
        raise Conflict(what, "Give that key", where="--card-key", code="other_card_key")
    db.execute(card_keys.update().values(mark=key.mark))


def key_id_of(db: Connection) -> str:
    """Empty: there are no cards yet."""
    return db.execute(select(card_keys.c.key_id)).scalar() or ""

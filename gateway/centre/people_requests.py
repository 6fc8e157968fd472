"""What staff at desks ask for (entries `card_request`), done or refused in the transaction that stores the entry.

A gateway proves nothing to us beyond its own name: what it says of holder and proof is held against what is here. The
request is done once, because its entry is stored once, and done twice it would change nothing. What is refused is an
alarm with a closed word, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, func, select

from gateway.centre.people_cards import add_card, block_card, find_card, living_holder, replace_card
from gateway.centre.people_key import key_id_of
from gateway.centre.people_log import ONE_AT_A_TIME, Journal, Verb
from gateway.centre.people_rows import CardState
from gateway.model.bodies import CardAct, CardRequestBody
from gateway.model.entry import Entry
from gateway.model.errors import Conflict, InputRefused, LedgerError, NotFound
from gateway.model.identification import Credential, CredentialKind, Strength
from gateway.wire.contents import DigestHex, HolderId, Standing

GENUINE = frozenset({CredentialKind.SUN_CARD, CredentialKind.DESFIRE_CARD, CredentialKind.PASS})
"""Kinds that prove themselves wherever they are read: only they vouch for a further card, whatever a gateway says."""
NEW = frozenset({CredentialKind.CARD, CredentialKind.SUN_CARD, CredentialKind.DESFIRE_CARD, CredentialKind.BARCODE})
"""What a desk may make somebody's. A pass is its issuer's."""
VERBS = {CardAct.LINK: Verb.LINK, CardAct.BLOCK: Verb.BLOCK, CardAct.REPLACE: Verb.REPLACE}


class Refused(msgspec.Struct, frozen=True):
    """Why nothing was done: a closed word (docs/centre.md, Cards at the desk), and which request."""

    word: str
    request: str


def take(db: Connection, entry: Entry, now_ms: int) -> Refused | None:
    """Do what the entry asks, or say why not. Changes nothing then. Raises `LedgerError` while an officer's operation
    is under way (PostgreSQL): the whole group is then tried again."""
    own = entry.header.id
    understood = decode(entry.body or b"")
    if understood is None:
        return Refused("not_understood", f"{own.stream}/{own.seq}")
    body, digests = understood
    if db.dialect.name == "postgresql" and not _has_lock(db):
        raise LedgerError("holders are being changed", "It is tried again")
    # Every check comes before the first change.
    officer = f"{body.staff} at {own.gateway}/{body.station}"
    journal = Journal(db, VERBS[body.act], officer, now_ms)
    try:
        _do(db, journal, body, *digests)
    except (NotFound, Conflict, InputRefused) as refused:
        return Refused(refused.code, body.request[:32])
    journal.finish()
    return None


def decode(data: bytes) -> tuple[CardRequestBody, tuple[bytes, bytes, bytes]] | None:
    """A request with the digests of its proof, new card and lost card (empty: none). None for what no gateway of ours
    says, whatever the bytes are."""
    try:
        body = msgspec.json.decode(data, type=CardRequestBody)
        proof, new, lost = _checked(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return body, (proof, new, lost)


def _checked(body: CardRequestBody) -> Iterator[bytes]:
    """Raises `ValueError` for texts that the store cannot keep, and for cards that do not go with the act."""
    if any("\0" in text for text in (body.staff, body.station, body.request)) or len(body.staff + body.station) > 64:
        raise ValueError("a text that is none")
    msgspec.convert(body.holder, HolderId)
    if (body.card is None) != (body.act is CardAct.BLOCK) or (not body.lost) != (body.act is CardAct.LINK):
        raise ValueError("act and cards do not go together")
    for digest in (body.credential.digest, body.card.digest if body.card else "", body.lost):
        yield bytes.fromhex(msgspec.convert(digest, DigestHex)) if digest else b""


def _has_lock(db: Connection) -> bool:
    """Not waited for: an import holds it long, and this transaction holds the entries of many gateways."""
    return bool(db.execute(select(func.pg_try_advisory_xact_lock(ONE_AT_A_TIME))).scalar_one())


def _do(db: Connection, journal: Journal, body: CardRequestBody, proof: bytes, new: bytes, lost: bytes) -> None:
    living_holder(db, body.holder)
    key_id = key_id_of(db)
    for one in (body.credential, body.card):
        if one is not None and one.key_id != key_id:
            raise Conflict("digests of another card key", code="other_card_key")
    _check_proof(
        find_card(db, proof), body.holder, body.credential, journal.at_ms, genuine=body.act is not CardAct.BLOCK
    )
    if lost == proof:
        raise InputRefused("the lost card is the proof", code="lost_is_the_proof")
    if body.card is not None and body.card.kind not in NEW:
        raise InputRefused("no desk registers this kind", code="kind_not_registered")
    if body.act is CardAct.LINK and body.card is not None:
        add_card(db, journal, new, key_id, body.card.kind, body.holder)
        return
    old = find_card(db, lost)
    if old is None or old.holder != body.holder:
        raise NotFound("not a card of this holder", code="card_not_of_holder")
    if body.card is not None:
        replace_card(db, journal, old, new, body.card.kind)
    else:
        block_card(db, journal, old)


def _check_proof(proof: CardState | None, holder: str, said: Credential, now_ms: int, *, genuine: bool) -> None:
    """The holder was known by a card that is theirs and counts now, and for a further card by a genuine one."""
    if proof is None or proof.holder != holder or proof.kind != said.kind:
        raise NotFound("the proof is not a card of this holder", code="proof_not_of_holder")
    counts = proof.from_ms <= now_ms and not (proof.until_ms and proof.until_ms <= now_ms)
    if proof.standing == Standing.BLOCKED or proof.ended_ms or not counts:
        raise Conflict("the proof does not count any more", code="proof_does_not_count")
    if genuine and (said.strength is not Strength.GENUINE or said.kind not in GENUINE):
        raise Conflict("the proof can be copied", code="proof_too_weak")

"""Holders and cards as they leave the store: for officers, for another store, for the gateways. Digests only."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from typing import TextIO

import msgspec
from sqlalchemy import Connection, select

from gateway.centre.holders import asked_by
from gateway.centre.people_file import COLUMNS, CardRow, HolderRow
from gateway.centre.people_key import key_id_of
from gateway.centre.people_rows import CardState, HolderState, cards_by
from gateway.centre.people_staging import PAGE
from gateway.centre.people_tables import cards, holders
from gateway.centre.people_times import stored
from gateway.model.identification import CredentialKind
from gateway.rules.document import RulesContent
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing

Person = tuple[HolderState, list[CardState]]


class Projection(msgspec.Struct, frozen=True):
    """A registry for one place, and until when it is right (0: until somebody changes something): then an entitlement
    that the rules use begins or ends, and a new one has to be built."""

    content: RegistryContent
    until_ms: int


class Blocked(msgspec.Struct, frozen=True):
    """A blocked card, and since when it is."""

    digest: str
    since_ms: int


def people(db: Connection, only: str | None = None) -> Iterator[Person]:
    """All holders with their cards, ended ones too, in the order of their ids; or one."""
    of = holders.c
    asked = select(*(of[name] for name in HolderState._fields)).order_by(of.holder).limit(PAGE)
    if only is not None:
        asked = asked.where(of.holder == only)
    page = [HolderState._make(row) for row in db.execute(asked)]
    while page:
        theirs: dict[str, list[CardState]] = {holder.holder: [] for holder in page}
        for card in cards_by(db, cards.c.holder.in_(list(theirs))):
            theirs[card.holder].append(card)
        yield from ((holder, theirs[holder.holder]) for holder in page)
        page = [HolderState._make(row) for row in db.execute(asked.where(of.holder > page[-1].holder))]


def exported(db: Connection, only: str | None = None) -> Iterator[HolderRow]:
    """Everything as an import takes it: imported into an empty store of the same card key it makes the same store."""
    for holder, plastic in people(db, only):
        yield HolderRow(
            holder=holder.holder,
            entitlements=tuple(holder.entitlements.split()),
            language=holder.language,
            residence=holder.residence,
            born=_date(holder.born),
            ended_ms=holder.ended_ms,
            credentials=tuple(_exported(card) for card in plastic),
        )


def write_json(rows: Iterator[HolderRow], out: TextIO) -> int:
    """A JSON list, one holder a line. Returns how many."""
    count = 0
    for row in rows:
        out.write(("[\n" if not count else ",\n") + msgspec.json.encode(row).decode())
        count += 1
    out.write("\n]\n" if count else "[]\n")
    return count


def write_csv(rows: Iterator[HolderRow], out: TextIO) -> int:
    """One card a row. Returns how many holders."""
    names = [name for name in COLUMNS if name not in ("action", "id", "issuer", "from", "until")]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        count += 1
        person = {
            "holder": row.holder,
            "entitlements": " ".join(row.entitlements or ()),
            "language": row.language or "",
            "residence": row.residence or "",
            "born": row.born or "",
            "holder_ended_ms": row.ended_ms or "",
        }
        for card in row.credentials or (None,):
            cells = {} if card is None else msgspec.to_builtins(card)
            writer.writerow(person | {name: _cell(value) for name, value in cells.items()})
    return count


def registry_of(db: Connection, rules: RulesContent, at_ms: int) -> RegistryContent:
    """The registry for a place with these rules: only entitlements that they use and that hold at this time, residence
    and birth only where they ask for them, only holders with a card, cards with their validity. What has ended is not
    in it."""
    return project(db, rules, at_ms).content


def project(db: Connection, rules: RulesContent, at_ms: int) -> Projection:
    """The same, and until when it is right (birthdays need no new one). Deterministic: the same store, rules and time
    give the same."""
    asked = asked_by(rules)
    someone: list[RegistryHolder] = []
    plastic: list[RegistryCredential] = []
    until_ms = 0
    for holder, theirs in people(db):
        living = [_registered(card) for card in theirs if not card.ended_ms]
        if holder.ended_ms or not living:
            continue
        known = [entitlement for entitlement in stored(holder.entitlements) if entitlement.code in asked.entitlements]
        codes = sorted({entitlement.code for entitlement in known if entitlement.holds(at_ms)})
        turns = [ms for one in known for ms in (one.from_ms, one.until_ms) if ms > at_ms]
        until_ms = min([*turns, *([until_ms] if until_ms else [])], default=0)
        facts = asked.facts(holder.residence, _date(holder.born))
        someone.append(RegistryHolder(holder.holder, tuple(codes), holder.language, *facts))
        plastic += living
    plastic.sort(key=lambda card: card.digest)
    return Projection(RegistryContent(key_id_of(db), tuple(someone), tuple(plastic)), until_ms)


def blocks_of(db: Connection, since_ms: int = 0) -> list[Blocked]:
    """Cards that are blocked, and have been since then or later: the newest first."""
    of = cards.c
    asked = select(of.digest, of.blocked_ms).where(of.standing == Standing.BLOCKED.value, of.blocked_ms >= since_ms)
    rows = db.execute(asked.order_by(of.blocked_ms.desc(), of.digest))
    return [Blocked(digest.hex(), since) for digest, since in rows]


def _registered(card: CardState) -> RegistryCredential:
    kind, standing = CredentialKind(card.kind), Standing(card.standing)
    return RegistryCredential(kind, card.digest.hex(), card.holder, standing, card.from_ms, card.until_ms)


def _exported(card: CardState) -> CardRow:
    return CardRow(
        kind=CredentialKind(card.kind),
        digest=card.digest.hex(),
        standing=Standing(card.standing),
        from_ms=card.from_ms,
        until_ms=card.until_ms,
        temporary=bool(card.temporary),
        replaced_by=card.replaced_by.hex() if card.replaced_by else None,
        issued_here=bool(card.issued_here),
        blocked_ms=card.blocked_ms,
        ended_ms=card.ended_ms,
    )


def _date(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else ""
    return value or ""

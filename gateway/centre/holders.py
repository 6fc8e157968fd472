"""Holders with clear credential ids in, a registry of digests out. Clear ids live only in this step's memory.

What is wrong is told by row, never by the id itself. Input is JSON (a list of `ImportedHolder`) or CSV with the
columns holder, entitlements, language, residence, born, kind, id, issuer, standing, from_ms, until_ms: one credential a
row, the same holder may have several rows; entitlements are separated by white space.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Annotated

import msgspec

from gateway.centre.people_times import check_born
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.rules.document import RulesContent
from gateway.rules.named import all_groups, asks_age, asks_residence
from gateway.wire import credentials
from gateway.wire.contents import (
    MAX_BLOCKED,
    Blocks,
    Code,
    RegistryContent,
    RegistryCredential,
    RegistryHolder,
    Standing,
)

IMPORT_ONLY = frozenset(
    ("action", "from", "until", "digest", "temporary", "replaced_by", "issued_here", "blocked_ms", "ended_ms")
)
"""Columns of docs/centre.md that need the centre's store. They are named in a fault; what else a first row holds may be
an id."""


class ImportedCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A credential with its clear id: UID in hex (card, sun_card, desfire_card), the number (access_card), the code
    (barcode), the beacon, the pass's id and its issuer (pass). `repr` hides it."""

    kind: CredentialKind
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    issuer: str = ""
    standing: Standing = Standing.ACTIVE
    from_ms: int = 0
    until_ms: int = 0

    def __repr__(self) -> str:
        return f"ImportedCredential({self.kind})"


class ImportedHolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A holder by opaque id (never a name or a personal code), with all that the city knows for its rules."""

    holder: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    entitlements: tuple[str, ...] = ()
    language: str | None = None
    residence: Code | None = None
    born: date | None = None
    credentials: tuple[ImportedCredential, ...] = ()


def read_json(data: bytes) -> list[ImportedHolder]:
    """Holders from JSON. Raises `InputRefused` with the place of the fault, not its value."""
    try:
        return msgspec.json.decode(data, type=list[ImportedHolder])
    except (msgspec.ValidationError, RecursionError) as error:
        path = str(error).partition(" - at ")[2] or "its beginning"
        raise InputRefused(f"not a list of holders: at {path}", "See docs/centre.md") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputRefused("not a list of holders: not JSON", "See docs/centre.md") from None


def read_csv(text: str) -> list[ImportedHolder]:
    """Holders from CSV; rows of one holder are put together and must agree. Raises `InputRefused`."""
    found: dict[str, ImportedHolder] = {}
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise InputRefused(f"not CSV: {error}") from None
    if rows and (others := IMPORT_ONLY.intersection(filter(None, rows[0]))):
        advice = "Import the file: smartplace centre holders import, then smartplace centre registry"
        raise InputRefused(f"a column that only an import knows: {', '.join(sorted(others))}", advice)
    for number, row in enumerate(rows, start=2):
        holder = _csv_holder(row, f"row {number}")
        known = found.get(holder.holder)
        if known is not None:
            if msgspec.structs.replace(known, credentials=()) != msgspec.structs.replace(holder, credentials=()):
                raise InputRefused("differs from the holder's first row", where=f"row {number}")
            holder = msgspec.structs.replace(known, credentials=known.credentials + holder.credentials)
        found[holder.holder] = holder
    return list(found.values())


class Asked(msgspec.Struct, frozen=True):
    """What a place's rules ask of a holder: nothing else has any business there."""

    entitlements: frozenset[str] = frozenset()
    residence: bool = False
    born: bool = False

    def facts(self, residence: str | None, born: date | None) -> tuple[str | None, date | None]:
        """Of these, what the place gets to know."""
        return residence if self.residence else None, born if self.born else None


def asked_by(rules: RulesContent) -> Asked:
    """What these rules ask: entitlement codes, whether for residence, whether for age."""
    return Asked(all_groups(rules), residence=asks_residence(rules), born=asks_age(rules))


def build_registry(holders: Sequence[ImportedHolder], key: bytes, key_id: str, asked: Asked) -> RegistryContent:
    """The registry for a place whose rules ask this, digests made with the city's `key`.

    Deterministic, and so without a clock: the same input gives the same bytes when encoded. Raises `InputRefused` for
    a holder named twice, an id that is none, somebody born before 1881, or a credential that two holders have.
    """
    if len(key) != credentials.KEY_BYTES:
        raise InputRefused(f"the key has {len(key)} bytes", f"It needs {credentials.KEY_BYTES}")
    people: dict[str, RegistryHolder] = {}
    owners: dict[tuple[CredentialKind, str], RegistryCredential] = {}
    for index, holder in enumerate(holders):
        where = f"holder {index + 1}"
        if holder.holder in people:
            raise InputRefused("its id was used before", where=where)
        if any("[" in code for code in holder.entitlements):
            advice = "Import them: smartplace centre holders import, then smartplace centre registry"
            raise InputRefused("entitlements with dates", advice, where=where)
        if holder.born is not None:
            check_born(holder.born, where)
        codes = tuple(sorted(asked.entitlements.intersection(holder.entitlements)))
        facts = asked.facts(holder.residence, holder.born)
        people[holder.holder] = RegistryHolder(holder.holder, codes, holder.language, *facts)
        for credential in holder.credentials:
            registered = _registered(credential, holder.holder, key, where)
            if owners.setdefault((registered.kind, registered.digest), registered) is not registered:
                raise InputRefused(f"one {registered.kind} of it is there twice", where=where)
    return RegistryContent(
        key_id=key_id,
        holders=tuple(people[name] for name in sorted(people)),
        credentials=tuple(owners[at] for at in sorted(owners)),
    )


def canonical_id(credential: ImportedCredential) -> bytes:
    """The canonical id that is hashed (`gateway.wire.credentials`). Raises `InputRefused`."""
    match credential.kind:
        case CredentialKind.CARD | CredentialKind.SUN_CARD | CredentialKind.DESFIRE_CARD:
            uid = _hex(credential.id)
            if len(uid) not in credentials.UID_LENGTHS:
                raise InputRefused(f"a {credential.kind} has a UID of 4, 7 or 10 bytes in hex")
            return uid
        case CredentialKind.ACCESS_CARD:
            number = credentials.parse_access_card(credential.id)
            if number is None:
                raise InputRefused("an access_card is h10301:FACILITY:NUMBER, h10304:FACILITY:NUMBER or BITS:HEX")
            return number
        case CredentialKind.BARCODE:
            code = credentials.barcode(credential.id.encode())
            if code is None:
                raise InputRefused("a barcode is 1 to 128 printable ASCII characters")
            return code
        case CredentialKind.BEACON:
            heard = credentials.beacon(credential.id)
            if heard is None:
                raise InputRefused("a beacon is ibeacon:UUID:MAJOR:MINOR and the like (docs/drivers/ble.md)")
            return heard
        case CredentialKind.PASS:
            # Hex, as gateways write what a pass has: in capitals, or with colons, it would be a pass that nobody has.
            return credentials.pass_id(credential.issuer, _hex(credential.id).hex() or credential.id)


def _registered(credential: ImportedCredential, holder: str, key: bytes, where: str) -> RegistryCredential:
    try:
        canonical = canonical_id(credential)
    except InputRefused as refused:
        raise InputRefused(refused.what, refused.advice, where=where) from None
    digest = credentials.digest(key, credential.kind, canonical).hex()
    return RegistryCredential(
        credential.kind, digest, holder, credential.standing, credential.from_ms, credential.until_ms
    )


def _hex(text: str) -> bytes:
    """UID as people write it: hex, with or without `:`, `-` or spaces between the bytes."""
    try:
        return bytes.fromhex(text.replace(":", " ").replace("-", " "))
    except ValueError:
        return b""


def _csv_holder(row: dict[str | None, str | None], where: str) -> ImportedHolder:
    if None in row or None in row.values():
        raise InputRefused("has not as many fields as the first row", where=where)
    given = {str(name): str(value).strip() for name, value in row.items() if value and value.strip()}
    credential = {name: given.pop(name) for name in ("kind", "id", "issuer", "standing") if name in given}
    times = {name: given.pop(name) for name in ("from_ms", "until_ms") if name in given}
    holder: dict[str, object] = {**given, "entitlements": given.get("entitlements", "").split()}
    if credential:
        holder["credentials"] = [{**credential, **times}]
    try:
        return msgspec.convert(holder, ImportedHolder, strict=False)
    except msgspec.ValidationError as error:
        # Without a place it is the name of a column, which is an id where the file has no first row of names.
        path = str(error).partition(" - at ")[2].strip("`").removeprefix("$.credentials[0]").removeprefix("$")
        raise InputRefused(f"wrong or unknown: {path.lstrip('.') or 'a column'}", where=where) from None


def read_cards(data: bytes) -> list[ImportedCredential]:
    """Cards to block: a JSON list of `ImportedCredential`, or CSV with the columns kind, id, issuer. Raises
    `InputRefused` with the place of the fault, not its value."""
    if data.lstrip()[:1] == b"[":
        return [card for holder in read_json(_as_holder(data)) for card in holder.credentials]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused("neither JSON nor CSV in UTF-8", "See docs/centre.md") from None
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        rows, columns = list(reader), reader.fieldnames or ()
    except csv.Error as error:
        raise InputRefused(f"not CSV: {error}") from None
    if not {"kind", "id"} <= set(columns):
        raise InputRefused("the first row names no columns kind and id", "See docs/centre.md")
    cards: list[ImportedCredential] = []
    for number, row in enumerate(rows, start=2):
        found = _csv_holder({"holder": "-", **row}, f"row {number}").credentials
        if not found:
            raise InputRefused("names no card", where=f"row {number}")
        cards += found
    return cards


def build_blocks(cards: Sequence[ImportedCredential], key: bytes, key_id: str) -> Blocks:
    """The list of blocked cards. Raises `InputRefused` for an id that is none, or for more than one list holds."""
    if len(key) != credentials.KEY_BYTES:
        raise InputRefused(f"the key has {len(key)} bytes", f"It needs {credentials.KEY_BYTES}")
    digests = {_registered(card, "-", key, f"card {index + 1}").digest for index, card in enumerate(cards)}
    if len(digests) > MAX_BLOCKED:
        raise InputRefused(
            f"{len(digests)} cards, a list holds {MAX_BLOCKED}",
            "Publish a registry in which the older ones are blocked",
        )
    return Blocks(key_id, tuple(sorted(digests)))


def _as_holder(cards: bytes) -> bytes:
    return b'[{"holder":"-","credentials":' + cards + b"}]"

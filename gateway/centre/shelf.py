"""The signed bundles that the centre keeps, in pieces as they travel, and what each gateway has said to have in force.

Functions on an open transaction of the store. The content of a bundle goes when a newer one of its kind and target is
here; keys stay, for a gateway that was away must follow every change of them in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select, true

from gateway.centre.sql import insert, upsert
from gateway.centre.tables import bundle_chunks, bundles, bundles_told, gateways
from gateway.model.bodies import BundleBody
from gateway.model.entry import Entry, EntryKind
from gateway.model.errors import Conflict
from gateway.wire import chunks
from gateway.wire.bundle import MAX_NUMBER, MAX_WHOLE, URGENT, BundleKind, Manifest, SignedBundle

EVERYONE = "*"
"""The target of a bundle for all gateways of the city."""
ORDER = (BundleKind.KEYS, BundleKind.BLOCKS, BundleKind.TRUST, BundleKind.RULES, BundleKind.REGISTRY)
"""In which a gateway is told: the next one may be signed with a key that the one before brings."""
HEARD = frozenset((EntryKind.BUNDLE_APPLIED, EntryKind.BUNDLE_RETURNED))
"""Entries that say which bundle is in force."""

_of = bundles.c


class Announcement(msgspec.Struct, frozen=True):
    """A bundle as it is sent to a gateway."""

    kind: BundleKind
    message: bytes

    @property
    def urgent(self) -> bool:
        """Goes before everything else that waits."""
        return self.kind in URGENT


class Unreached(msgspec.Struct, frozen=True):
    """A gateway that has not confirmed the newest bundle of a kind. `told` is what it has said last, 0 for nothing."""

    gateway: str
    online: bool
    kind: BundleKind
    newest: int
    told: int


def put(db: Connection, manifest: Manifest, bundle: SignedBundle) -> None:
    """Keep a verified bundle. Raises `Conflict` when its number is not greater than the newest of its kind that any of
    its gateways may have (they count per kind, whatever the target), or when a delta leads to what is not here."""
    content = bundle.content or b""
    if manifest.base:
        _check_leads_somewhere(db, manifest)
    else:
        meets = true() if manifest.target == EVERYONE else _reaches(manifest.target)
        asked = select(func.max(_of.number)).where(_of.kind == manifest.kind.value, meets)
        newest = db.execute(asked).scalar() or 0
        if manifest.number <= newest:
            raise Conflict(
                f"{manifest.kind} bundle {manifest.number} for {manifest.target}: {newest} is already published",
                f"Number it {newest + 1} and sign it again",
            )
    row = {
        "kind": manifest.kind.value,
        "target": manifest.target,
        "number": manifest.number,
        "base": manifest.base,
        "created_ms": manifest.created_ms,
        "sha256": manifest.sha256,
        "size": manifest.size,
        "manifest": bundle.manifest,
        "signature": bundle.signature,
    }
    db.execute(upsert(db, bundles, "created_ms", "sha256", "size", "manifest", "signature"), row)
    for at in range(0, len(content), chunks.CHUNK_BYTES):
        part = {"sha256": manifest.sha256, "part": at // chunks.CHUNK_BYTES}
        data = content[at : at + chunks.CHUNK_BYTES]
        db.execute(insert(db, bundle_chunks).on_conflict_do_nothing(), {**part, "data": data})
    _prune(db, manifest)


def announcement(db: Connection, kind: BundleKind, target: str, number: int, base: int = 0) -> Announcement | None:
    """A bundle as it is sent to a gateway: with its content when that is small. None when it is not here."""
    row = db.execute(_one(kind, target, number, base)).one_or_none()
    if row is None or not row.manifest:
        return None
    content = None
    if row.size <= MAX_WHOLE:
        content = (chunk(db, row.sha256, 0) or b"") if row.size else b""
        if len(content) != row.size:
            return None  # Its content is gone: a newer one is here.
    return Announcement(kind, msgspec.json.encode(SignedBundle(row.manifest, row.signature, content)))


def owed(db: Connection, gateway: str, numbers: Mapping[str, int]) -> list[Announcement]:
    """What a gateway lacks that has these numbers in force: all newer keys, and the newest of each other kind; a delta
    where one leads from what it has."""
    found: list[Announcement | None] = []
    for kind in ORDER:
        known = min(max(0, numbers.get(kind.value, 0)), MAX_NUMBER)  # A birth may say anything.
        asked = _wholes(gateway, kind).where(_of.number > known)
        if kind is BundleKind.KEYS:
            found += [announcement(db, kind, target, number) for number, target in reversed(db.execute(asked).all())]
        elif (newest := db.execute(asked.limit(1)).one_or_none()) is not None:
            number, target = newest
            delta = announcement(db, kind, target, number, known) if known else None
            found.append(delta or announcement(db, kind, target, number))
    return [one for one in found if one is not None]


def whole(db: Connection, gateway: str, kind: BundleKind) -> Announcement | None:
    """The newest bundle of a kind for this gateway that is no delta."""
    newest = db.execute(_wholes(gateway, kind).limit(1)).one_or_none()
    return None if newest is None else announcement(db, kind, newest.target, newest.number)


def chunk(db: Connection, sha256: str, index: int) -> bytes | None:
    """One chunk of a content; None when it is not here."""
    asked = select(bundle_chunks.c.data).where(bundle_chunks.c.sha256 == sha256, bundle_chunks.c.part == index)
    data = db.execute(asked).scalar()
    return None if data is None else bytes(data)


def chunk_for(db: Connection, gateway: str, sha256: str, index: int) -> bytes | None:
    """The same, when the content is meant for this gateway: another's registry is none of its business."""
    meant = select(_of.number).where(_of.sha256 == sha256, _reaches(gateway)).limit(1)
    return chunk(db, sha256, index) if db.execute(meant).first() is not None else None


def deltas_to(db: Connection, target: str, number: int) -> dict[int, Announcement]:
    """The deltas that lead to this registry, by the number that they lead from."""
    kind = BundleKind.REGISTRY
    asked = select(_of.base).where(_of.kind == kind.value, _of.target == target, _of.number == number, _of.base > 0)
    found = {base: announcement(db, kind, target, number, base) for base in db.execute(asked).scalars().all()}
    return {base: told for base, told in found.items() if told is not None}


# What gateways say -------------------------------------------------------------------------------------------


def hear_birth(db: Connection, gateway: str, numbers: Mapping[str, int], now_ms: int, *, fresh: bool) -> None:
    """A birth names every bundle in force there. One that is not `fresh` (kept, or sent again by the broker) does not
    know what its gateway has said since: it tells only what nothing is known of."""
    if fresh:
        db.execute(bundles_told.delete().where(bundles_told.c.gateway == gateway))
    rows = [
        {"gateway": gateway, "kind": kind, "number": number, "at_ms": now_ms}
        for kind, number in numbers.items()
        if _is_one(kind, number)
    ]
    if rows:
        db.execute(insert(db, bundles_told).on_conflict_do_nothing(), rows)


def hear_entry(db: Connection, entry: Entry, now_ms: int) -> None:
    """A newly stored entry may say that a bundle is in force. An old one that comes late takes nothing back."""
    kind = entry.header.kind
    if kind not in HEARD or entry.body is None:
        return
    try:
        body = msgspec.json.decode(entry.body, type=BundleBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # It is stored all the same; people see it.
    if not _is_one(body.bundle, body.number):
        return
    statement = insert(db, bundles_told)
    new, old = statement.excluded, bundles_told.c
    greater = case((new.number > old.number, new.number), else_=old.number)
    values = {"number": greater if kind is EntryKind.BUNDLE_APPLIED else new.number, "at_ms": new.at_ms}
    row = {"gateway": entry.header.id.gateway, "kind": body.bundle, "number": body.number, "at_ms": now_ms}
    db.execute(statement.on_conflict_do_update(index_elements=[old.gateway, old.kind], set_=values), row)


def told(db: Connection, gateway: str) -> dict[str, int]:
    """The numbers that a gateway has said to have in force."""
    asked = select(bundles_told.c.kind, bundles_told.c.number).where(bundles_told.c.gateway == gateway)
    return dict(db.execute(asked).all())


def unreached(db: Connection) -> list[Unreached]:
    """Every gateway that has ever been heard of, with each kind whose newest bundle it has not confirmed."""
    top = select(_of.kind, _of.target, func.max(_of.number).label("number")).group_by(_of.kind, _of.target).subquery()
    newest, said = func.max(top.c.number), func.coalesce(bundles_told.c.number, 0)
    mine = and_(bundles_told.c.gateway == gateways.c.gateway, bundles_told.c.kind == top.c.kind)
    asked = (
        select(gateways.c.gateway, gateways.c.online, top.c.kind, newest, said)
        .join(top, or_(top.c.target == gateways.c.gateway, top.c.target == EVERYONE))
        .outerjoin(bundles_told, mine)
        .group_by(gateways.c.gateway, gateways.c.online, top.c.kind, bundles_told.c.number)
        .having(newest > said)
        .order_by(top.c.kind, gateways.c.gateway)
    )
    return [Unreached(name, bool(on), BundleKind(kind), most, now) for name, on, kind, most, now in db.execute(asked)]


# -------------------------------------------------------------------------------------------------------------


def _reaches(gateway: str) -> ColumnElement[bool]:
    return _of.target.in_((gateway, EVERYONE))


def _one(kind: BundleKind, target: str, number: int, base: int) -> Any:
    asked = select(_of.sha256, _of.size, _of.manifest, _of.signature)
    return asked.where(_of.kind == kind.value, _of.target == target, _of.number == number, _of.base == base)


def _wholes(gateway: str, kind: BundleKind) -> Any:
    """The newest first."""
    asked = select(_of.number, _of.target).where(_of.kind == kind.value, _of.base == 0, _reaches(gateway))
    return asked.order_by(_of.number.desc())


def _is_one(kind: str, number: int) -> bool:
    """Whether there can be such a bundle: what gateways say must not fill the store with what there is not."""
    return kind in ORDER and 0 < number <= MAX_NUMBER


def _check_leads_somewhere(db: Connection, manifest: Manifest) -> None:
    row = db.execute(_one(manifest.kind, manifest.target, manifest.number, 0)).one_or_none()
    if row is None or row.sha256 != manifest.result:
        raise Conflict(
            f"a delta to registry {manifest.number} of {manifest.target}, which is not published with that content",
            "Publish the whole registry first, or together with it",
        )


def _prune(db: Connection, newest: Manifest) -> None:
    if newest.kind is BundleKind.KEYS:
        return
    older = and_(_of.kind == newest.kind.value, _of.target == newest.target, _of.number < newest.number)
    gone, living = select(_of.sha256).where(older), select(_of.sha256).where(not_(older))
    sha256 = bundle_chunks.c.sha256
    db.execute(bundle_chunks.delete().where(sha256.in_(gone), sha256.not_in(living)))

"""Bundles that were just published, on their way to who is online: told by the worker that holds their shard.

Whoever publishes leaves a note per shard, in the transaction that keeps the bundle; so it does not matter which worker
that is, nor whether its own line is up. Who is offline, and who is told and then lost, gets what it lacks at its birth.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from gateway.centre import shelf
from gateway.centre.shelf import EVERYONE, ORDER, Announcement
from gateway.centre.sql import insert
from gateway.centre.tables import bundle_news, bundles_told, gateways, leases
from gateway.wire.bundle import BundleKind, Manifest
from gateway.wire.topics import SHARDS, shard_of


class News(msgspec.Struct, frozen=True):
    """A bundle to be sent to a gateway now."""

    gateway: str
    announcement: Announcement


def leave(db: Connection, manifest: Manifest) -> None:
    """A note to whoever holds the shards that this bundle is for, or will hold them."""
    shards = range(SHARDS) if manifest.target == EVERYONE else [shard_of(manifest.target)]
    what = {"kind": manifest.kind.value, "target": manifest.target, "number": manifest.number}
    rows = [{**what, "shard": shard} for shard in shards]
    db.execute(insert(db, bundle_news).on_conflict_do_nothing(), rows)


def take(db: Connection, held: Mapping[int, int]) -> list[News]:
    """What there is to tell in these shards (shard → fence); from now on it counts as told.

    The leases are locked first. A birth that is being stored at this moment has looked for what its gateway lacks
    perhaps before the bundle was there: it is waited for, and its gateway is among those online.
    """
    note = bundle_news.c
    asked = select(note.shard).where(note.shard.in_(list(held))).distinct()
    due = db.execute(asked).scalars().all()
    if not due:
        return []
    locked = select(leases.c.shard, leases.c.fence).where(leases.c.shard.in_(due)).order_by(leases.c.shard)
    mine = [shard for shard, fence in db.execute(locked.with_for_update()).all() if held[shard] == fence]
    notes: dict[tuple[BundleKind, int, str], set[int]] = {}
    taken = bundle_news.delete().where(note.shard.in_(mine)).returning(note.kind, note.number, note.target, note.shard)
    for kind, number, target, shard in db.execute(taken).all():
        notes.setdefault((BundleKind(kind), number, target), set()).add(shard)
    online = db.execute(select(gateways.c.gateway).where(gateways.c.online == 1).order_by(gateways.c.gateway))
    reached = {gateway: shard for gateway in online.scalars() if (shard := shard_of(gateway)) in mine}
    found: list[News] = []
    newest = {(kind, target): number for kind, number, target in sorted(notes)}
    for kind, number, target in sorted(notes, key=lambda one: (ORDER.index(one[0]), one[1])):
        if kind is not BundleKind.KEYS and number < newest[kind, target]:
            continue  # Its content is gone; keys are told one by one.
        shards = notes[kind, number, target]
        names = [name for name, shard in reached.items() if shard in shards and target in (EVERYONE, name)]
        found += _of_one(db, kind, number, target, names)
    return found


def _of_one(db: Connection, kind: BundleKind, number: int, target: str, names: list[str]) -> list[News]:
    whole = shelf.announcement(db, kind, target, number)
    if whole is None or not names:
        return []  # A newer one is here, with a note of its own.
    deltas = shelf.deltas_to(db, target, number) if kind is BundleKind.REGISTRY else {}
    said = select(bundles_told.c.gateway, bundles_told.c.number).where(bundles_told.c.kind == kind.value)
    told: dict[str, int] = dict(db.execute(said).all())
    return [News(name, deltas.get(told.get(name, 0), whole)) for name in names if told.get(name, 0) < number]

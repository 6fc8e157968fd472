"""The signed last word of a gateway's life: whose it is, and what it touches."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from gateway.centre.quota_tables import quota_leases
from gateway.centre.tables import entries
from gateway.model.bodies import CheckpointBody
from gateway.model.entry import EntryKind, Stream
from gateway.wire.handover import is_signed
from gateway.wire.quota import HandOver, Key

MAX_CHECKPOINTS = 10_000
"""Stored checkpoints of a gateway that are looked at for its key, the newest first."""


def fault_of(db: Connection, gateway: str, said: HandOver) -> str:
    """Why this is not the word of this gateway; empty when it is. Its key is the one that signed checkpoints which the
    centre has: who makes a key up cannot close another's leases."""
    if not is_signed(said, gateway):
        return "not signed by the key that it names"
    c = entries.c
    asked = select(c.body).where(
        c.gateway == gateway, c.stream == Stream.AUDIT.value, c.kind == EntryKind.CHECKPOINT.value
    )
    for body in db.execute(asked.order_by(c.arrival.desc()).limit(MAX_CHECKPOINTS)).scalars():
        try:
            if body is not None and msgspec.json.decode(body, type=CheckpointBody).key == said.key:
                return ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return "signed by a key that has signed no checkpoint of this gateway"


def cells_of(db: Connection, gateway: str, said: HandOver) -> set[Key]:
    """Cells whose leases it closes."""
    c = quota_leases.c
    asked = select(c.key, c.period, c.subject).where(c.gateway == gateway, c.incarnation == said.incarnation)
    return {Key(*row) for row in db.execute(asked.where(c.standing.in_(("open", "fenced")))).all()}

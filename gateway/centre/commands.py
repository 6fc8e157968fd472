"""Commands in the store: kept until they are answered or expired, owed to their gateway at each of its births."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, or_, select

from gateway.centre.sql import insert
from gateway.centre.tables import commands
from gateway.wire.commands import Command, CommandResult, NewEpoch
from gateway.wire.topics import shard_of

MAX_OWED = 50
"""Commands that one birth is answered with, the oldest first."""


def new_epoch(gateway: str, epoch: str, reason: str) -> Command:
    """The order to leave this epoch. The same for the same epoch, so that it is given once."""
    told = hashlib.sha256(f"new epoch\0{gateway}\0{epoch}".encode()).hexdigest()[:32]
    return Command(told, gateway, NewEpoch(epoch, reason[:300]))


def put(db: Connection, command: Command, now_ms: int, *, sent: bool) -> bool:
    """Keep a command. False: it is there already. `sent`: the caller sends it himself, right after the commit."""
    row = {
        "id": command.id,
        "gateway": command.gateway,
        "shard": shard_of(command.gateway),
        "command": msgspec.json.encode(command),
        "created_ms": now_ms,
        "expires_ms": command.expires_ms,
        "sent_ms": now_ms if sent else None,
    }
    kept = db.execute(insert(db, commands).on_conflict_do_nothing().returning(commands.c.id), row)
    return kept.first() is not None


def is_same(db: Connection, command: Command) -> bool:
    """Whether what is kept under this id is this very command: gateway, act and expiry."""
    kept = db.execute(select(commands.c.command).where(commands.c.id == command.id)).scalar_one()
    return bool(msgspec.json.decode(kept, type=Command) == command)


def owed(db: Connection, gateway: str, now_ms: int) -> list[Command]:
    """What this gateway has not answered and may still do."""
    asked = select(commands.c.command).where(commands.c.gateway == gateway, *_open(now_ms))
    rows = db.execute(asked.order_by(commands.c.created_ms, commands.c.id).limit(MAX_OWED))
    return [msgspec.json.decode(encoded, type=Command) for (encoded,) in rows]


def take_unsent(db: Connection, shards: Iterable[int], now_ms: int) -> list[Command]:
    """Commands to gateways of these shards that nobody has sent; they count as sent from now on."""
    asked = select(commands.c.id, commands.c.command)
    asked = asked.where(commands.c.shard.in_(list(shards)), commands.c.sent_ms.is_(None), *_open(now_ms))
    rows = db.execute(asked.order_by(commands.c.created_ms, commands.c.id).with_for_update(skip_locked=True)).all()
    if rows:
        told = commands.c.id.in_([number for number, _ in rows])
        db.execute(commands.update().where(told).values(sent_ms=now_ms))
    return [msgspec.json.decode(encoded, type=Command) for _, encoded in rows]


def answered(db: Connection, gateway: str, result: CommandResult, now_ms: int) -> bool:
    """Keep the first answer to a command. False: this gateway has no such command."""
    mine = commands.c.id == result.id, commands.c.gateway == gateway
    if db.execute(select(commands.c.id).where(*mine)).first() is None:
        return False
    said = {"outcome": result.outcome.value, "detail": result.detail.replace("\0", " "), "answered_ms": now_ms}
    db.execute(commands.update().where(*mine, commands.c.outcome.is_(None)).values(**said))
    return True


def _open(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    in_time = or_(commands.c.expires_ms == 0, commands.c.expires_ms > now_ms)
    return commands.c.outcome.is_(None), in_time

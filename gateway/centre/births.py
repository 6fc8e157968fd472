"""Births and deaths of gateways: who is online, and what a birth is answered with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, case, func, select

from gateway.centre import commands
from gateway.centre.ground import Ground, write_alarms
from gateway.centre.intaking import ack_of
from gateway.centre.sql import insert
from gateway.centre.tables import bundles, gateways, strands
from gateway.model.entry import Stream
from gateway.wire.commands import Command
from gateway.wire.messages import Ack, State

EVERYONE = "*"


class Welcome(msgspec.Struct, frozen=True):
    """What a birth is answered with: the word on every strand of its epochs, the bundles owed to it, and the
    commands that it has not answered."""

    gateway: str
    acks: list[Ack]
    bundles: list[bytes]
    commands: list[Command]


def hear(db: Connection, said: Sequence[tuple[str, State]], now_ms: int) -> list[Welcome]:
    """In the order they came. A death counts only with the session of the birth that stands: any other is late."""
    welcomes: dict[str, Welcome] = {}
    for gateway, state in said:
        if state.online:
            welcomes[gateway] = _born(db, gateway, state, now_ms)
        elif _died(db, gateway, state, now_ms):
            welcomes.pop(gateway, None)
    return list(welcomes.values())


def _born(db: Connection, gateway: str, state: State, now_ms: int) -> Welcome:
    _write(db, gateway, state, now_ms)
    acks: list[Ack] = []
    alarms: Counter[tuple[str, str, str]] = Counter()
    behind = False
    for epoch, last in ((state.epoch, state.last), *((older.epoch, older.last) for older in state.older)):
        found = _strands(db, gateway, epoch, last, now_ms)
        for stream, (highest, ack) in found.items():
            acks.append(ack)
            if stream in last and last[stream] < highest:
                # Its card lost what was acked, or an old copy of it was restored.
                alarms[gateway, "behind", f"{epoch}/{stream}: its last is {last[stream]}, stored up to {highest}"] += 1
                behind = behind or epoch == state.epoch
    write_alarms(db, alarms, now_ms)
    if behind:
        commands.put(db, commands.new_epoch(gateway, state.epoch, "behind what is stored"), now_ms, sent=True)
    return Welcome(gateway, acks, _owed(db, gateway, state.bundles), commands.owed(db, gateway, now_ms))


def _strands(
    db: Connection, gateway: str, epoch: str, last: Iterable[Stream], now_ms: int
) -> dict[Stream, tuple[int, Ack]]:
    """Highest number and ack of the streams of an epoch that are stored, and of those that it names itself."""
    stored = select(strands.c.stream).where(strands.c.gateway == gateway, strands.c.epoch == epoch)
    streams = {Stream(stream) for stream in db.execute(stored).scalars()} | set(last)
    ground = Ground(db, now_ms)
    ground.open({(gateway, epoch, stream.value) for stream in streams})
    found = {}
    for stream in sorted(streams):
        strand = ground.strand(gateway, epoch, stream)
        found[stream] = (0, Ack(stream, epoch, 0)) if strand is None else (strand.tail.highest, ack_of(strand))
    return found


def _died(db: Connection, gateway: str, state: State, now_ms: int) -> bool:
    session = db.execute(select(gateways.c.session).where(gateways.c.gateway == gateway)).scalar()
    if session is not None and session != state.session:
        return False
    _write(db, gateway, state, now_ms)
    return True


def _write(db: Connection, gateway: str, state: State, now_ms: int) -> None:
    """A death leaves the state of the birth: it is the last that is known of the gateway."""
    row = {
        "gateway": gateway,
        "online": int(state.online),
        "session": state.session,
        "epoch": state.epoch,
        "state": msgspec.json.encode(state),
        "born_ms": now_ms if state.online else None,
        "changed_ms": now_ms,
    }
    statement = insert(db, gateways)
    new = statement.excluded
    replaced = {name: new[name] for name in ("online", "session", "epoch", "changed_ms")}
    kept = {
        "state": case((new.online == 1, new.state), else_=gateways.c.state),
        "born_ms": func.coalesce(new.born_ms, gateways.c.born_ms),
    }
    db.execute(statement.on_conflict_do_update(index_elements=[gateways.c.gateway], set_={**replaced, **kept}), row)


def _owed(db: Connection, gateway: str, numbers: dict[str, int]) -> list[bytes]:
    """The newest bundle of each kind for this gateway that is newer than the number it has in force."""
    mine = bundles.c.target.in_((gateway, EVERYONE))
    newest = select(bundles.c.kind, func.max(bundles.c.number)).where(mine).group_by(bundles.c.kind)
    owed = []
    for kind, number in db.execute(newest.order_by(bundles.c.kind)).all():
        if number > numbers.get(kind, 0):
            one = select(bundles.c.signed).where(mine, bundles.c.kind == kind, bundles.c.number == number)
            owed.append(db.execute(one).scalars().first())
    return [signed for signed in owed if signed is not None]

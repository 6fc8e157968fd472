"""Births and deaths of gateways: who is online, and what a birth is answered with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, case, func, select

from gateway.centre import commands, shelf
from gateway.centre.ground import Ground, Strand, write_alarms
from gateway.centre.intaking import ack_of
from gateway.centre.shelf import Announcement
from gateway.centre.sql import insert
from gateway.centre.tables import gateways, strands
from gateway.model.entry import Stream
from gateway.wire.commands import Command
from gateway.wire.messages import Ack, State

SESSIONS_KEPT = 20
"""Of one gateway: more births than a broker has in a row for one worker."""


class Heard(msgspec.Struct, frozen=True):
    """A birth or a death. `retained`: the broker had kept it, it may be long ago."""

    gateway: str
    state: State
    retained: bool = False


class Welcome(msgspec.Struct, frozen=True):
    """What a birth is answered with: the word on every strand of its epochs, the bundles owed to it, and the
    commands that it has not answered."""

    gateway: str
    acks: list[Ack]
    bundles: list[Announcement]
    commands: list[Command]


class Births:
    """Lives as long as one transaction on `db`: `hear` before the group's entries are stored, `answer` after it."""

    def __init__(self, db: Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms
        self._born: dict[str, State] = {}
        self.fallen_behind: set[str] = set()
        """Gateways that were ordered just now to begin a new epoch."""

    def hear(self, said: Sequence[Heard]) -> None:
        """In the order they came. A death counts only with the session of the birth that stands: any other is late."""
        for heard in said:
            row = select(gateways.c.session, gateways.c.heard).where(gateways.c.gateway == heard.gateway)
            session, before = self._db.execute(row).one_or_none() or (None, None)
            sessions = (before or "").split()
            if heard.state.online:
                fresh = not heard.retained and heard.state.session not in sessions
                if fresh:
                    sessions = [*sessions, heard.state.session][-SESSIONS_KEPT:]
                    self._look_behind(heard.gateway, heard.state)
                shelf.hear_birth(self._db, heard.gateway, heard.state.bundles, self._now_ms, fresh=fresh)
                self._born[heard.gateway] = heard.state
            elif session in (None, heard.state.session):
                self._born.pop(heard.gateway, None)
            else:
                continue
            _write(self._db, heard.gateway, heard.state, " ".join(sessions), self._now_ms)

    def answer(self) -> list[Welcome]:
        """What those are told who were born and have not died since."""
        return [self._welcome(gateway, state) for gateway, state in self._born.items()]

    def _look_behind(self, gateway: str, state: State) -> None:
        """A card that has less than what was acked has lost it, or an old copy of it was restored: its next entries
        would take numbers that are used. Only a birth that comes for the first time is asked: an older one, kept or
        sent again by the broker, does not know what its gateway has recorded since."""
        alarms: Counter[tuple[str, str, str]] = Counter()
        behind = False
        for epoch, last in _epochs(state):
            for stream, strand in _strands(self._db, gateway, epoch, last, self._now_ms).items():
                if stream in last and strand is not None and last[stream] < strand.tail.highest:
                    detail = f"{epoch}/{stream}: its last is {last[stream]}, stored up to {strand.tail.highest}"
                    alarms[gateway, "behind", detail] += 1
                    behind = behind or epoch == state.epoch
        write_alarms(self._db, alarms, self._now_ms)
        if behind:
            order = commands.new_epoch(gateway, state.epoch, "behind what is stored")
            if commands.put(self._db, order, self._now_ms, sent=True):
                self.fallen_behind.add(gateway)

    def _welcome(self, gateway: str, state: State) -> Welcome:
        acks = [
            Ack(stream, epoch, 0) if strand is None else ack_of(strand)
            for epoch, last in _epochs(state)
            for stream, strand in _strands(self._db, gateway, epoch, last, self._now_ms).items()
        ]
        # What it says in force may be a kind or a number that there is not; what it has said since counts more.
        owed = shelf.owed(self._db, gateway, {**state.bundles, **shelf.told(self._db, gateway)})
        return Welcome(gateway, acks, owed, commands.owed(self._db, gateway, self._now_ms))


def _epochs(state: State) -> list[tuple[str, dict[Stream, int]]]:
    return [(state.epoch, state.last), *((older.epoch, older.last) for older in state.older)]


def _strands(
    db: Connection, gateway: str, epoch: str, last: Iterable[Stream], now_ms: int
) -> dict[Stream, Strand | None]:
    """The streams of an epoch that are stored, and those that its gateway names itself (None: one too many)."""
    stored = select(strands.c.stream).where(strands.c.gateway == gateway, strands.c.epoch == epoch)
    streams = {Stream(stream) for stream in db.execute(stored).scalars()} | set(last)
    ground = Ground(db, now_ms)
    ground.open({(gateway, epoch, stream.value) for stream in streams})
    return {stream: ground.strand(gateway, epoch, stream) for stream in sorted(streams)}


def _write(db: Connection, gateway: str, state: State, sessions: str, now_ms: int) -> None:
    """A death leaves the state of the birth: it is the last that is known of the gateway."""
    row = {
        "gateway": gateway,
        "online": int(state.online),
        "session": state.session,
        "epoch": state.epoch,
        "state": msgspec.json.encode(state),
        "born_ms": now_ms if state.online else None,
        "changed_ms": now_ms,
        "heard": sessions,
    }
    statement = insert(db, gateways)
    new = statement.excluded
    replaced = {name: new[name] for name in ("online", "session", "epoch", "changed_ms", "heard")}
    kept = {
        "state": case((new.online == 1, new.state), else_=gateways.c.state),
        "born_ms": func.coalesce(new.born_ms, gateways.c.born_ms),
    }
    db.execute(statement.on_conflict_do_update(index_elements=[gateways.c.gateway], set_={**replaced, **kept}), row)

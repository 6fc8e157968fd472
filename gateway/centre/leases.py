"""Which worker takes in which shards: leases in the store, so that each gateway has one worker at any moment.

No clock of any machine is trusted: a worker lives as long as the others see its `beat` counting. One whose beat stood
still for `lease_s` of an observer's own monotonic time is struck off, and its shards are free. Safety does not hang on
that: every change of hands counts the shard's `fence` up, and a worker commits for a shard only in a transaction that
finds its own name and fence there and keeps that row locked until the commit (`check_held`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from gateway.centre.database import Database, end_sessions
from gateway.centre.sql import upsert
from gateway.centre.tables import leases, workers
from gateway.model.errors import Conflict
from gateway.wire.topics import SHARDS


class LeaseLost(Conflict):
    """Shards that were this worker's are another's by now."""

    code = "lease_lost"

    def __init__(self, shards: set[int]) -> None:
        super().__init__(f"lost the lease of shards {sorted(shards)}", "Another worker takes them in")
        self.shards = shards


class Share(msgspec.Struct, frozen=True):
    """What a beat ended with. `held`: shard → fence; `leaving`: of these, the ones to be given back at the next
    beat, when what has come for them is stored; `others`: workers that live."""

    held: dict[int, int]
    leaving: frozenset[int]
    others: tuple[str, ...]


def fair_share(workers_alive: Sequence[str], worker: str) -> int:
    """How many of the shards this worker should have: equal parts, the first names have one more."""
    names = sorted({*workers_alive, worker})
    least, more = divmod(SHARDS, len(names))
    return least + (names.index(worker) < more)


def check_held(db: Connection, held: Mapping[int, int]) -> None:
    """Within the caller's transaction: these leases are still the caller's, and stay so until it ends. Raises
    `LeaseLost`. (A change of hands locks the row; beats do not.)"""
    asked = select(leases.c.shard, leases.c.fence).where(leases.c.shard.in_(list(held)))
    found = dict(db.execute(asked.order_by(leases.c.shard).with_for_update(read=True, key_share=True)).all())
    lost = {shard for shard, fence in held.items() if found.get(shard) != fence}
    if lost:
        raise LeaseLost(lost)


class Leases:
    """One worker's. `beat` is called every third of `lease_s`; all methods on one thread."""

    def __init__(
        self, database: Database, worker: str, lease_s: float, mono: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._worker = worker
        self._lease_s = lease_s
        self._mono = mono
        self._joined = False
        self._seen: dict[str, tuple[int, float]] = {}
        self._share = Share({}, frozenset(), ())

    def beat(self) -> Share:
        """Say that we live, strike off who does not, take and give back what makes equal parts. The first one also
        takes back what an earlier life under the same name held. Raises `LedgerError`; all is then as it was."""
        with self._database.begin() as db:
            self._say_alive(db)
            others = self._others(db)
            held = self._still_held(db)
            share = fair_share(others, self._worker)
            gone = self._share.leaving & held.keys()
            if len(held) - len(gone) < share:
                gone = frozenset()  # someone left meanwhile: keep them
            for shard in gone:
                self._hand_on(db, shard, "")
            kept = {shard: fence for shard, fence in held.items() if shard not in gone}
            if len(kept) < share:
                kept |= self._take(db, share - len(kept), {*others, self._worker})
            leaving = frozenset(sorted(kept)[share:])
        self._joined = True
        self._share = Share(dict(sorted(kept.items())), leaving, tuple(others))
        return self._share

    def leave(self) -> None:
        """Give everything back: the others need not wait. Raises `LedgerError`."""
        with self._database.begin() as db:
            for shard in self._still_held(db):
                self._hand_on(db, shard, "")
            db.execute(workers.delete().where(workers.c.worker == self._worker))
        self._joined = False
        self._share = Share({}, frozenset(), ())

    def _say_alive(self, db: Connection) -> None:
        beating = upsert(db, workers, beat=workers.c.beat + 1)
        db.execute(beating, {"worker": self._worker, "beat": 1})
        if not self._joined:  # whoever had our name before is out
            earlier = sorted(self._rows(db, self._worker))
            held = {shard: self._hand_on(db, shard, self._worker) for shard in earlier}
            self._share = Share(held, frozenset(), ())

    def _others(self, db: Connection) -> list[str]:
        now, seen = self._mono(), {}
        for worker, beat in db.execute(select(workers.c.worker, workers.c.beat)).all():
            if worker == self._worker:
                continue
            known = self._seen.get(worker)
            seen[worker] = known if known is not None and known[0] == beat else (beat, now)
            if now - seen[worker][1] >= self._lease_s:
                same = workers.c.worker == worker, workers.c.beat == beat
                if db.execute(workers.delete().where(*same)).rowcount:
                    del seen[worker]
                    end_sessions(db, worker)
        self._seen = seen
        return sorted(seen)

    def _still_held(self, db: Connection) -> dict[int, int]:
        found = self._rows(db, self._worker)
        return {shard: fence for shard, fence in self._share.held.items() if found.get(shard) == fence}

    def _rows(self, db: Connection, worker: str) -> dict[int, int]:
        return dict(db.execute(select(leases.c.shard, leases.c.fence).where(leases.c.worker == worker)).all())

    def _take(self, db: Connection, count: int, alive: set[str]) -> dict[int, int]:
        """Shards of nobody who lives. One whose holder is within a transaction is left for the next beat."""
        free = select(leases.c.shard).where(leases.c.worker.not_in(sorted(alive))).order_by(leases.c.shard)
        shards = db.execute(free.limit(count).with_for_update(skip_locked=True)).scalars().all()
        return {shard: self._hand_on(db, shard, self._worker) for shard in shards}

    def _hand_on(self, db: Connection, shard: int, worker: str) -> int:
        """Returns the new fence. Waits for a transaction that is under way with the old one."""
        db.execute(select(leases.c.shard).where(leases.c.shard == shard).with_for_update())
        now_of = leases.update().where(leases.c.shard == shard).values(worker=worker, fence=leases.c.fence + 1)
        return int(db.execute(now_of.returning(leases.c.fence)).scalar_one())

"""Anchors: what monotonic time means in UTC. A box without a clock battery records first and learns the time later."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import AnchorBody
from gateway.model.clock import Clock, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.wire.time import Anchor

JUMP_MS = 5_000
"""So far the wall clock may move against monotonic time before another anchor says so."""
LOOK_S = 30.0
"""Between two looks at the clock."""


class SetAnchor(msgspec.Struct, frozen=True):
    """Effect: the newest anchor, so that a restart within the same boot does not write it again."""

    anchor: Anchor

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (self.anchor.boot, self.anchor.mono_ns, self.anchor.wall_ms)
        db.execute("INSERT OR REPLACE INTO anchor VALUES (1,?,?,?)", row)


class Anchors:
    """`look` now and then: the first time that the clock is trusted in a boot, and after each jump, one entry."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._newest: Anchor | None = None

    def start(self) -> None:
        """Read the newest anchor."""
        rows = self._ledger.query("SELECT boot, mono_ns, wall_ms FROM anchor")
        self._newest = Anchor(*rows[0]) if rows else None

    def look(self) -> None:
        """Record an anchor when one is due. A disk that refuses is asked again at the next look."""
        now = self._clock.stamp()
        if not now.quality.trusted or not self._is_due(now):
            return
        anchor = Anchor(now.boot, now.mono_ns, now.wall_ms)
        body = AnchorBody(boot=now.boot, mono_ns=now.mono_ns, wall_ms=now.wall_ms, quality=now.quality)
        entry = NewEntry(Stream.AUDIT, EntryKind.ANCHOR, msgspec.json.encode(body))
        before, self._newest = self._newest, anchor

        def stored(done: object) -> None:
            if future.cancelled() or future.exception() is not None:
                self._newest = before

        future = self._ledger.ride(entry, [SetAnchor(anchor)])
        future.add_done_callback(stored)

    def _is_due(self, now: Stamp) -> bool:
        newest = self._newest
        if newest is None or newest.boot != now.boot:
            return True
        return abs(newest.wall_of(now.mono_ns) - now.wall_ms) > JUMP_MS

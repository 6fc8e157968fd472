"""Which entries of a stream are older than some moment, by clocks that somebody vouches for."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.model.clock import ClockQuality
from gateway.model.entry import Stream

SANE_MS = 1_700_000_000_000
"""A date before this (November 2023) is a clock that was wrong, whatever vouched for it."""
ROWS_MAX = 5000
"""Rows looked at in one go: a tap may be waiting."""


class _Looked(msgspec.Struct, frozen=True):
    """Nothing before `seq` is known to be old. `wall_ms`: when that entry was written, 0 when it proves nothing."""

    seq: int
    wall_ms: int


class Ages:
    """An entry is older when it, or one after it, bears an older date and its clock was not a guess: numbers are in
    order, wall clocks are claims. A box whose clock nobody vouches for lets nothing go by age."""

    def __init__(self) -> None:
        self._looked: dict[Stream, _Looked] = {}

    def older(self, db: sqlite3.Connection, stream: Stream, after: int, last: int, before_ms: int) -> int:
        """Number of the newest entry in `after` + 1 … `last` known to be from before this moment; `after` when there
        is none. One read row where nothing has changed since the last time; at most `ROWS_MAX`."""
        looked = self._looked.get(stream)
        begin = after
        if looked is not None and looked.seq > after:
            if looked.wall_ms >= before_ms:
                return after
            begin = looked.seq - 1
        found, rows = after, 0
        cursor = db.execute(
            f"SELECT seq, wall_ms, quality FROM {stream.value} WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?",
            (begin, last, ROWS_MAX),
        )
        for seq, wall_ms, quality in cursor:
            proves = quality != ClockQuality.GUESS and wall_ms >= SANE_MS
            if proves and wall_ms < before_ms:
                found = seq
            elif proves:
                rows = 0
                if found == after:
                    self._looked[stream] = _Looked(seq, wall_ms)
                break
            rows += 1
        cursor.close()
        if rows == ROWS_MAX and found == after:
            self._looked[stream] = _Looked(seq, 0)
        return found

"""What went without the centre's ack: each range is told by an entry `dropped` in the stream `audit`."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.model.bodies import DroppedBody
from gateway.model.entry import EntryKind, Stream


def dropped(db: sqlite3.Connection, stream: Stream) -> list[tuple[int, int]]:
    """The ranges of a stream that audit entries still here tell of, in order: first and last number.

    An entry that cannot be read tells of nothing.
    """
    ranges = []
    rows = db.execute("SELECT body FROM audit WHERE kind=? ORDER BY seq", (EntryKind.DROPPED,))
    for (body,) in rows:
        try:
            told = msgspec.json.decode(body or b"", type=DroppedBody)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if told.stream == stream and not told.epoch:  # else of an epoch before
            ranges.append((told.first, told.last))
    return ranges


def unexplained(db: sqlite3.Connection, stream: Stream) -> str:
    """Words for the first entries that are gone although nobody acked them and no entry `dropped` names them; empty
    when there are none."""
    acked, floor = db.execute("SELECT acked, floor FROM stream WHERE name=?", (stream,)).fetchone()
    at = acked
    for first, last in dropped(db, stream):
        if first <= at + 1 <= last:
            at = last
    return f"entries {at + 1} to {floor} are gone, not acked and not told as dropped" if at < floor else ""

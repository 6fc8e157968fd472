"""UTC for entries that were recorded before their box knew the time. For the centre, and for people who read entries.

Order is by number, always; this only says when. Nothing that is stored changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.model.bodies import AnchorBody
from gateway.model.clock import Stamp
from gateway.model.entry import Entry, EntryKind


class Anchor(msgspec.Struct, frozen=True):
    """In this boot, this monotonic moment (ns) was this wall time (ms since 1970 UTC)."""

    boot: str
    mono_ns: int
    wall_ms: int

    def wall_of(self, mono_ns: int) -> int:
        """The wall time of another moment of the same boot."""
        return self.wall_ms + (mono_ns - self.mono_ns) // 1_000_000


def anchors_in(entries: Iterable[Entry]) -> list[Anchor]:
    """The anchors among these entries. What is no anchor, was forgotten or makes no sense is passed over."""
    found = []
    for entry in entries:
        if entry.header.kind is not EntryKind.ANCHOR or entry.body is None:
            continue
        try:
            body = msgspec.json.decode(entry.body, type=AnchorBody)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        found.append(Anchor(body.boot, body.mono_ns, body.wall_ms))
    return found


def utc_ms(at: Stamp, anchors: Sequence[Anchor]) -> int | None:
    """When this moment was, in ms since 1970 UTC; None when nobody can know.

    A stamp that was trusted when it was made speaks for itself. Any other is reckoned from the anchors of its boot:
    from the last one before it, or else from the first one after it.
    """
    if at.quality.trusted:
        return at.wall_ms
    mine = sorted((anchor for anchor in anchors if anchor.boot == at.boot), key=lambda anchor: anchor.mono_ns)
    if not mine:
        return None
    before = [anchor for anchor in mine if anchor.mono_ns <= at.mono_ns]
    return (before[-1] if before else mine[0]).wall_of(at.mono_ns)

"""UTC for entries that were recorded before their box knew the time. For the centre, and for people who read entries.

Order is by number, always; this only says when. Nothing that is stored changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from gateway.model.bodies import AnchorBody
from gateway.model.clock import Stamp
from gateway.wire.contents import MAX_MS

_MAX_NS = 2**63
"""A monotonic moment beyond is a mistake: no store keeps it."""


class Anchor(msgspec.Struct, frozen=True):
    """In this boot, this monotonic moment (ns) was this wall time (ms since 1970 UTC)."""

    boot: str
    mono_ns: int
    wall_ms: int

    def wall_of(self, mono_ns: int) -> int:
        """The wall time of another moment of the same boot."""
        return self.wall_ms + (mono_ns - self.mono_ns) // 1_000_000


def anchors_in(bodies: Iterable[bytes | None]) -> list[Anchor]:
    """The anchors that these bodies of `anchor` entries tell. What was forgotten, is no anchor, or makes no sense (a
    clock that nothing vouched for, numbers out of all bounds) is passed over."""
    found = []
    for encoded in bodies:
        if encoded is None:
            continue
        try:
            body = msgspec.json.decode(encoded, type=AnchorBody)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if body.quality.trusted and 0 <= body.wall_ms <= MAX_MS and 0 <= body.mono_ns < _MAX_NS:
            found.append(Anchor(body.boot, body.mono_ns, body.wall_ms))
    return found


class Timeline:
    """When the moments of one gateway were, from its anchors. Sorted once; then each question is a binary search among
    the anchors of one boot."""

    def __init__(self, anchors: Iterable[Anchor] = ()) -> None:
        self._of_boot: dict[str, list[Anchor]] = {}
        for anchor in sorted(anchors, key=_mono_ns):
            self._of_boot.setdefault(anchor.boot, []).append(anchor)

    def utc_ms(self, at: Stamp) -> int | None:
        """When this moment was, in ms since 1970 UTC; None when nobody can know.

        A stamp that was trusted when it was made speaks for itself. Any other is reckoned from the anchors of its boot:
        from the last one before it, or else from the first one after it. So another anchor may change a date that was
        reckoned, and never one that was trusted.
        """
        if at.quality.trusted:
            return at.wall_ms
        mine = self._of_boot.get(at.boot)
        if mine is None:
            return None
        before = bisect_right(mine, at.mono_ns, key=_mono_ns)
        return mine[max(0, before - 1)].wall_of(at.mono_ns)


def _mono_ns(anchor: Anchor) -> int:
    return anchor.mono_ns

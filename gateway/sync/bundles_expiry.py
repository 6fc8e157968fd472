"""When a bundle stops counting. Pure.

Benefits must not last for ever on a gateway that nobody reaches, nor end because a line is down for a day. So:

- while the centre is reached, a bundle ends at its `expires_ms`: a newer one could have come;
- while it is not, the bundle counts for `grace_ms` longer;
- a clock that nobody vouches for decides like any other, for it usually stands at the time of the last stop, which is
  earlier than now; but it is never taken to be earlier than the newest signature that was accepted. So a clock at 1970
  makes nothing last longer than its successor's making.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Counts(StrEnum):
    """Whether a bundle in force counts."""

    YES = "yes"
    GRACE = "grace"
    """Expired, and the centre is not reached: it counts until `ends_ms`."""
    ENDED = "ended"


class BundleState(msgspec.Struct, frozen=True):
    """A bundle in force. `ends_ms` is when it stops counting as things stand (ms since 1970), 0 for never."""

    kind: str
    number: int
    ends_ms: int
    counts: Counts


def ends_ms(expires_ms: int, grace_ms: int, *, reached: bool, newest_ms: int) -> int:
    """The moment from which on a bundle counts no more, 0 for never. `newest_ms` is when the newest signature that was
    accepted was made."""
    if not expires_ms:
        return 0
    end = expires_ms if reached else expires_ms + grace_ms
    return 1 if newest_ms >= end else end


def counts(expires_ms: int, end_ms: int, now_ms: int) -> Counts:
    """Whether it counts now; `end_ms` as `ends_ms` has given it."""
    if end_ms and now_ms >= end_ms:
        return Counts.ENDED
    return Counts.GRACE if expires_ms and now_ms >= expires_ms else Counts.YES

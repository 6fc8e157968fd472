"""What is known of one strand (one stream of one epoch of one gateway): how far it goes and where it has gaps.

Pure bookkeeping over numbers. "Settled" means stored, refused for ever, or dropped by the gateway with an entry
that says so: whatever is settled is never asked for again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Range = tuple[int, int]
"""First and last number, inclusive."""

MAX_GAPS = 1000
"""A strand with so many gaps takes only what closes some: what it lacks is asked for first."""


class Tail:
    """Numbers 1..`highest` are settled but for `gaps` (sorted, disjoint, not adjacent)."""

    def __init__(self, highest: int = 0, gaps: Iterable[Range] = ()) -> None:
        self.highest = highest
        self.gaps: list[Range] = list(gaps)

    @property
    def through(self) -> int:
        """The largest n so that 1..n are all settled."""
        return self.gaps[0][0] - 1 if self.gaps else self.highest

    def settled(self, seq: int) -> bool:
        """Whether this number is settled."""
        if seq > self.highest:
            return False
        index = bisect_right(self.gaps, (seq, self.highest)) - 1
        return index < 0 or self.gaps[index][1] < seq

    def settle(self, first: int, last: int) -> bool:
        """Settle `first`..`last` (1 ≤ first ≤ last). False, and nothing changed, when that would leave more
        than `MAX_GAPS` gaps."""
        if first == self.highest + 1:  # the usual case: it simply follows on
            self.highest = last
            return True
        left = [gap for gap in self.gaps if gap[1] < first]
        touched = self.gaps[len(left) :]
        right: list[Range] = []
        for index, (start, end) in enumerate(touched):
            if start > last:
                right.extend(touched[index:])
                break
            if start < first:
                left.append((start, first - 1))
            if end > last:
                right.append((last + 1, end))
        if first > self.highest + 1:
            left.append((self.highest + 1, first - 1))
        gaps = left + right
        if len(gaps) > MAX_GAPS and len(gaps) > len(self.gaps):
            return False
        self.gaps, self.highest = gaps, max(self.highest, last)
        return True

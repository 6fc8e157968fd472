"""Numbers as sorted, disjoint, not adjacent ranges, both ends included: what of a stream is still to be sent. Pure."""

from __future__ import annotations

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def add(ranges: Ranges, first: int, last: int) -> Ranges:
    """`ranges` and `first`..`last`; nothing is added when `first` is above `last`."""
    if first > last:
        return ranges
    before = tuple(found for found in ranges if found[1] < first - 1)
    after = tuple(found for found in ranges if found[0] > last + 1)
    touched = ranges[len(before) : len(ranges) - len(after)]
    if touched:
        first, last = min(first, touched[0][0]), max(last, touched[-1][1])
    return (*before, (first, last), *after)


def cut(ranges: Ranges, first: int, last: int) -> Ranges:
    """`ranges` without `first`..`last`."""
    left: list[Range] = []
    for start, end in ranges:
        if end < first or start > last:
            left.append((start, end))
            continue
        if start < first:
            left.append((start, first - 1))
        if end > last:
            left.append((last + 1, end))
    return tuple(left)


def count(ranges: Ranges) -> int:
    """How many numbers these are."""
    return sum(last - first + 1 for first, last in ranges)

"""Ranges of numbers, against plain sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.sync.ranges import Ranges, add, count, cut

ends = st.tuples(st.integers(1, 40), st.integers(1, 40))
steps = st.lists(st.tuples(st.booleans(), ends), max_size=25)


def numbers(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(steps)
def test_they_hold_what_a_set_would(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    ranges: Ranges = ()
    truth: set[int] = set()
    for adding, (first, last) in steps:
        ranges = add(ranges, first, last) if adding else cut(ranges, min(first, last), max(first, last))
        if adding:
            truth |= set(range(first, last + 1))
        else:
            truth -= set(range(min(first, last), max(first, last) + 1))
    assert numbers(ranges) == truth
    assert count(ranges) == len(truth)
    # Sorted, disjoint, not adjacent: as few as there can be.
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))

"""How far a strand goes and where it has gaps, against a plain set of numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.tail import MAX_GAPS, Tail

ranges = st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1]))


def test_a_new_strand_is_settled_through_nothing() -> None:
    assert (Tail().through, Tail().highest, Tail().settled(1)) == (0, 0, False)


def test_a_gap_holds_the_watermark_until_it_closes() -> None:
    tail = Tail()
    tail.settle(1, 3)
    tail.settle(7, 8)
    assert (tail.through, tail.gaps) == (3, [(4, 6)])
    tail.settle(5, 5)
    assert (tail.through, tail.gaps) == (3, [(4, 4), (6, 6)])
    tail.settle(4, 6)
    assert (tail.through, tail.gaps) == (8, [])


@given(st.lists(ranges, max_size=30))
def test_it_agrees_with_a_set_of_numbers(settled: list[tuple[int, int]]) -> None:
    tail, numbers = Tail(), set[int]()
    for first, last in settled:
        assert tail.settle(first, last)
        numbers.update(range(first, last + 1))
        tail = Tail(tail.highest, tail.gaps)  # as written to the store and read again
    highest = max(numbers, default=0)
    missing = set(range(1, highest + 1)) - numbers
    assert tail.highest == highest
    assert tail.through == min(missing, default=highest + 1) - 1
    assert {n for first, last in tail.gaps for n in range(first, last + 1)} == missing
    assert all(a[1] + 1 < b[0] for a, b in zip(tail.gaps, tail.gaps[1:], strict=False))
    assert all(tail.settled(n) == (n in numbers) for n in range(1, highest + 3))


def test_too_many_gaps_take_only_what_closes_some() -> None:
    tail = Tail()
    for seq in range(2, 2 * MAX_GAPS + 2, 2):
        assert tail.settle(seq, seq)
    before = (tail.highest, list(tail.gaps))
    assert not tail.settle(tail.highest + 2, tail.highest + 2)
    assert (tail.highest, tail.gaps) == before
    assert tail.settle(1, 1)
    assert tail.settle(tail.highest + 2, tail.highest + 2)

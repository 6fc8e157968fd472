"""Integer money: half-up, exact sums, nothing lost to rounding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.money import euros, half_up, line_cents, percent_of, share_out

cents = st.integers(-(10**9), 10**9)


@pytest.mark.parametrize(
    ("numerator", "denominator", "wanted"),
    [(5, 10, 1), (4, 10, 0), (15, 10, 2), (-5, 10, -1), (-4, 10, 0), (0, 7, 0), (10, 3, 3), (11, 3, 4), (7, 2, 4)],
)
def test_half_goes_away_from_zero(numerator: int, denominator: int, wanted: int) -> None:
    assert half_up(numerator, denominator) == wanted


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6))
def test_half_up_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    exact, found = Fraction(numerator, denominator), half_up(numerator, denominator)
    assert abs(exact - found) <= Fraction(1, 2)
    if abs(exact - found) == Fraction(1, 2):
        assert abs(found) > abs(exact)
    assert half_up(-numerator, denominator) == -found


def test_a_weighed_article() -> None:
    assert line_cents(1299, 335) == 435  # 12.99 a kilogram, 335 g: 4.35165


@given(cents)
def test_a_hundred_percent_is_all(amount: int) -> None:
    assert percent_of(amount, 10_000) == amount
    assert percent_of(amount, 0) == 0


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_a_part_is_never_more_than_the_whole(amount: int, points: int) -> None:
    assert 0 <= percent_of(amount, points) <= amount


weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)


@given(cents, weights)
def test_shares_add_up_to_the_total(total: int, parts: list[int]) -> None:
    assert sum(share_out(total, parts)) == total


@given(cents, weights)
def test_a_share_is_within_a_cent_of_its_exact_part(total: int, parts: list[int]) -> None:
    if (whole := sum(parts)) == 0:
        assert share_out(total, parts) == [total, *[0] * (len(parts) - 1)]
        return
    for found, weight in zip(share_out(total, parts), parts, strict=True):
        assert abs(found - Fraction(total * weight, whole)) < 1
        if weight == 0:
            assert found == 0


@given(cents, weights)
def test_a_refund_mirrors_its_sale(total: int, parts: list[int]) -> None:
    assert share_out(-total, parts) == [-share for share in share_out(total, parts)]


def test_the_largest_remainder_wins_and_the_earlier_a_tie() -> None:
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]
    assert share_out(10, [1, 5, 1]) == [2, 7, 1]
    assert share_out(5, []) == []


@pytest.mark.parametrize(("amount", "text"), [(1390, "13.90"), (-5, "-0.05"), (0, "0.00"), (100, "1.00")])
def test_for_people(amount: int, text: str) -> None:
    assert euros(amount) == text

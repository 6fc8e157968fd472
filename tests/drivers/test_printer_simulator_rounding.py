"""The simulated devices' money: the published rules, with values worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulators import fiscal_rounding as rounding
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import DATECS_A, DATECS_B, DATECS_X, TREMOL, Model

MODELS = (DATECS_A, DATECS_B, DATECS_X, TREMOL)
LARGEST, CENTS = rounding.to_the_largest, rounding.cent_by_cent


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"),
    [(5, 10, 1), (-5, 10, -1), (4, 10, 0), (-4, 10, 0), (15, 10, 2), (-15, 10, -2), (14, 10, 1), (0, 3, 0)],
)
def test_a_half_goes_away_from_zero(numerator: int, denominator: int, whole: int) -> None:
    assert rounding.half_up(numerator, denominator) == whole


def test_row_is_rounded_to_the_cent() -> None:
    assert rounding.row(333, 1500) == 500
    assert rounding.row(1, 499) == 0
    assert rounding.row(1, 500) == 1


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.family)
def test_ten_percent_of_three_lines_of_five_cents_depends_on_where_it_is_taken(model: Model) -> None:
    by_line, on_subtotal = opened(model), opened(model)
    for _ in range(3):
        by_line.sell("x", "A", 5, percent=-1000)
        on_subtotal.sell("x", "A", 5)
    assert by_line.subtotal().cents == 12
    assert on_subtotal.subtotal(percent=-1000).cents == 13


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.family)
def test_published_receipt_comes_to_the_published_sums(model: Model) -> None:
    device = opened(model)
    device.sell("Coffee", "A", 250, 2000, percent=-1000)
    device.sell("Book", "C", 990, amount=-50)
    assert device.subtotal().groups == {"A": 450, "C": 940}
    told = device.subtotal(percent=-500)
    assert (told.cents, told.groups) == (1320, {"A": 427, "C": 893})
    assert device.pay("cash", 2000) == -680


@pytest.mark.parametrize(
    ("leftover", "shares"), [(LARGEST, [-14, -28, -29, -29]), (CENTS, [-13, -29, -29, -29])], ids=["A", "B and C"]
)
def test_cent_too_much_goes_where_the_family_puts_it(leftover: object, shares: list[int]) -> None:
    groups = {"A": 100, "B": 200, "C": 200, "D": 200}
    assert leftover in (LARGEST, CENTS)
    changes = rounding.amount_over_groups(groups, -100, LARGEST if leftover is LARGEST else CENTS)
    assert list(changes.values()) == shares


@pytest.mark.parametrize("leftover", [LARGEST, CENTS])
def test_cent_too_few_goes_to_the_first_of_equals(leftover: object) -> None:
    by = LARGEST if leftover is LARGEST else CENTS
    changes = rounding.amount_over_groups({"A": 1000, "B": 1000, "C": 1000}, -100, by)
    assert list(changes.values()) == [-34, -33, -33]


def test_three_cents_over_two_groups_go_round() -> None:
    assert CENTS({"B": 10, "D": 10}, 3) == {"B": 2, "D": 1}
    assert CENTS({"B": 10, "D": 10}, -1) == {"B": -1}


sums = st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(0, 10**7), min_size=1)


@given(sums, st.integers(-(10**7), 10**7), st.sampled_from([LARGEST, CENTS]))
def test_shares_of_an_amount_are_the_amount(groups: dict[str, int], amount: int, leftover: object) -> None:
    if sum(groups.values()) == 0:
        return
    by = LARGEST if leftover is LARGEST else CENTS
    changes = rounding.amount_over_groups(groups, amount, by)
    assert sum(changes.values()) == amount
    assert set(changes) <= {letter for letter, cents in groups.items() if cents}


@pytest.mark.parametrize("rate", [2100, 500, 0])
def test_both_ways_to_vat_are_one_at_21_and_at_5_percent(rate: int) -> None:
    assert all(rounding.vat_by_net(gross, rate) == rounding.vat_by_share(gross, rate) for gross in range(20_000))


def test_first_sum_whose_vat_differs_at_12_percent() -> None:
    differing = [g for g in range(20_000) if rounding.vat_by_net(g, 1200) != rounding.vat_by_share(g, 1200)]
    assert differing[0] == 14
    assert (rounding.vat_by_net(14, 1200), rounding.vat_by_share(14, 1200)) == (1, 2)


@pytest.mark.parametrize(("model", "vat"), [(DATECS_A, 1), (DATECS_B, 2), (DATECS_X, 2)], ids=["A", "B", "X"])
def test_vat_on_paper_is_that_of_the_family(model: Model, vat: int) -> None:
    device = opened(model)
    device.sell("Bun", "B", 14)
    device.pay("cash", 14)
    (sums,) = device.close().vat
    assert (sums.gross, sums.vat) == (14, vat)


def test_amount_off_the_subtotal_of_two_groups_is_refused_by_tremol_alone() -> None:
    for model in MODELS:
        device = opened(model)
        device.sell("Coffee", "A", 500)
        device.sell("Book", "C", 500)
        if model.adjusts_one_group:
            with pytest.raises(Exception, match="one VAT letter"):
                device.subtotal(amount=-100)
        else:
            assert device.subtotal(amount=-100).cents == 900


def opened(model: Model) -> Device:
    device = Device(model)
    device.open(1, model.passwords(1), "1")
    return device

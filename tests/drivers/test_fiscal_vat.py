"""VAT in a receipt, as the device counts and rounds it, not as somebody else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.printer import Line, Payment, Print, Result, Tender, VatSum
from drivers.fiscal.vat import vat_sums
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import Rig, receipt


@pytest.mark.parametrize(
    ("by_net", "gross", "rate", "tax"),
    [
        (True, 14, 1200, 1),  # the first sum at 12 % for which the two ways differ
        (False, 14, 1200, 2),
        (True, 1390, 2100, 241),
        (False, 1390, 2100, 241),
        (True, 990, 500, 47),
        (False, 990, 0, 0),
    ],
)
def test_each_family_rounds_its_own_way(by_net: bool, gross: int, rate: int, tax: int) -> None:
    (one,) = vat_sums({"A": gross}, {"A": rate}, by_net=by_net)
    assert one == VatSum("A", gross, rate, tax)


def test_letters_in_their_order_and_nothing_where_a_rate_is_not_known() -> None:
    rates = {"A": 2100, "C": 500}
    assert [one.letter for one in vat_sums({"C": 5, "A": 1}, rates, by_net=True)] == ["A", "C"]
    assert vat_sums({"A": 1, "B": 1}, rates, by_net=True) == ()
    assert vat_sums({}, rates, by_net=True) == ()


@given(st.integers(0, 10**9), st.sampled_from([500, 2100]))
def test_at_21_and_at_5_percent_it_is_the_same_either_way(gross: int, rate: int) -> None:
    sums = [vat_sums({"A": gross}, {"A": rate}, by_net=by_net)[0].tax_cents for by_net in (True, False)]
    assert sums[0] == sums[1]
    assert abs(sums[0] * (10_000 + rate) - gross * rate) * 2 <= 10_000 + rate


@pytest.mark.parametrize("family", ["datecs-v1", "datecs-v1b", "datecs-v2"])
def test_outcome_tells_the_vat_that_stands_on_the_paper(family: str) -> None:
    cents = [14, 999, 1, 33]
    lines = tuple(
        Line(f"Thing {at}", letter, one, 1000) for at, (letter, one) in enumerate(zip("BACB", cents, strict=True))
    )
    with Simulator(family=family) as simulator:
        rig = Rig(simulator, family=family)
        outcome = rig.ask(Print("k-1", lines, (Tender(Payment.CASH, sum(cents)),), sum(cents)))
        (paper,) = simulator.device.documents
        rig.close()
    assert outcome.outcome is Result.PRINTED
    told = [(one.letter, one.gross_cents, one.tax_cents) for one in outcome.vat]
    assert told == [(one.letter, one.gross, one.vat) for one in paper.vat]
    assert [one.basis_points for one in outcome.vat] == [2100, 1200, 500]


def test_tremol_does_not_tell_its_letters_and_nothing_is_made_up() -> None:
    with Simulator(family="tremol") as simulator:
        rig = Rig(simulator, family="tremol")
        outcome = rig.ask(receipt())
        rig.close()
    assert (outcome.outcome, outcome.vat) == (Result.PRINTED, ())

"""A refund mirrors the stored decision, whole or piece by piece, to the cent."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import Decision, Use
from gateway.model.errors import InputRefused
from gateway.model.receipt import Means, Receipt
from gateway.model.refund import Refund
from gateway.rules.known import filled
from gateway.rules.question import Question
from gateway.rules.refund import in_turn, refund
from tests.rules.builders import Json, line, question, questions, rule, rule_lists, rule_set

RATES = {"A": [{"from": "2012-07-01", "basis_points": 2100}]}


def decided(receipt: Receipt, *rules: Json, **fields: object) -> Decision:
    return rule_set(*rules).decide(question(receipt=receipt, **fields))


def totals(refunds: list[Refund]) -> tuple[Counter[str], Counter[tuple[str, str, str]]]:
    due: Counter[str] = Counter()
    shares: Counter[tuple[str, str, str]] = Counter()
    for one in refunds:
        for returned in one.lines:
            due[returned.line] += returned.due_cents
            for share in returned.shares:
                shares[returned.line, share.party, share.rule] += share.cents
    return due, shares


def test_all_of_it_is_the_decision_backwards() -> None:
    payers = [
        {"party": "jelgava", "form": "tender", "share_basis_points": 3333},
        {"party": "merchant", "form": "discount", "rest": True},
    ]
    receipt = Receipt((line(999, quantity=3000),))
    decision = decided(receipt, rule(payers=payers))
    back = refund(receipt, decision)
    (returned,) = back.lines
    assert (returned.list_cents, returned.due_cents) == (2997, decision.due_cents)
    assert returned.shares == decision.lines[0].shares
    assert back.due_cents == decision.due_cents


def test_cash_rounding_comes_back_with_the_last_line() -> None:
    receipt = Receipt((line(127, id="1"), line(100, id="2")), Means.CASH)
    decision = decided(receipt, cash_rounding_cents=5)
    assert (decision.rounding_cents, decision.due_cents) == (-2, 225)
    first = refund(receipt, decision, {"1": 1000})
    assert (first.due_cents, first.rounding_cents) == (127, 0)
    last = refund(receipt, decision, None, {"1": 1000})
    assert (last.due_cents, last.rounding_cents) == (98, -2)


def test_a_cent_that_was_rounded_away_is_never_asked_of_the_customer() -> None:
    receipt = Receipt((line(101, id="1"), line(1, id="2")), Means.CASH)
    decision = decided(receipt, cash_rounding_cents=5)
    assert (decision.rounding_cents, decision.due_cents) == (-2, 100)
    first = refund(receipt, decision, {"1": 1000})
    last = refund(receipt, decision, None, {"1": 1000})
    assert [(one.due_cents, one.rounding_cents) for one in (first, last)] == [(100, -1), (0, -1)]


def test_units_of_quotas_come_back_whole() -> None:
    receipt = Receipt((line(150, quantity=3000),))
    uses = (Use("rides", "2026-05-10", 3), Use("money", "ever", 450), Use("visits", "2026-05", 1))
    quotas = [
        {"key": "rides", "unit": "units", "limit": 9, "period": "day"},
        {"key": "money", "unit": "cents", "limit": 999, "period": "ever"},
        {"key": "visits", "unit": "uses", "limit": 9, "period": "month"},
    ]
    rules = rule_set(rule(who={}, give={"kind": "percent", "basis_points": 10_000}, quota=quotas))
    asked = question(receipt=receipt)
    decision = rules.decide(filled(rules, asked, ()))
    assert set(decision.uses) == set(uses)
    back = [refund(receipt, decision, {"1": 1000}, {"1": 1000 * done}) for done in range(3)]
    assert [{use.key: use.units for use in one.uses} for one in back] == [
        {"rides": 1, "money": 150},
        {"rides": 1, "money": 150},
        {"rides": 1, "money": 150, "visits": 1},
    ]


@pytest.mark.parametrize(
    ("wanted", "before", "says"),
    [
        ({"9": 1000}, {}, "no line"),
        ({"1": 0}, {}, "quantity of 0"),
        ({"1": -5}, {}, "quantity of -5"),
        ({"1": 1001}, {}, "1000 are left"),
        ({"1": 1}, {"1": 1000}, "0 are left"),
        ({}, {}, "nothing is left"),
        (None, {"1": 1000}, "nothing is left"),
    ],
)
def test_what_cannot_come_back_is_refused(wanted: dict[str, int] | None, before: dict[str, int], says: str) -> None:
    receipt = Receipt((line(),))
    with pytest.raises(InputRefused, match=says):
        refund(receipt, decided(receipt), wanted, before)


def in_parts(receipt: Receipt, percents: list[int]) -> list[dict[str, int]]:
    """So many percent of what is left each time, then the rest: parts that add up to the receipt."""
    left = {one.id: one.quantity for one in receipt.lines}
    parts: list[dict[str, int]] = []
    for percent in [*percents, 100]:
        part = {name: rest * percent // 100 for name, rest in left.items() if rest * percent // 100}
        if part:
            parts.append(part)
            left = {name: rest - part.get(name, 0) for name, rest in left.items()}
    return parts


@given(rule_lists(), questions(), st.lists(st.integers(0, 100), max_size=4))
def test_whatever_comes_back_in_whatever_parts_adds_up_to_the_decision(
    rules: list[Json], asked: Question, percents: list[int]
) -> None:
    decision = rule_set(*rules).decide(asked)
    before: dict[str, int] = {}
    refunds = []
    for part in in_parts(asked.receipt, percents):
        refunds.append(refund(asked.receipt, decision, part, before))
        before = {name: before.get(name, 0) + part.get(name, 0) for name in {*before, *part}}
    due, shares = totals(refunds)
    assert due == Counter({one.line: one.due_cents for one in decision.lines}) + Counter()
    assert shares == Counter({(o.line, s.party, s.rule): s.cents for o in decision.lines for s in o.shares})
    assert sum(one.due_cents for one in refunds) == decision.due_cents
    assert sum(one.rounding_cents for one in refunds) == decision.rounding_cents
    for one in refunds:
        assert one.due_cents >= 0
        assert one.due_cents == sum(returned.due_cents for returned in one.lines) + one.rounding_cents
        for returned in one.lines:
            assert returned.due_cents >= 0
            assert returned.list_cents == returned.due_cents + sum(share.cents for share in returned.shares)
            assert all(share.cents > 0 for share in returned.shares)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_cents_in_turn_never_shrink_and_end_at_the_parts(weights: list[int]) -> None:
    before = [0] * len(weights)
    for cents in range(sum(weights) + 1):
        now = in_turn(cents, weights)
        assert sum(now) == cents
        assert all(one >= other for one, other in zip(now, before, strict=True))
        before = now
    assert before == weights

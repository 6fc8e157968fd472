"""The sums of a decision: what cash is rounded by, and the check that all of them agree before anything is granted."""

from __future__ import annotations

from gateway.model.decision import Decision
from gateway.model.errors import GatewayError
from gateway.model.money import Cents, half_up
from gateway.model.receipt import Means
from gateway.rules.question import Question


class DecisionBroken(GatewayError):
    """The engine's own sums do not agree: nothing is granted on it. A defect of ours, never of the input."""

    code = "decision_broken"


def rounding(due: Cents, question: Question) -> Cents:
    """What cash is rounded by, half up, as a line of its own after the discounts; 0 for other means."""
    to = question.cash_rounding_cents
    if not to or question.receipt.means is not Means.CASH:
        return 0
    return half_up(due, to) * to - due


def assert_sums(decision: Decision, question: Question) -> None:
    """Raises `DecisionBroken` when the decision is not what `engine.RuleSet.decide` guarantees."""
    list_cents = discount_cents = 0
    for line in decision.lines:
        shared = sum(share.cents for share in line.shares)
        if not 0 <= line.discount_cents <= line.list_cents or shared != line.discount_cents:
            raise _broken(f"list {line.list_cents}, discount {line.discount_cents}, shares {shared}", line.line)
        if any(share.cents <= 0 for share in line.shares):
            raise _broken("a payer's share is not positive", line.line)
        list_cents += line.list_cents
        discount_cents += line.discount_cents
    if (list_cents, discount_cents) != (decision.list_cents, decision.discount_cents):
        raise _broken("the lines do not add up to the totals")
    if abs(decision.rounding_cents) * 2 > question.cash_rounding_cents:
        raise _broken("cash is rounded by too much")
    left = {(q.key, q.period, q.holder): q.left if q.known else q.grace for q in question.quotas}
    if any(not 0 < use.units <= left.get((use.key, use.period, use.holder), 0) for use in decision.uses):
        raise _broken("more is taken of a quota than is left")


def _broken(what: str, line: str = "") -> DecisionBroken:
    where = f"line {line!r}" if line else "receipt"
    return DecisionBroken(what, "Nothing was granted; keep the receipt and report this defect", where=where)

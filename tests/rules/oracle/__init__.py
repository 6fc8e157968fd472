"""The rules' meaning once more, written as plainly as docs/rules.md says it: every rule is tried on every line, in
exact fractions, without an index. Shares nothing with the engine but the question's type."""

from __future__ import annotations

from typing import NamedTuple

from gateway.rules.question import Question
from tests.rules.oracle.amounts import Json, half_up, list_price
from tests.rules.oracle.conditions import holds, meets, settled_groups
from tests.rules.oracle.contest import Contest, Share
from tests.rules.oracle.quotas import Purse

__all__ = ["Expected", "Json", "expected"]


class Expected(NamedTuple):
    """What a decision has to be. Per line: list price, who pays what by which rule in which form, and its VAT
    (treatment, gross, points, tax). `uses`: key, period, units, holder's own, on trust, of the card.
    `balances`: rule, key, period, left, limit, until."""

    lines: list[tuple[int, list[Share]]]
    vat: list[tuple[str, int, int, int] | None]
    uses: list[tuple[str, str, int, bool, bool, bool]]
    balances: list[tuple[str, str, str, int, int, str]]
    rounding: int


def expected(document: Json, question: Question) -> Expected:
    """What the document's rules give."""
    groups = settled_groups(document, question)
    lines = question.receipt.lines
    taking_part = []
    for rule in sorted(document["rules"], key=lambda one: (one["stage"], -one["priority"], one["id"])):
        own = [number for number, line in enumerate(lines) if line.discountable and line.category and meets(rule, line)]
        if own and holds(rule, document, question, groups, own):
            taking_part.append((rule, own))
    purse = Purse(question)
    for rule, _ in taking_part:
        purse.see(rule)
    contest = Contest(question, purse)
    contest.run(taking_part)
    due = sum(contest.running)
    return Expected(
        [(list_price(line), shares) for line, shares in zip(lines, contest.shares, strict=True)],
        [_vat(document, question, number, contest.shares[number]) for number in range(len(lines))],
        purse.uses(),
        purse.balances(),
        _rounded(due, question) - due,
    )


def _vat(document: Json, question: Question, number: int, shares: list[Share]) -> tuple[str, int, int, int] | None:
    if not document.get("vat"):
        return None
    line = question.receipt.lines[number]
    gross = list_price(line) - sum(cents for _, _, form, cents in shares if form != "tender")
    if not question.vat_registered:
        return "not_registered", gross, 0, 0
    today = question.at.date().isoformat()
    rates = [rate for rate in document["vat"].get(line.vat, []) if rate["from"] <= today]
    if not rates:
        return None
    rate = max(rates, key=lambda one: str(one["from"]))
    if "without" in rate:
        return rate["without"], gross, 0, 0
    points = rate["basis_points"]
    return "rate", gross, points, half_up(gross * points, 10_000 + points)


def _rounded(due: int, question: Question) -> int:
    multiple = question.cash_rounding_cents
    if not multiple or question.receipt.means != "cash":
        return due
    return half_up(due, multiple) * multiple

"""The rules' meaning once more, written as plainly as docs/rules.md says it: every rule tried on every line, exact
fractions, no index. Shares nothing with the engine but the question's type."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import floor
from typing import Any

from gateway.model.receipt import Line
from gateway.rules.question import Question

Json = dict[str, Any]
Shares = list[tuple[str, str, int]]


def expected(rules: list[Json], question: Question) -> list[tuple[int, Shares]]:
    """Per line: list price in cents, and (rule, party, cents) of every payer with something to pay."""
    ordered = sorted(rules, key=lambda rule: (rule["stage"], -rule["priority"], rule["id"]))
    return [_line(one, [rule for rule in ordered if _meets(rule, one, question)]) for one in question.receipt.lines]


def _line(line: Line, rules: list[Json]) -> tuple[int, Shares]:
    price = running = _half_up(Fraction(line.unit_cents * line.quantity, 1000))
    shares: Shares = []
    done = set()
    for rule in rules:
        group = rule.get("exclusive_group")
        if group in done:
            continue
        rivals = [other for other in rules if other.get("exclusive_group") == group] if group else [rule]
        done.add(group or object())
        winner = sorted(rivals, key=lambda one: (-_amount(one, running, line), one["id"]))[0]
        amount = _amount(winner, running, line)
        shares += [(winner["id"], party, cents) for party, cents in _split(amount, winner["payers"]) if cents]
        running -= amount
    return price, shares


def _meets(rule: Json, line: Line, question: Question) -> bool:
    holder = set(question.entitlements) if question.identified else set()
    return (
        line.discountable
        and ("who" not in rule or bool(holder & set(rule["who"]["any_of_groups"])))
        and ("where" not in rule or bool(set(question.merchant_groups) & set(rule["where"]["merchant_groups"])))
        and ("what" not in rule or line.category in rule["what"]["categories"])
        and ("when" not in rule or _dates(rule["when"], question))
    )


def _dates(when: Json, question: Question) -> bool:
    if not question.clock_trusted:
        return bool(when["clock_not_trusted"] == "grant")
    dates = when["dates"]
    after = "from" not in dates or question.at.date() >= date.fromisoformat(dates["from"])
    return after and ("until" not in dates or question.at.date() <= date.fromisoformat(dates["until"]))


def _amount(rule: Json, running: int, line: Line) -> int:
    give = rule["give"]
    for_all = _half_up(Fraction(give.get("cents", 0) * line.quantity, 1000))
    if give["kind"] == "percent":
        return _half_up(Fraction(running * give["basis_points"], 10_000))
    if give["kind"] == "fixed_price":
        return max(0, running - for_all)
    return min(running, for_all if give["per"] == "unit" else give["cents"])


def _split(amount: int, payers: list[Json]) -> list[tuple[str, int]]:
    rest = 10_000 - sum(payer.get("share_basis_points", 0) for payer in payers)
    exact = [Fraction(amount * payer.get("share_basis_points", rest), 10_000) for payer in payers]
    parts = [floor(share) for share in exact]
    by_remainder = sorted(range(len(payers)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return [(payer["party"], part) for payer, part in zip(payers, parts, strict=True)]


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))

"""A refund mirrors the stored decision: prices, payers' shares, VAT and quota units of what comes back, whatever the
rules say today. Pure.

However a line comes back piece by piece, the parts add up to the whole to the cent, for each payer; nothing is given
back twice, and no part is negative, cash rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm

import msgspec

from gateway.model.decision import Decision, LineDecision, LineVat, Share, Use
from gateway.model.errors import InputRefused
from gateway.model.money import Cents, Thousandths
from gateway.model.receipt import Line, Receipt
from gateway.model.refund import Refund, Returned


def refund(
    receipt: Receipt,
    decision: Decision,
    wanted: Mapping[str, Thousandths] | None = None,
    before: Mapping[str, Thousandths] | None = None,
) -> Refund:
    """What is given back of this receipt for these quantities (line id → thousandths; None: all that is left), when
    `before` has been given back already.

    Quota units go back in proportion to the discount that comes back, whole ones only; the rest with the last part.
    Raises `InputRefused` for a line that is not there, for nothing, and for more than is left.
    """
    done = dict(before or {})
    left = {line.id: line.quantity - done.get(line.id, 0) for line in receipt.lines}
    asked = {line: quantity for line, quantity in left.items() if quantity} if wanted is None else dict(wanted)
    _check(asked, left)
    returned = tuple(
        _line(line, decision, at, done.get(line.id, 0), asked[line.id])
        for at, line in enumerate(receipt.lines)
        if line.id in asked
    )
    until = {line.id: done.get(line.id, 0) + asked.get(line.id, 0) for line in receipt.lines}
    rounding = _rounded(receipt, decision, until) - _rounded(receipt, decision, done)
    return Refund(
        lines=returned,
        due_cents=sum(line.due_cents for line in returned) + rounding,
        rounding_cents=rounding,
        uses=_uses(receipt, decision, done, asked),
    )


def _check(asked: Mapping[str, Thousandths], left: Mapping[str, Thousandths]) -> None:
    if not asked:
        raise InputRefused("nothing is left to give back", where="lines", code="nothing_left")
    for line, quantity in asked.items():
        if line not in left:
            raise InputRefused(f"no line {line!r} on the receipt", where="lines", code="bad_refund")
        if quantity < 1:
            what = f"line {line!r}: a quantity of {quantity}"
            raise InputRefused(what, "In thousandths, 1 or more", where="lines", code="bad_refund")
        if quantity > left[line]:
            what = f"line {line!r}: {quantity} thousandths, and {left[line]} are left"
            raise InputRefused(what, "Give back less", where="lines", code="more_than_sold")


def _line(line: Line, decision: Decision, at: int, done: Thousandths, quantity: Thousandths) -> Returned:
    decided = decision.lines[at]
    whole, until = line.quantity, done + quantity

    def part(total: Cents) -> Cents:
        # Whole cents of what has come back, counted from the beginning: so all parts add up to the total.
        return total * until // whole - total * done // whole

    before, after = _split(line, decided, done), _split(line, decided, until)
    due, *parts = (to - since for since, to in zip(before, after, strict=True))
    shares = tuple(
        Share(share.party, share.rule, cents, share.form)
        for share, cents in zip(decided.shares, parts, strict=True)
        if cents
    )
    vat = None
    if decided.vat is not None:
        vat = LineVat(
            decided.vat.treatment, part(decided.vat.gross_cents), decided.vat.basis_points, part(decided.vat.tax_cents)
        )
    return Returned(line.id, quantity, part(decided.list_cents), due, shares, vat, line.vat)


def in_turn(cents: Cents, weights: Sequence[int]) -> list[Cents]:
    """The first so many cents of a sum that was split into these parts: each cent goes to whoever is furthest behind
    (D'Hondt: house monotone, so no part ever shrinks as more comes back; all of the sum gives the parts themselves)."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    # Nobody ever has less than the whole cents of their share (lower quota), so at most one cent each is left to give.
    given = [weight * cents // whole for weight in weights]
    for _ in range(cents - sum(given)):
        same = lcm(*(has + 1 for has in given))  # By weight for each cent of theirs and the next: exact.
        behind = max(range(len(weights)), key=lambda i: (weights[i] * (same // (given[i] + 1)), -i))
        given[behind] += 1
    return given


def _rounded(receipt: Receipt, decision: Decision, back: Mapping[str, Thousandths]) -> Cents:
    """What of the cash rounding has come back with these quantities: all of it with the last part. Cents that were
    rounded off are not paid out before that: so no part is left with more rounding than money."""
    lines = list(zip(receipt.lines, decision.lines, strict=True))
    if all(back.get(line.id, 0) == line.quantity for line, _ in lines):
        return decision.rounding_cents
    due = sum(_split(line, decided, back.get(line.id, 0))[0] for line, decided in lines)
    return min(0, decision.due_cents - due)


def _split(line: Line, decided: LineDecision, back: Thousandths) -> list[Cents]:
    """What the customer and each payer have got of a line when so much of it has come back. The customer is one of
    those who get their cents in turn: so none of them ever gets less than nothing."""
    weights = [decided.due_cents, *(share.cents for share in decided.shares)]
    return in_turn(decided.list_cents * back // line.quantity, weights)


def _uses(
    receipt: Receipt, decision: Decision, done: Mapping[str, Thousandths], asked: Mapping[str, Thousandths]
) -> tuple[Use, ...]:
    """Of each use in proportion to the discount that has come back: whole units, the rest with the last part."""
    lines = list(zip(receipt.lines, decision.lines, strict=True))
    total = decision.discount_cents

    def back(quantities: Mapping[str, Thousandths]) -> Cents:
        return sum(of.discount_cents * quantities.get(line.id, 0) // line.quantity for line, of in lines)

    since, until = back(done), back({line.id: done.get(line.id, 0) + asked.get(line.id, 0) for line, _ in lines})
    found = []
    for use in decision.uses:
        units = use.units * until // total - use.units * since // total if total else 0
        if units:
            found.append(msgspec.structs.replace(use, units=units))
    return tuple(found)

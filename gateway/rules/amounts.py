"""How much a rule takes off. Integer cents, half-up once per line and rule unless the rule says otherwise; never more
than the running price, never below a floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm
from typing import NamedTuple

from msgspec import UNSET

from gateway.model.decision import Limited
from gateway.model.money import Cents, Thousandths, half_up, line_cents, percent_of, share_out
from gateway.model.receipt import Line
from gateway.rules.compiled import Compiled, Gave, Kind
from gateway.rules.gives import Fixed, FixedPrice, FreeUnits, Percent, Step, Tiers

PIECE = 1000
"""Thousandths."""


class Offer(NamedTuple):
    """What a rule would take off a line. `pieces`: whole units that it touches, a part of one counts as one."""

    cents: Cents
    pieces: int = 0
    limited: Limited | None = None


NOTHING = Offer(0)


class Running(NamedTuple):
    """A line as the rules before left it, or the part of it that a rule may still touch."""

    line: Line
    list_cents: Cents
    cents: Cents
    quantity: Thousandths

    @property
    def pieces(self) -> int:
        return -(-self.quantity // PIECE)

    def part(self, pieces: int) -> Running:
        """So many pieces of it."""
        quantity = pieces * PIECE
        if quantity >= self.quantity:
            return self
        listed = half_up(self.list_cents * quantity, self.quantity)
        return Running(self.line, listed, half_up(self.cents * quantity, self.quantity), quantity)

    def room(self, floor_cents: Cents) -> Cents:
        """What may be taken off it at most, above the floor of a unit."""
        return max(0, self.cents - line_cents(max(floor_cents, self.line.floor_cents), self.quantity))


def plain_amount(kind: Kind, value: int, cents: Cents, quantity: Thousandths) -> Cents:
    """The kinds that need one number, on a line without a floor that costs `cents` now."""
    match kind:
        case Kind.PERCENT:
            return percent_of(cents, value)
        case Kind.OFF_UNIT:
            return min(cents, line_cents(value, quantity))
        case Kind.OFF_LINE:
            return min(cents, value)
        case _:
            return max(0, cents - line_cents(value, quantity))


def on_line(rule: Compiled, at: Running, step: Step | None = None, used: int = 0) -> Offer:
    """What a rule that is computed line by line takes off this line. `step`: the one that a measure has reached;
    `used`: units of the rule's count before this line."""
    give = rule.give
    if rule.plain and not at.line.floor_cents:
        cents = plain_amount(rule.kind, rule.value, at.cents, at.quantity)
        return Offer(cents, at.pieces if cents else 0)
    match give:
        case Tiers(by="uses"):
            offer = _within(give, at, min(_by_number(give, at, used), at.cents))
            # A use counts also where its step takes nothing off: else the next step would never come.
            return Offer(offer.cents, at.pieces, offer.limited)
        case Tiers():
            wanted = _stepped(step, at) if step is not None else 0
        case _:
            wanted = _wanted(give, at)
    return _within(give, at, min(wanted, at.cents))


def on_all(
    rule: Compiled, lines: Sequence[Running], count: int = 0, step: Step | None = None, used: int = 0
) -> dict[int, Offer]:
    """What a rule that is computed once takes off each of these lines (index → offer). `count`: units that are free;
    `step`: the one that a measure has reached; `used`: units of the rule's count before the first line."""
    give = rule.give
    if isinstance(give, FreeUnits):
        offers = _free_units(give, lines, count)
    elif isinstance(give, Fixed) and give.per == "receipt":
        offers = _spread(give, lines, give.cents)
    elif isinstance(give, FixedPrice) and give.per == "receipt":
        offers = _spread(give, lines, max(0, sum(at.cents for at in lines) - give.cents))
    else:
        offers = {}
        for i, at in enumerate(lines):
            offers[i] = on_line(rule, at, step, used)
            used += offers[i].pieces
    cap = give.cap
    if cap is not UNSET and cap.per == "receipt":
        offers = scaled(offers, cap.cents, Limited.CAP)
    return {i: offer for i, offer in offers.items() if offer.pieces}


def scaled(offers: Mapping[int, Offer], most: Cents, limited: Limited) -> dict[int, Offer]:
    """The same offers, together at most this: each its share, by largest remainder."""
    total = sum(offer.cents for offer in offers.values())
    if total <= most:
        return dict(offers)
    parts = share_out(most, [offer.cents for offer in offers.values()])
    return {
        i: Offer(part, offer.pieces, limited) for (i, offer), part in zip(offers.items(), parts, strict=True) if part
    }


def free_count(give: FreeUnits, met: Sequence[Line], receipt: Sequence[Line], *, identified: bool) -> int | None:
    """How many units are free on this receipt; None when there are too few of what counts."""
    of = give.for_each
    if of is UNSET:
        count = give.units
    else:
        if of.categories is not UNSET:
            measure = sum(line.quantity for line in receipt if line.category in of.categories)
        else:
            measure = 0 if of.holder else sum(line.quantity for line in met)
        if of.holder and identified:
            measure += PIECE
        if of.at_least is not UNSET and measure < of.at_least:
            return None
        count = measure // of.quantity * give.units
    return min(count, give.most) if give.most is not UNSET else count


def step_at(give: Tiers, measure: int) -> Step | None:
    """The last step that the measure has reached."""
    reached = [step for step in give.steps if step.first <= measure]
    return reached[-1] if reached else None


def _wanted(give: Gave, at: Running) -> Cents:
    match give:
        case Percent(basis_points=points, base=base, rounding=rounding):
            of = at.list_cents if base == "original" else at.cents
            if rounding == "line":
                return percent_of(of, points)
            return line_cents(half_up(of * PIECE * points, at.quantity * 10_000), at.quantity)
        case Fixed(cents=cents, per="unit"):
            return line_cents(cents, at.quantity)
        case Fixed(cents=cents):
            return cents
        case FixedPrice(cents=cents):
            return max(0, at.cents - line_cents(cents, at.quantity))
        case _:  # Computed elsewhere: by steps, or for the whole receipt.
            return 0


def _stepped(step: Step, at: Running) -> Cents:
    if step.basis_points is not UNSET:
        return percent_of(at.cents, step.basis_points)
    if step.off_cents is not UNSET:
        return line_cents(step.off_cents, at.quantity)
    unit = step.unit_cents if step.unit_cents is not UNSET else 0
    return max(0, at.cents - line_cents(unit, at.quantity))


def _by_number(give: Tiers, at: Running, used: int) -> Cents:
    """Units of one step together: each step is rounded once for the line."""
    last = used + at.pieces
    ends = [step.first - 1 for step in give.steps[1:]] + [last]
    total = 0
    for step, end in zip(give.steps, ends, strict=True):
        if step.first > last:
            break
        if end > used:
            begin, stop = max(used + 1, step.first), min(last, end)
            total += _stepped(step, _between(at, begin - used - 1, stop - used))
    return total


def _between(at: Running, skipped: int, through: int) -> Running:
    """Pieces of a line, cut so that all cuts add up to it."""
    before, until = at.part(skipped), at.part(through)
    return Running(
        at.line, until.list_cents - before.list_cents, until.cents - before.cents, until.quantity - before.quantity
    )


def _within(give: Gave, at: Running, cents: Cents) -> Offer:
    limited = None
    if (cap := give.cap) is not UNSET and cap.per != "receipt":
        most = line_cents(cap.cents, at.quantity) if cap.per == "unit" else cap.cents
        if cents > most:
            cents, limited = most, Limited.CAP
    room = at.room(give.floor_cents if give.floor_cents is not UNSET else 0)
    if cents > room:
        cents, limited = room, Limited.FLOOR
    return Offer(cents, at.pieces if cents else 0, limited)


def _spread(give: Fixed | FixedPrice, lines: Sequence[Running], total: Cents) -> dict[int, Offer]:
    """In proportion to what the lines cost now. What a line's floor or cap does not let it take goes to the others, in
    the same proportion; what fits nowhere is lost."""
    most = [_within(give, at, at.cents) for at in lines]
    given = [0] * len(lines)
    limited: dict[int, Limited | None] = {}
    rest = min(total, sum(at.cents for at in lines))
    while rest and (able := [i for i in range(len(lines)) if given[i] < most[i].cents]):
        parts = share_out(rest, [lines[i].cents for i in able])
        rest = 0
        for i, part in zip(able, parts, strict=True):
            taken = min(part, most[i].cents - given[i])
            given[i] += taken
            if taken < part:
                limited[i] = most[i].limited
                rest += part - taken
    return {i: Offer(cents, lines[i].pieces, limited.get(i)) for i, cents in enumerate(given) if cents}


def _free_units(give: FreeUnits, lines: Sequence[Running], count: int) -> dict[int, Offer]:
    sign = 1 if give.pick == "cheapest" else -1
    same = lcm(*(at.quantity for at in lines))  # What so much of each would cost: exact, and without fractions.
    order = sorted(range(len(lines)), key=lambda i: (sign * lines[i].cents * (same // lines[i].quantity), i))
    offers: dict[int, Offer] = {}
    for i in order:
        pieces = min(count, lines[i].quantity // PIECE)
        if not pieces or not lines[i].cents:
            continue
        part = lines[i].part(pieces)
        offer = _within(give, part, percent_of(part.cents, give.basis_points))
        if offer.cents:
            offers[i] = Offer(offer.cents, pieces, offer.limited)
            count -= pieces
    return dict(sorted(offers.items()))

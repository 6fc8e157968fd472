"""What each kind of `give` takes off, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from gateway.model.receipt import Line

Json = dict[str, Any]
Taken = tuple[int, int]
"""Cents, and whole units that were touched."""


class Part(NamedTuple):
    """A line, or the first units of it, as the rules before left it."""

    listed: int
    cents: int
    quantity: int
    floor: int

    @property
    def pieces(self) -> int:
        return -(-self.quantity // 1000)

    def first(self, pieces: int) -> Part:
        """So many of its units cost their proportion, half-up."""
        quantity = min(self.quantity, pieces * 1000)
        return self._replace(
            listed=half_up(self.listed * quantity, self.quantity),
            cents=half_up(self.cents * quantity, self.quantity),
            quantity=quantity,
        )

    def times(self, unit_cents: int) -> int:
        return half_up(unit_cents * self.quantity, 1000)


def half_up(numerator: int, denominator: int) -> int:
    return floor(Fraction(numerator, denominator) + Fraction(1, 2))


def list_price(line: Line) -> int:
    return half_up(line.unit_cents * line.quantity, 1000)


def split(amount: int, weights: list[int]) -> list[int]:
    """By largest remainder, a tie to the first."""
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [floor(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def is_whole(rule: Json) -> bool:
    """Whether it is computed once for the receipt."""
    give, need = rule["give"], rule.get("need", {})
    return (
        give["kind"] == "free_units"
        or give.get("per") == "receipt"
        or give.get("cap", {}).get("per") == "receipt"
        or ("min_spend_cents" in need and need.get("basis") == "running")
    )


def on_part(give: Json, part: Part, measure: int = 0, used: int = 0) -> Taken:
    """What a kind that works line by line takes. `measure`: spend or quantity of the rule's lines; `used`: units before
    this one."""
    cents = _bounded(give, part, min(part.cents, _wanted(give, part, measure, used)))
    counts = give["kind"] == "tiers" and give["by"] == "uses"
    return cents, part.pieces if cents or counts else 0


def reached(give: Json, measure: int) -> Json | None:
    """The last step that the measure has reached."""
    steps: list[Json] = [step for step in give["steps"] if step["from"] <= measure]
    return steps[-1] if steps else None


def spread(give: Json, parts: list[Part]) -> list[Taken]:
    """An amount off all of these together, each in proportion to its running price; what one cannot take goes to the
    others in the same way, until nothing is left or none can."""
    total = sum(part.cents for part in parts)
    rest = min(total, give["cents"]) if give["kind"] == "fixed" else max(0, total - give["cents"])
    most = [_bounded(give, part, part.cents) for part in parts]
    taken = [0] * len(parts)
    while rest and (able := [i for i in range(len(parts)) if taken[i] < most[i]]):
        for i, share in zip(able, split(rest, [parts[i].cents for i in able]), strict=True):
            more = min(share, most[i] - taken[i])
            taken[i] += more
            rest -= more
    return [(cents, part.pieces if cents else 0) for cents, part in zip(taken, parts, strict=True)]


def free(give: Json, parts: list[Part], count: int) -> list[Taken]:
    """Whole units by price, the cheapest first or the dearest; a line that gives nothing is passed over."""
    taken = [(0, 0)] * len(parts)
    sign = -1 if give.get("pick") == "dearest" else 1
    for i in sorted(range(len(parts)), key=lambda i: (sign * Fraction(parts[i].cents, parts[i].quantity), i)):
        pieces = min(count, parts[i].quantity // 1000)
        if not pieces:
            continue
        part = parts[i].first(pieces)
        cents = _bounded(give, part, half_up(part.cents * give.get("basis_points", 10_000), 10_000))
        if cents:
            taken[i] = cents, pieces
            count -= pieces
    return taken


def how_many_free(give: Json, own: list[Line], receipt: tuple[Line, ...], *, identified: bool) -> int:
    of = give.get("for_each")
    count = give.get("units", 1)
    if of is not None:
        if "categories" in of:
            measure = sum(line.quantity for line in receipt if line.category in of["categories"])
        else:
            measure = 0 if of.get("holder") else sum(line.quantity for line in own)
        if of.get("holder") and identified:
            measure += 1000
        if measure < of.get("at_least", 0):
            return 0
        count *= measure // of.get("quantity", 1000)
    return int(min(count, give.get("most", count)))


def _wanted(give: Json, part: Part, measure: int, used: int) -> int:
    match give["kind"], give.get("per", "unit"):
        case "percent", _:
            base = part.listed if give.get("base") == "original" else part.cents
            if give.get("rounding") == "unit":
                return part.times(half_up(base * 1000 * give["basis_points"], part.quantity * 10_000))
            return half_up(base * give["basis_points"], 10_000)
        case "fixed", "unit":
            return part.times(give["cents"])
        case "fixed", "line":
            return int(give["cents"])
        case "fixed_price", _:
            return max(0, part.cents - part.times(give["cents"]))
    if give["by"] != "uses":
        return _stepped(reached(give, measure), part)
    total, begun = 0, 0
    while begun < part.pieces:  # Units of one step are rounded together.
        step = reached(give, used + begun + 1)
        ended = begun + 1
        while ended < part.pieces and reached(give, used + ended + 1) == step:
            ended += 1
        before, through = part.first(begun), part.first(ended)
        total += _stepped(
            step, part._replace(cents=through.cents - before.cents, quantity=through.quantity - before.quantity)
        )
        begun = ended
    return total


def _stepped(step: Json | None, part: Part) -> int:
    match step:
        case None:
            return 0
        case {"basis_points": points}:
            return half_up(part.cents * points, 10_000)
        case {"off_cents": cents}:
            return part.times(cents)
        case _:
            return max(0, part.cents - part.times(step["unit_cents"]))


def _bounded(give: Json, part: Part, cents: int) -> int:
    cap = give.get("cap", {"per": "receipt"})
    if cap["per"] != "receipt":
        cents = min(cents, part.times(cap["cents"]) if cap["per"] == "unit" else cap["cents"])
    return min(cents, max(0, part.cents - part.times(max(part.floor, give.get("floor_cents", 0)))))

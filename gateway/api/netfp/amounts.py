"""From decimal numbers as written to cents, thousandths and basis points, and back. Pure, exact."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from gateway.model.money import BasisPoints, Cents, Thousandths, line_cents, percent_of

_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
NOISE = Decimal("0.0001")
"""Of the last place. A client that computes in binary floating point writes 0.30000000000000004 for 30 cents: the
difference is below this, and no price that somebody meant is."""


class Rounded(NamedTuple):
    """A number in units of its last place; `exact`: nothing but noise was rounded away."""

    units: int
    exact: bool


def rounded(value: Decimal, places: int) -> Rounded:
    """`value` in units of its `places`-th decimal, half away from zero."""
    scaled = _EXACT.multiply(value, Decimal(10) ** places)
    units = _EXACT.to_integral_value(scaled)
    return Rounded(int(units), abs(_EXACT.subtract(scaled, units)) <= NOISE)


def cents(value: Decimal) -> Cents | None:
    """An amount of money; None when it is no whole number of cents."""
    units, exact = rounded(value, 2)
    return units if exact else None


def thousandths(value: Decimal, unit_cents: Cents) -> Thousandths | None:
    """A quantity, rounded to what paper can show. None when that would change the price of its line."""
    units, exact = rounded(value, 3)
    if exact:
        return units
    whole = rounded(_EXACT.multiply(value, Decimal(unit_cents)), 0).units
    return units if whole == line_cents(unit_cents, units) else None


def percent_cents(percent: Decimal, of: Cents) -> Cents | None:
    """What a percentage of a line is, half a cent away from zero. The percentage has two decimals, as in ErpNet.FP;
    None when more of them would change the amount."""
    points, exact = rounded(percent, 2)
    amount = percent_of(of, BasisPoints(points))
    if exact:
        return amount
    whole = rounded(_EXACT.multiply(percent, Decimal(of)).scaleb(-2, _EXACT), 0).units
    return amount if whole == amount else None


def number(amount: Cents) -> Decimal:
    """An amount as JSON writes it: 2000 is 20.00. Exact."""
    return Decimal(amount).scaleb(-2)

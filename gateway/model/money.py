"""Integer money: cents and basis points, half-up, largest remainder. No floats, no decimals, anywhere."""

from __future__ import annotations

from collections.abc import Sequence

Cents = int
Thousandths = int
BasisPoints = int


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half away from zero. `denominator` must be positive."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def line_cents(unit_cents: Cents, quantity: Thousandths) -> Cents:
    """Price of a line: unit price × quantity in thousandths, half-up to the cent."""
    if unit_cents >= 0:
        return (unit_cents * quantity + 500) // 1000
    return half_up(unit_cents * quantity, 1000)


def percent_of(cents: Cents, basis_points: BasisPoints) -> Cents:
    """A percentage of an amount: 1050 basis points are 10.5 %. Half-up; negative amounts mirror."""
    return half_up(cents * basis_points, 10_000)


def share_out(total: Cents, weights: Sequence[int]) -> list[Cents]:
    """Split `total` in proportion to `weights` so that the parts add up to it exactly: largest remainder,
    the earlier part wins a tie. Weights are not negative; all zero gives everything to the first part."""
    if total < 0:
        return [-part for part in share_out(-total, weights)]
    if len(weights) == 1:
        return [total]
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))] if weights else []
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    missing = total - sum(parts)
    for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:missing]:
        parts[index] += 1
    return parts


def euros(cents: Cents) -> str:
    """For people: 1390 is `13.90`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"

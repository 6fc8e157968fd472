"""How fiscal devices round, written apart from the gateway's own rounding on purpose: a second reading of one document,
so that a mistake in one of them shows. Pure; whole cents, thousandths and hundredths of a percent.

Source: Datecs, Rounding in Fiscal Devices, Bulgaria, v1.0.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Groups = Mapping[str, int]
"""VAT letter to cents, gross."""


def half_up(numerator: int, denominator: int) -> int:
    """The quotient to a whole number, a half away from zero. `denominator` is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def row(unit_cents: int, quantity: int) -> int:
    """A line: price of one times thousandths."""
    return half_up(unit_cents * quantity, 1000)


def percent(cents: int, hundredths: int) -> int:
    """So many hundredths of a percent of an amount; a discount is negative."""
    return half_up(cents * hundredths, 10_000)


def percent_of_groups(groups: Groups, hundredths: int) -> dict[str, int]:
    """A percentage of the subtotal: rounded per VAT group. What each group changes by."""
    return {letter: percent(cents, hundredths) for letter, cents in groups.items() if cents}


def amount_over_groups(
    groups: Groups, amount: int, leftover: Callable[[Groups, int], dict[str, int]]
) -> dict[str, int]:
    """An amount off (negative) or onto the subtotal, which is positive: spread in proportion, and the cents that
    rounding left over go where the family puts them. What each group changes by; the changes sum to `amount`."""
    used = {letter: cents for letter, cents in groups.items() if cents}
    total = sum(used.values())
    parts = {letter: half_up(cents * amount, total) for letter, cents in used.items()}
    left = amount - sum(parts.values())
    for letter, cents in leftover(used, left).items():
        parts[letter] += cents
    return parts


def to_the_largest(groups: Groups, left: int) -> dict[str, int]:
    """Group A: all of it to the group with the largest sum, the first letter of those that are equal."""
    return {min(groups, key=lambda letter: (-groups[letter], letter)): left} if left else {}


def cent_by_cent(groups: Groups, left: int) -> dict[str, int]:
    """Groups B and C: a cent each, from the first letter that is used, again and again."""
    letters = sorted(groups)
    share: dict[str, int] = {}
    for number in range(abs(left)):
        letter = letters[number % len(letters)]
        share[letter] = share.get(letter, 0) + (1 if left > 0 else -1)
    return share


def vat_by_net(gross: int, basis_points: int) -> int:
    """Group A: the net sum is rounded, the rest is VAT."""
    return gross - half_up(gross * 10_000, 10_000 + basis_points)


def vat_by_share(gross: int, basis_points: int) -> int:
    """Groups B and C: VAT is rounded, the rest is the net sum."""
    return half_up(gross * basis_points, 10_000 + basis_points)

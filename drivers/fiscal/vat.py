"""VAT in a receipt as the device itself takes it out of the sums of its letters. Pure.

Group A takes the net out first: net = gross * 100 / (100 + rate), VAT = gross - net. The others take the VAT out: VAT =
gross * rate / (100 + rate). Both half up; at 12 % they differ by a cent for some sums (first: 0.14).
Source: Datecs, Rounding in Fiscal Devices, Bulgaria, v1.0.4.

Tremol's documents do not say how it rounds; receipts in its manuals (1500.00 at 20 %: VAT 250.00, net 1250.00; 140.00:
VAT 23.33) fit both. Such a family's VAT is told where both come to the same cent, as they always do at 21 % and at 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.contract.printer import BasisPoints, Cents, VatSum

_WHOLE = 10_000


def vat_sums(
    groups: Mapping[str, Cents], rates: Mapping[str, BasisPoints], *, by_net: bool | None
) -> tuple[VatSum, ...]:
    """Of each letter, in their order. Empty when the rate of one of them is not known. `by_net` None: which way is not
    known; empty when it would matter."""
    if not all(letter in rates for letter in groups):
        return ()
    if by_net is None:
        either = vat_sums(groups, rates, by_net=True)
        return either if either == vat_sums(groups, rates, by_net=False) else ()
    return tuple(_sum(letter, groups[letter], rates[letter], by_net=by_net) for letter in sorted(groups))


def _sum(letter: str, gross: Cents, rate: BasisPoints, *, by_net: bool) -> VatSum:
    if by_net:
        return VatSum(letter, gross, rate, gross - _half_up(gross * _WHOLE, _WHOLE + rate))
    return VatSum(letter, gross, rate, _half_up(gross * rate, _WHOLE + rate))


def _half_up(number: int, by: int) -> int:
    return (2 * number + by) // (2 * by)

"""How a receipt is paid at the device: the tenders, cash rounding in them, and what the device must answer. Pure.

A payer's share is a tender by its means. Cash goes last, because the change comes out of it.

Cash rounding is no part of the device's total, and the device must be paid its total. Rounded **down**, the cents that
nobody pays are a tender by the means that the option `rounding_means` names, before the cash: the paper says how they
were settled, and the change is right. Rounded **up**, the cents that the customer pays above the total stand in a line
of text, and the device is told the cash less those cents: its sums and its change are right, and the drawer holds the
rounding more than the device knows. Without the option rounding is refused: how it has to stand on paper is a matter of
the country's rules.
"""

from __future__ import annotations

import msgspec

from drivers.contract.printer import Cents, Payment, Print, Tender
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.families import Family
from drivers.fiscal.operations import Pay
from drivers.fiscal.shown import money

MAX_ROUNDING_CENTS = 50
"""Half of the coarsest step in use (to a whole unit): more is a mistake."""


class Paying(msgspec.Struct, frozen=True):
    """One payment, and what the device must say after it. `before_cents` is what was paid before it."""

    pay: Pay
    before_cents: Cents
    due_cents: Cents
    change_cents: Cents


class _Given(msgspec.Struct, frozen=True):
    where: str
    means: Payment
    cents: Cents


def rounding_note(asked: Print, word: str) -> str | None:
    """The line that tells of cents paid above the total."""
    return f"{word} +{money(asked.rounding_cents)}" if asked.rounding_cents > 0 else None


def tendered(asked: Print, total: Cents, family: Family, rounding_means: Payment | None) -> tuple[Paying, ...]:
    """The payments of a receipt over `total`. Raises `Refusal`."""
    given = [_given(index, tender, family) for index, tender in enumerate(asked.tenders)]
    if asked.rounding_cents:
        given = _rounded(asked.rounding_cents, given, family, rounding_means)
    if total == 0 and not given:
        given = [_Given("tenders", Payment.CASH, 0)]
    given.sort(key=lambda one: one.means is Payment.CASH)
    _check_sum(given, total, family)
    payments: list[Paying] = []
    due = total
    for index, one in enumerate(given):
        if (due <= 0 or one.cents == 0) and not (total == 0 and one.cents == 0 and index == 0):
            raise Refusal(Reason.TENDER_TOO_LARGE, f"{one.means} of {money(one.cents)} is needless", one.where)
        before, due = total - due, due - one.cents
        if due < 0 and one.means is not Payment.CASH:
            raise Refusal(Reason.TENDER_TOO_LARGE, f"{money(-due)} more than due by {one.means}", one.where)
        payments.append(Paying(Pay(one.means, one.cents), before, max(due, 0), max(-due, 0)))
    return tuple(payments)


def _given(index: int, tender: Tender, family: Family) -> _Given:
    where = f"tenders[{index}]"
    if tender.means not in family.payments:
        raise Refusal(Reason.NOT_SUPPORTED, f"the device takes no payment by {tender.means}", f"{where}.means")
    if tender.cents < 0:
        raise Refusal(Reason.BAD_AMOUNT, f"{tender.cents} is below 0", f"{where}.cents")
    return _Given(f"{where}.cents", tender.means, tender.cents)


def _rounded(rounding: Cents, given: list[_Given], family: Family, means: Payment | None) -> list[_Given]:
    where = "rounding_cents"
    if means is None or means not in family.payments:
        raise Refusal(Reason.ROUNDING_NOT_SET, "no means of payment tells cash rounding on paper", where)
    if abs(rounding) > MAX_ROUNDING_CENTS:
        raise Refusal(Reason.TOO_LARGE, f"{rounding} cents are more than rounding", where)
    cash = [one for one in given if one.means is Payment.CASH]
    if not cash:
        raise Refusal(Reason.ROUNDING_NOT_SET, "only what is paid in cash is rounded", where)
    if rounding < 0:
        return [_Given(where, means, -rounding), *given]
    last = cash[-1]
    if last.cents <= rounding:
        raise Refusal(Reason.TENDER_TOO_SMALL, "the rounding is more than the cash", where)
    less = _Given(last.where, last.means, last.cents - rounding)
    return [less if one is last else one for one in given]


def _check_sum(given: list[_Given], total: Cents, family: Family) -> None:
    paid = sum(one.cents for one in given)
    if paid < total:
        raise Refusal(Reason.TENDER_TOO_SMALL, f"{money(paid)} for {money(total)}", "tenders")
    if paid > family.max_cents:
        raise Refusal(Reason.TENDER_TOO_LARGE, f"{money(paid)} is more than the device takes", "tenders")

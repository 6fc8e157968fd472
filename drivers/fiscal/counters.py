"""What a device's counters say of a receipt that was begun and is not open any more. Pure.

Three witnesses: the number of the last document, the day's sums, and the amount of the last receipt (with what was paid
of it, where no sums tell). A cancelled document may or may not take a number, a Z report sets the sums back: only what
fits one end alone is believed.
"""

from __future__ import annotations

from enum import Enum

from drivers.contract.printer import Baseline, Cents
from drivers.fiscal.plan import Plan
from drivers.fiscal.said import Day, Transaction
from drivers.fiscal.standing import Standing, steps


class Verdict(Enum):
    PRINTED = "printed"
    NOT_PRINTED = "not printed"
    NEITHER = "neither"


def sums_tell(work: Plan, baseline: Baseline, day: Day) -> bool:
    """The day's sums show whether this receipt was booked."""
    return _booked(work, baseline, day) is not None


def has_moved(baseline: Baseline, day: Day) -> bool:
    """Something was sold or given back since the baseline, by whomever, or the day was ended, as far as is told."""
    sums = ((baseline.sold_cents, day.sold_cents), (baseline.returned_cents, day.returned_cents))
    moved = any(None not in (before, now) and before != now for before, now in sums)
    return moved or bool(steps(baseline.z_number, day.z_number))


def has_booked(work: Plan, baseline: Baseline, day: Day) -> bool | None:
    """As `has_moved`. None when nothing has, and the device does not tell the sums that such a work is in."""
    if has_moved(baseline, day):
        return True
    told = (baseline.returned_cents, day.returned_cents) if work.reversal else (baseline.sold_cents, day.sold_cents)
    return None if None in told else False


def judge(work: Plan, baseline: Baseline, standing: Standing) -> Verdict:
    """How it ended, for a receipt whose payment may have begun."""
    number = steps(baseline.number, standing.last.number)
    if steps(baseline.z_number, standing.day.z_number):
        return Verdict.NOT_PRINTED if number == 0 else Verdict.NEITHER
    booked = _booked(work, baseline, standing.day)
    amount = standing.transaction.amount_cents
    exact = booked == work.total_cents if amount is None else amount == work.total_cents
    match number, booked:
        case 0, None | 0:
            return Verdict.NOT_PRINTED
        case 1 | None, 0:
            return Verdict.NOT_PRINTED
        case 1, None if exact and not _unpaid(standing.transaction):
            return Verdict.PRINTED
        case 1, int() if exact and booked > 0:
            return Verdict.PRINTED
        case None, int() if exact and booked == work.total_cents:
            return Verdict.PRINTED
        case _:
            return Verdict.NEITHER


def _unpaid(last: Transaction) -> bool:
    """The last receipt was not paid in full: it was cancelled, at the printer's own keys perhaps."""
    return None not in (last.paid_cents, last.amount_cents) and (last.paid_cents or 0) < (last.amount_cents or 0)


def _booked(work: Plan, baseline: Baseline, day: Day) -> Cents | None:
    """How much the sums of such receipts have moved; None when the device does not tell, or when a total of 0 would
    not show."""
    before, now = (
        (baseline.returned_cents, day.returned_cents) if work.reversal else (baseline.sold_cents, day.sold_cents)
    )
    return None if before is None or now is None or not work.total_cents else now - before

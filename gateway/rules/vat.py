"""VAT within what a receipt shows, line by line. Rates are dated and stand in the rule document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from msgspec import UNSET

from gateway.model.decision import FiscalForm, LineDecision, LineVat, VatTreatment
from gateway.model.money import half_up
from gateway.rules.tables import VatRate

LOWERS = frozenset((FiscalForm.DISCOUNT, FiscalForm.OFF_RECEIPT))
"""Forms whose share the receipt does not show as paid. A tender's share is part of the price (Directive 2006/112/EC,
Art. 73)."""


def vat_of(
    decided: LineDecision, rates: Mapping[str, tuple[VatRate, ...]], of_class: str, day: date, *, registered: bool
) -> LineVat | None:
    """VAT of a decided line; None where the document says nothing of its class on this day."""
    if not rates:
        return None
    gross = decided.list_cents - sum(share.cents for share in decided.shares if share.form in LOWERS)
    if not registered:
        return LineVat(VatTreatment.NOT_REGISTERED, gross)
    in_force = [rate for rate in rates.get(of_class, ()) if rate.first <= day]
    if not in_force:
        return None
    rate = in_force[-1]
    if rate.without is not UNSET:
        return LineVat(VatTreatment(rate.without), gross)
    points = rate.basis_points if rate.basis_points is not UNSET else 0
    return LineVat(VatTreatment.RATE, gross, points, half_up(gross * points, 10_000 + points))

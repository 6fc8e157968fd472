"""What calendars, partners, suspensions and VAT tables have to be beyond their types."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from gateway.rules.document import RulesContent
from gateway.rules.parts import Dates
from gateway.rules.tables import Suspension, VatRate

Fault = tuple[str, str]


def table_faults(content: RulesContent) -> Iterator[Fault]:
    """Each fault with its path from `$`."""
    cities: set[str] = set()
    for index, partner in enumerate(content.partners):
        if partner.city in cities:
            yield f"$.partners[{index}].city", f"partner city {partner.city!r} is there twice"
        cities.add(partner.city)
    known = {rule.id for rule in content.rules} if content.suspensions else set()
    suspensions: set[str] = set()
    for index, suspension in enumerate(content.suspensions):
        path = f"$.suspensions[{index}]"
        if suspension.id in suspensions:
            yield f"{path}.id", f"suspension {suspension.id!r} is there twice"
        suspensions.add(suspension.id)
        yield from ((f"{path}.{at}", what) for at, what in _suspension_faults(suspension, known))
    for name, rates in content.vat.items():
        for index, rate in enumerate(rates):
            yield from ((f"$.vat.{name}[{index}]", what) for what in _rate_faults(rate))
        if len({rate.first for rate in rates}) != len(rates):
            yield f"$.vat.{name}", "two rates from the same date on"


def dates_fault(dates: Dates) -> str | None:
    """What is wrong with a range of dates."""
    first, until = dates.first, dates.until
    if first is UNSET and until is UNSET:
        return "neither `from` nor `until`"
    if first is not UNSET and until is not UNSET and first > until:
        return f"reversed: from {first} until {until}"
    return None


def _suspension_faults(suspension: Suspension, known: set[str]) -> Iterator[Fault]:
    if not suspension.title.best():
        yield "title", "no title in any language"
    if (fault := dates_fault(suspension.dates)) is not None:
        yield "dates", fault
    for name in ("rules", "except_rules"):
        for rule_id in named if (named := getattr(suspension, name)) is not UNSET else ():
            if rule_id not in known:
                yield name, f"no rule {rule_id!r} in this document"


def _rate_faults(rate: VatRate) -> Iterator[str]:
    if (rate.basis_points is UNSET) == (rate.without is UNSET):
        yield "needs either `basis_points` or `without`"

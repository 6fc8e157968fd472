"""Rules as they are written → flat values that are quick to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET, UnsetType

from gateway.model.decision import FiscalForm, QuotaUnit
from gateway.rules.compiled import (
    DAY_MINUTES,
    FOR_EVER,
    NEVER,
    Compiled,
    Counted,
    Kind,
    More,
    Shared,
    Suspended,
    Told,
    Windows,
    packed,
)
from gateway.rules.conditions import DAYS, What, Where, Who, Window, minute_of
from gateway.rules.document import Payer, Quota, Rule, RulesContent
from gateway.rules.gives import Fixed, FixedPrice, Give, Percent
from gateway.rules.named import holds_without_clock, is_whole
from gateway.rules.parts import Dates
from gateway.rules.tables import Suspension

NO_DAYS: frozenset[int] = frozenset()
EVERY_DAY = (1 << len(DAYS)) - 1

Payers = tuple[tuple[tuple[str, FiscalForm], ...], tuple[int, ...]]


def flatten(rules: Iterable[Rule], content: RulesContent) -> Iterator[Compiled]:
    """The rules in their order.

    Nothing of a usual rule's document is held on to: what is kept of it here and there would keep all of the memory in
    which it was read. Many rules share their amount, payers, windows and suspensions: one copy of each.
    """
    names: dict[str, str] = {}
    gives: dict[Give, Give] = {}
    payers_of: dict[tuple[Payer, ...], Payers] = {}
    windows_of: dict[object, Windows] = {}
    holidays = {name: frozenset(day.toordinal() for day in days) for name, days in content.calendars.items()}
    suspended = [(one, _suspended(one)) for one in content.suspensions]
    for rule in rules:
        give = gives.setdefault(rule.give, rule.give)
        kind, value = _amount(give)
        group = rule.exclusive_group if rule.exclusive_group is not UNSET else ""
        if (paid := payers_of.get(rule.payers)) is None:
            paid = payers_of[rule.payers] = _payers(rule.payers)
        payers, weights = paid
        when = rule.when
        first, last, windows = NEVER, FOR_EVER, None
        if when is not UNSET:
            first, last = ordinals(when.dates) if when.dates is not UNSET else (first, last)
            if when.windows is not UNSET:
                key = when.windows, when.calendar
                if (windows := windows_of.get(key)) is None:
                    windows = windows_of[key] = _windows(when.windows, when.calendar, holidays)
        # By position, in the order of `Compiled`: by name takes twice as long, and this is for each of many rules.
        yield Compiled(
            rule.id.encode().decode(),
            rule.version,
            kind,
            value,
            give,
            names.setdefault(group, group),
            payers,
            weights,
            first,
            last,
            windows,
            holds_without_clock(rule),
            rule.message is not UNSET,
            rule.choose == "priority",
            is_whole(rule),
            kind is not Kind.OTHER and rule.quota is UNSET,
            _more(rule, tuple(flat for one, flat in suspended if _touches(one, rule)) if suspended else ()),
        )


def told_of(rules: Iterable[Rule]) -> Iterator[bytes]:
    """The rules in their order, each packed (`packed`)."""
    for rule in rules:
        message = rule.message if rule.message is not UNSET else None
        yield packed(Told(rule.id, rule.version, rule.title, rule.legal_basis, message))


def shared_of(content: RulesContent) -> Shared:
    """What all rules of the document share at the time of a decision."""
    partners = {
        partner.city: {theirs: frozenset(ours) for theirs, ours in partner.groups.items()}
        for partner in content.partners
    }
    vat = {name: tuple(sorted(rates, key=lambda rate: rate.first)) for name, rates in content.vat.items()}
    return Shared(partners, vat)


def ordinals(dates: Dates) -> tuple[int, int]:
    """Day numbers of both ends, inclusive."""
    first, until = dates.first, dates.until
    return (
        first.toordinal() if first is not UNSET else NEVER,
        until.toordinal() if until is not UNSET else FOR_EVER,
    )


def _amount(give: Give) -> tuple[Kind, int]:
    """The kinds that need nothing but one number; every other is `OTHER`."""
    if give.cap is not UNSET or give.floor_cents is not UNSET:
        return Kind.OTHER, 0
    if type(give) is Percent and give.base == "running" and give.rounding == "line":
        return Kind.PERCENT, give.basis_points  # The most frequent one.
    match give:
        case Fixed(cents=cents, per="unit"):
            return Kind.OFF_UNIT, cents
        case Fixed(cents=cents, per="line"):
            return Kind.OFF_LINE, cents
        case FixedPrice(cents=cents, per="unit"):
            return Kind.UNIT_PRICE, cents
        case _:
            return Kind.OTHER, 0


def _payers(payers: tuple[Payer, ...]) -> Payers:
    given = sum(payer.share_basis_points for payer in payers if payer.share_basis_points is not UNSET)
    weights = tuple(
        payer.share_basis_points if payer.share_basis_points is not UNSET else 10_000 - given for payer in payers
    )
    return tuple((payer.party, payer.form) for payer in payers), weights


def _windows(windows: tuple[Window, ...], calendar: str | UnsetType, holidays: dict[str, frozenset[int]]) -> Windows:
    days = holidays.get(calendar, NO_DAYS) if calendar is not UNSET else NO_DAYS
    hours = tuple([hours_of(window) for window in windows])
    opens, closes = hours[0][1:]
    for _, first, until in hours[1:]:
        opens, closes = min(opens, first), max(closes, until)
    return Windows(hours, opens, closes, days)


def hours_of(window: Window) -> tuple[int, int, int]:
    """Its days as bits, and from and until in minutes; what goes over midnight ends beyond `DAY_MINUTES`."""
    first, until = minute_of(window.first), minute_of(window.until)
    if first is None or until is None:
        raise ValueError(f"a window that was not checked: {window}")
    bits = EVERY_DAY if window.days is DAYS else sum(1 << DAYS.index(day) for day in set(window.days))
    return bits, first, until if until > first else until + DAY_MINUTES


def _suspended(suspension: Suspension) -> Suspended:
    but_to = suspension.except_groups
    return Suspended(
        suspension.id, *ordinals(suspension.dates), frozenset(but_to) if but_to is not UNSET else frozenset()
    )


def _touches(suspension: Suspension, rule: Rule) -> bool:
    named, spared = suspension.rules, suspension.except_rules
    return (named is UNSET or rule.id in named) and (spared is UNSET or rule.id not in spared)


def _more(rule: Rule, suspended: tuple[Suspended, ...]) -> More | None:
    who, where, what = rule.who, rule.where, rule.what
    # What the index has settled already is not looked at again.
    if who is not UNSET and who.any_of_groups is not UNSET and who == Who(any_of_groups=who.any_of_groups):
        who = UNSET
    if where is not UNSET and where == Where(merchant_groups=where.merchant_groups):
        where = UNSET
    if what is not UNSET and what == What(categories=what.categories):
        what = UNSET
    quotas = tuple(_counted(quota) for quota in rule.quota) if rule.quota is not UNSET else ()
    if not suspended and not quotas and who is where is what is rule.need is UNSET:
        return None
    return More(
        who=who if who is not UNSET else None,
        where=where if where is not UNSET else None,
        what=what if what is not UNSET else None,
        need=rule.need if rule.need is not UNSET else None,
        suspended=suspended,
        quotas=quotas,
    )


def _counted(quota: Quota) -> Counted:
    carry = quota.carry
    return Counted(
        key=quota.key,
        unit=QuotaUnit(quota.unit),
        limit=quota.limit if quota.limit is not UNSET else 0,
        period=quota.period,
        holder=quota.per == "holder",
        cut=quota.on_exceed == "cut",
        grace=quota.grace_units if quota.grace_units is not UNSET else 0,
        first=carry.first.toordinal() if carry is not UNSET else 0,
        until=carry.until.toordinal() if carry is not UNSET else 0,
        card=quota.source == "card",
    )

"""Periods of quotas: their names, their last days, and what may be used within them by a day. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from gateway.rules.compiled import Counted


class Period(NamedTuple):
    """`name` is the same wherever the day is counted; `last` is None for a quota without an end."""

    name: str
    last: date | None
    limit: int


def period_of(quota: Counted, day: date) -> Period:
    """The quota's period on this day. Periods that count as one have the limit of all that have begun by that day."""
    if quota.first and quota.first <= _begins(quota.period, day).toordinal() <= quota.until:
        first, until = date.fromordinal(quota.first), date.fromordinal(quota.until)
        # A period that had begun before `first` is none of them.
        before = _number(quota.period, first) - (_begins(quota.period, first) == first)
        _, last = _plain(quota.period, until)
        begun = _number(quota.period, day) - before
        return Period(f"{first.isoformat()}..{until.isoformat()}", last, quota.limit * begun)
    name, last = _plain(quota.period, day)
    return Period(name, last, quota.limit)


def _begins(period: str, day: date) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day.replace(month=1, day=1)


def _plain(period: str, day: date) -> tuple[str, date | None]:
    match period:
        case "day":
            return day.isoformat(), day
        case "week":  # ISO 8601-1, 3.1.1.23: begins on Monday
            year, week, weekday = day.isocalendar()
            return f"{year}-W{week:02d}", day + timedelta(7 - weekday)
        case "month":
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            return f"{day.year}-{day.month:02d}", following - timedelta(1)
        case "year":
            return f"{day.year}", date(day.year, 12, 31)
        case _:
            return "ever", None


def _number(period: str, day: date) -> int:
    """Counts up by one from each period to the next."""
    match period:
        case "day":
            return day.toordinal()
        case "week":
            return (day.toordinal() - 1) // 7
        case "month":
            return day.year * 12 + day.month
        case _:
            return day.year

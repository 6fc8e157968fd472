"""The rules of bench `rules`, as an author would write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from tests.bench.baselines.rule_index import DAY_MINUTES, PlainRule

NEW_YEAR = datetime.fromisoformat("2026-01-01")


def this_year() -> datetime:
    """For rules that are to hold at the present."""
    return datetime(datetime.now(UTC).year, 1, 1)  # noqa: DTZ001  a date of the rules has no zone


def document(rules: Iterable[PlainRule], year: datetime = NEW_YEAR) -> bytes:
    """As an author would write them: the best of an exclusive group, on its dates and in its hours."""
    return msgspec.json.encode({"schema": 1, "rules": [_written(rule, year) for rule in rules]})


def _written(rule: PlainRule, year: datetime) -> dict[str, object]:
    group, merchant, category = rule.key
    first, last = ((year + timedelta(days=day)).date().isoformat() for day in (rule.first, rule.last))
    window = {"from": _clock(rule.opens)}
    if rule.closes < DAY_MINUTES:
        window["until"] = _clock(rule.closes)
    return {
        "id": f"r{rule.number:06}",
        "version": 1,
        "title": {"lv": f"Atlaide {rule.number}", "en": f"Discount {rule.number}"},
        "legal_basis": "Jelgava city, 2019-05-30",
        "who": {"any_of_groups": [group]},
        "where": {"merchant_groups": [merchant]},
        "what": {"categories": [category]},
        "when": {"dates": {"from": first, "until": last}, "windows": [window]},
        "give": {"kind": "percent", "basis_points": rule.percent * 100},
        "exclusive_group": "best",
        "payers": [{"party": "jelgava", "form": "tender", "rest": True}],
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

"""What lint finds, for its tests."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from gateway.rules.finding import Finding
from gateway.rules.lint import lint
from tests.rules.builders import Json, percent

AT = date(2026, 5, 10)
ONE_OFF = {"kind": "fixed", "per": "line", "cents": 1}
FREE, HALF = percent(10_000), percent(5000)
EACH_DAY = {"key": "k", "unit": "units", "limit": 4, "period": "day"}


def found(*rules: Json, languages: tuple[str, ...] = ("en",), **tables: Any) -> list[Finding]:
    return lint([("r.json", json.dumps({"schema": 1, "rules": rules, **tables}).encode())], AT, languages)


def codes(*rules: Json, **tables: Any) -> list[tuple[str, str]]:
    return [(str(one.code), one.rule) for one in found(*rules, **tables)]


def when(**fields: Any) -> Json:
    return {"when": fields}


SUSPENDED = {"id": "s", "title": {"en": "S"}, "legal_basis": "x", "dates": {"from": "2026-01-01"}}

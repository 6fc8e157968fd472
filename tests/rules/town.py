"""A small town: rules that say one thing each, and people who buy two things somewhere at some time. What the rules'
check says of a rule is held against what the engine does with it here."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from gateway.model.receipt import Means, Receipt
from gateway.rules.document import RulesContent
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.rules.read import load
from tests.rules.builders import Json, line, percent, question, rule
from tests.rules.drawn import TODAY

CODES = (["x"], ["y"], ["x", "y"])
ENDS = ({"from": 1}, {"until": 1}, {"from": 1, "until": 1}, {"from": 2})
DATES = ({"from": "2026-05-11"}, {"until": "2026-05-10"}, {"from": "2026-05-10", "until": "2026-05-11"})
WINDOWS = (
    [{"days": ["sun"]}], [{"days": ["mon"], "until": "12:00"}], [{"from": "11:00", "until": "12:00"}],
    [{"from": "12:00", "until": "14:00"}], [{"days": ["sat"], "from": "13:00", "until": "11:00"}],
    [{"days": ["mon"]}, {"days": ["tue"], "from": "13:00"}],
)  # fmt: skip
FIELDS: dict[str, dict[str, Sequence[Any]]] = {
    "who": {
        "any_of_groups": CODES, "all_of_groups": CODES, "none_of_groups": CODES, "residence": CODES, "age": ENDS,
        "partner": ("never", "only", "also"),
        "any_of_lists": [[{"groups": codes, "dates": {"from": "2026-05-10"}}] for codes in CODES],
    },
    "where": {"merchant_groups": CODES, "places": [["abc"], ["def"]], "gateways": [["gw-1"], ["gw-2"]]},
    "what": {"categories": CODES, "skus": CODES, "flags": CODES, "not_flags": CODES, "unit_price": ENDS},
    "when": {"dates": DATES, "windows": WINDOWS, "clock_not_trusted": ("grant", "withhold")},
    "need": {"means": [["card"], ["cash"]], "min_quantity": [2000]},
}  # fmt: skip
"""Each field of a rule with some values that meet each other and some that do not."""


def sensible(fields: Json) -> Json:
    """Without parts that say nothing, and what no document may say."""
    who = fields.get("who", {})
    if set(who.get("any_of_groups", ())) & set(who.get("none_of_groups", ())):
        del who["none_of_groups"]
    when = fields.get("when", {})
    if not {"dates", "windows"} & set(when) and not {"age", "any_of_lists"} & set(who):
        fields = {name: part for name, part in fields.items() if name != "when"}
    return {name: part for name, part in fields.items() if part or name == "who"}


SAID = [(part, field) for part, fields in FIELDS.items() for field in fields]


ALONE: list[Json] = [
    {},
    {"who": {}},
    *(sensible({part: {field: value}}) for part, field in SAID for value in FIELDS[part][field]),
]
GRANT = {"clock_not_trusted": "grant"}
ALONE += [{"when": {"dates": dates, **GRANT}} for dates in DATES]
ALONE += [{"when": {"windows": windows, **GRANT}} for windows in WINDOWS[1:4]]
ALONE += [{"who": {"age": ends}, "when": GRANT} for ends in ENDS]
for days, calendar in ((["holiday"], "lv"), (["mon"], "lv"), (["tue"], "lv"), (["mon"], "")):
    ALONE.append({"when": {"windows": [{"days": days}], **({"calendar": calendar} if calendar else {})}})
"""Rules that say one thing, each of them, those that say nothing, and what minds the clock together."""


def _asked(number: int) -> Question:
    """A holder with one entitlement at most buys two things somewhere at some time."""
    dice = random.Random(number)
    some = dice.choice

    def many() -> tuple[str, ...]:
        return tuple(dice.sample(["x", "y"], some([0, 1, 1])))

    lines = tuple(
        line(some([1, 2]), some("xy"), id=f"{n}", sku=some("xy"), quantity=some([1000, 2000]), flags=many())
        for n in range(2)
    )
    return question(
        receipt=Receipt(lines, means=some(list(Means))),
        entitlements=many(),
        merchant_groups=many(),
        identified=some([True, True, True, False]),
        city=some(["", "", "siauliai"]),
        residence=some("xy"),
        age=some([0, 1, 2, None]),
        place=some(["abc", "def"]),
        gateway=some(["gw-1", "gw-2"]),
        at=datetime.combine(TODAY, time(some([10, 11, 12, 13, 14]))) + timedelta(some([-1, 0, 1, 2])),
        clock_trusted=some([True, True, True, False]),
    )


ASKED = [_asked(number) for number in range(160)]
"""The same at every run: what is drawn are the rules."""

TABLES: Json = {
    "partners": [{"city": "siauliai", "groups": {"x": ["x"], "y": ["y"]}}],
    "calendars": {"lv": ["2026-05-11"]},  # A Monday.
}


def content(*rules: Json) -> RulesContent:
    written = [rule(f"r{number}", **fields) for number, fields in enumerate(rules)]
    return load(json.dumps({"schema": 1, "rules": written, **TABLES}).encode())


def met(fields: Json, asked: Sequence[Question] = ASKED) -> set[tuple[int, str]]:
    """The lines that this rule, alone and free, meets."""
    alone = compile(content({**fields, "give": percent(10_000)}), 0)
    decided = enumerate(alone.decide(one) for one in asked)
    return {(number, line.line) for number, one in decided for line in one.lines if line.discount_cents}

"""Short words for rules, receipts and questions in tests, and strategies for whole documents and questions."""

from __future__ import annotations

import json
from datetime import datetime, time
from random import Random
from typing import Any

from hypothesis import strategies as st

from gateway.model.circumstances import Happened, Left
from gateway.model.receipt import Line, Means, Receipt
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.rules.read import load
from tests.rules import drawn
from tests.rules.drawn import CATEGORIES, CHOICES, CITY, GROUPS, PLACES, QUOTAS, THEIR_GROUPS, TODAY, Dice
from tests.rules.oracle import Json as Json
from tests.rules.oracle.amounts import is_whole
from tests.rules.oracle.quotas import period_of

NOON = time(12)
MERCHANT = {"party": "merchant", "form": "discount", "rest": True}


def rule(id: str = "r", **fields: Any) -> Json:
    """A rule as JSON: 10 % for everyone everywhere unless said otherwise."""
    return {
        "id": id,
        "version": 1,
        "title": {"en": f"Rule {id}"},
        "legal_basis": "test",
        "give": {"kind": "percent", "basis_points": 1000},
        "payers": [MERCHANT],
        **fields,
    }


def percent(points: int) -> Json:
    return {"kind": "percent", "basis_points": points}


def document(*rules: Json, **tables: Any) -> bytes:
    return json.dumps({"schema": 1, "rules": rules, **tables}).encode()


def rule_set(*rules: Json, number: int = 7, **tables: Any) -> RuleSet:
    return compile(load(document(*rules, **tables)), number)


def line(cents: int = 1000, category: str = "books", id: str = "1", **fields: Any) -> Line:
    return Line(id=id, text="A thing", category=category, unit_cents=cents, **fields)


def question(*lines: Line, **fields: Any) -> Question:
    """A question by someone identified without entitlements, on `TODAY`, by a trusted clock."""
    defaults: Json = {
        "receipt": Receipt(lines or (line(),)),
        "entitlements": (),
        "merchant_groups": (),
        "at": datetime.combine(TODAY, NOON),
        "clock_trusted": True,
        "identified": True,
    }
    if "today" in fields:
        fields["at"] = datetime.combine(fields.pop("today"), NOON)
    return Question(**{**defaults, **fields})


def quota(key: str, **fields: Any) -> Json:
    """A quota as JSON: five units a month for each holder unless said otherwise."""
    return {"key": key, "unit": "units", "limit": 5, "period": "month", **fields}


def a_rule(dice: Dice, *, calendar: bool = False, counting: bool = False) -> Json:
    """One rule; its id is set by `some_rules`. `counting`: some have quotas."""
    exclusive = dice.one([None, None, *CHOICES])
    body = rule(
        give=drawn.give(dice, by_uses=counting),
        priority=dice.number(-1, 1),
        payers=drawn.payers(dice),
    )
    if exclusive:
        stage, choose = CHOICES[exclusive]
        body |= {"exclusive_group": exclusive, "stage": stage, "choose": choose}
    else:
        body["stage"] = dice.number(0, 3)
    if dice.once_in(2):
        body["who"] = drawn.who(dice)
    if dice.once_in(5):
        body["where"] = drawn.where(dice)
    if dice.once_in(3):
        body["what"] = drawn.what(dice)
    if dice.once_in(6):
        body["when"] = drawn.when(dice, calendar=calendar)
    if dice.once_in(5):
        body["need"] = drawn.need(dice)
    if dice.once_in(3):
        body["message"] = {"en": "Enjoy"}
    by_uses = body["give"].get("by") == "uses"
    if counting and (by_uses or dice.once_in(2)):
        keys = {*dice.some(sorted(QUOTAS), 3), *([body["give"]["key"]] if by_uses else [])}
        body["quota"] = [_counted(dice, key, body) for key in sorted(keys)]
    if body["give"].get("for_each", {}).get("holder") or any(one.get("per") != "all" for one in body.get("quota", ())):
        body.setdefault("who", {})
    return body


def _counted(dice: Dice, key: str, body: Json) -> Json:
    """A quota of a rule, which says itself what happens when too little is left."""
    found = {"key": key, **QUOTAS[key]}
    by_line = not is_whole(body) or body["give"]["kind"] == "free_units"
    if found["unit"] == "cents" or (found["unit"] == "units" and by_line):
        found["on_exceed"] = dice.one(["withhold", "cut"])
    return found


def some_rules(dice: Dice, least: int, most: int, *, calendar: bool = False, counting: bool = False) -> list[Json]:
    """Rules with ids in an order of their own."""
    bodies = dice.times(least, most, lambda: a_rule(dice, calendar=calendar, counting=counting))
    ids = dice.some(range(len(bodies)), len(bodies)) if bodies else []
    ids += [number for number in range(len(bodies)) if number not in ids]
    return [{**body, "id": f"r{number}"} for body, number in zip(bodies, ids, strict=True)]


def a_document(random: Random, most: int = 8) -> Json:
    """A whole document: rules of every kind, with calendars, partners, suspensions and VAT."""
    dice = Dice(random)
    many = some_rules(dice, 1, most, calendar=True, counting=True)
    names = [one["id"] for one in many]
    suspensions = []
    if dice.once_in(5):
        body = dice.fields(
            rules=lambda: dice.some(names),
            except_rules=lambda: dice.some(names),
            except_groups=lambda: dice.some(GROUPS),
        )
        named = {"id": "s", "title": {"en": "Suspended"}, "legal_basis": "test", "dates": drawn.dates(dice)}
        suspensions.append({**named, **body})
    return {
        "schema": 1,
        "rules": many,
        "calendars": {"cal": ["2026-05-09", "2026-05-11"]},
        "partners": [{"city": CITY, "groups": {"t1": ["g1", "g2"]}}],
        "suspensions": suspensions,
        "vat": VAT if dice.once_in(2) else {},
    }


VAT = {
    "A": [{"from": "2012-07-01", "basis_points": 2100}, {"from": "2026-05-10", "basis_points": 1200}],
    "B": [{"from": "2020-01-01", "without": "exempt"}],
    "C": [{"from": "2030-01-01", "basis_points": 500}],
}


def a_line(dice: Dice, id: str) -> Line:
    return line(
        dice.one([50, 100, 250, 999, 2000, dice.number(1, 3000)]),
        dice.one((*CATEGORIES, "c9", "")),
        id,
        quantity=dice.one([1000, 333, 1000, 1500, 2000, 2500, 3000, 7000, 1]),
        discountable=not dice.once_in(8),
        sku=dice.one(["", "s1"]),
        flags=dice.one([(), (), ("new",), ("excise", "local")]),
        floor_cents=dice.one([0, 0, 0, 45, 200]),
        vat=dice.one("ABCD"),
    )


def a_question(random: Random) -> Question:
    """Of each quota it may be known what is left, or how much may be given on trust, or nothing."""
    dice = Dice(random)
    lines = tuple(a_line(dice, f"l{number}") for number in range(dice.number(1, 4)))
    clock = dice.one([time(12), time(0), time(0, 15), time(0, 30), time(8), time(19), time(23, 59)])
    at = datetime.combine(drawn.day(dice), clock)
    city = dice.one(["", "", "", "", "", CITY, "elsewhere"])
    groups = (*(THEIR_GROUPS if city else GROUPS), "g9")
    return question(
        receipt=Receipt(lines, dice.one(list(Means))),
        entitlements=tuple(code for code in groups if not dice.once_in(3)),
        merchant_groups=tuple(code for code in (*PLACES, "m9") if not dice.once_in(3)),
        at=at,
        clock_trusted=not dice.once_in(8),
        identified=not dice.once_in(8),
        city=city,
        residence=dice.one(["here", "here", "there", ""]),
        age=None if dice.once_in(8) else dice.number(0, 80),
        place=dice.one(["place-1", "place-1", ""]),
        gateway=dice.one(["gw-1", "gw-1", ""]),
        station=dice.one(["door-1", "door-1", ""]),
        events=tuple(dice.times(0, 3, lambda: _event(dice))),
        quotas=tuple(_left(dice, key, at) for key in QUOTAS if not dice.once_in(10)),
        cash_rounding_cents=dice.one([0, 5, 10]),
        vat_registered=not dice.once_in(3),
    )


def _event(dice: Dice) -> Happened:
    return Happened(
        dice.one(["admission", "receipt"]),
        dice.one([0, 300, 600, 601]),
        dice.one([(), ("c1",), ("c2", "c3")]),
        dice.one(["", "place-1", "place-2"]),
        dice.one(["", "door-1", "door-2"]),
    )


def _left(dice: Dice, key: str, at: datetime) -> Left:
    of = QUOTAS[key]
    return Left(
        key,
        period_of(of, at.date())[0],
        left=dice.number(0, 800 if of["unit"] == "cents" else 4),
        used=dice.number(0, 6),
        holder=of.get("per", "holder") == "holder",
        known=not dice.once_in(6),
        grace=dice.number(0, 3),
    )


_randoms = st.randoms(use_true_random=False)


def rule_lists(most: int = 12) -> st.SearchStrategy[list[Json]]:
    """Rules that need no table of the document and count nothing."""
    return _randoms.map(lambda random: some_rules(Dice(random), 0, most))


def documents() -> st.SearchStrategy[Json]:
    return _randoms.map(a_document)


def questions() -> st.SearchStrategy[Question]:
    return _randoms.map(a_question)

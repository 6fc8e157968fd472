"""Documents whose types are right and that make no sense: each fault where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model.errors import InputRefused
from gateway.rules.check import MAX_KEYS, MAX_PER_KEY
from gateway.rules.read import load
from tests.rules.builders import MERCHANT, Json, document, percent, quota, rule


def refused(content: bytes) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        load(content)
    assert caught.value.code == "rules_document"
    return caught.value


def listed(**fields: Any) -> Json:
    return {"groups": ["p1"], "dates": {"from": "2026-09-01"}, **fields}


def tiers(*steps: Json, by: str = "spend", **fields: Any) -> Json:
    return {"kind": "tiers", "by": by, "steps": list(steps), **fields}


def by_uses(*steps: Json, **fields: Any) -> Json:
    return {"who": {}, "give": tiers(*steps, by="uses", key="rides"), "quota": [quota("rides")], **fields}


TEN = {"from": 1, "basis_points": 1000}
FREE = {"kind": "free_units"}


@pytest.mark.parametrize(
    ("fields", "at", "says"),
    [
        # Who
        ({"who": {"any_of_lists": [listed(dates={})]}}, "who.any_of_lists[0].dates", "neither"),
        ({"who": {"any_of_lists": [listed(dates={"from": "2026-02-02", "until": "2026-02-01"})]}},
         "who.any_of_lists[0].dates", "reversed"),
        ({"who": {"any_of_lists": [listed(dates={"until": "2026-02-01"}, grace={"days": 3, "groups": ["p0"]})]}},
         "who.any_of_lists[0].grace", "no first days"),
        ({"who": {"age": {}}}, "who.age", "neither"),
        ({"who": {"age": {"from": 19, "until": 18}}}, "who.age", "reversed"),
        ({"who": {"age": {"from": -1}}}, "who.age.from", "too little: 0"),
        ({"who": {"any_of_groups": ["a", "b"], "none_of_groups": ["b", "c"]}}, "who.none_of_groups", "'b'"),
        ({"who": {"partner": "sometimes"}}, "who.partner", "sometimes"),
        # Where and what
        ({"where": {}}, "where", "says nothing"),
        ({"where": {"places": ["Place 1"]}}, "where.places[0]", "is no "),
        ({"what": {}}, "what", "says nothing"),
        ({"what": {"unit_price": {}}}, "what.unit_price", "neither"),
        ({"what": {"unit_price": {"from": 2, "until": 1}}}, "what.unit_price", "reversed"),
        # When
        ({"when": {}}, "when", "says nothing"),
        ({"when": {"clock_not_trusted": "grant"}}, "when", "says nothing"),
        ({"when": {"windows": [{"from": "24:00"}]}}, "when.windows[0].from", "end of a day"),
        ({"when": {"windows": [{"from": "25:00"}]}}, "when.windows[0].from", "no time of a day"),
        ({"when": {"windows": [{"days": ["mon", "holiday"]}]}}, "when.windows[0].days", "needs a `calendar`"),
        ({"when": {"windows": [{"days": ["someday"]}]}}, "when.windows[0].days[0]", "someday"),
        ({"when": {"calendar": "lv", "windows": [{}]}}, "when.calendar", "no calendar 'lv'"),
        # Need
        ({"need": {}}, "need", "says nothing"),
        ({"need": {"min_quantity": 1, "of": "receipt"}}, "need", "go with `min_spend_cents`"),
        ({"need": {"min_quantity": 1, "basis": "running"}}, "need", "go with `min_spend_cents`"),
        ({"need": {"min_spend_cents": 0}}, "need.min_spend_cents", "too little: "),
        ({"need": {"events": [{"event": "admission", "least": 3, "most": 2}]}}, "need.events[0]", "reversed"),
        ({"need": {"with": [{"categories": []}]}}, "need.with[0].categories", "nothing in it"),
        ({"need": {"means": ["shells"]}}, "need.means[0]", "shells"),
        # Give
        ({"give": {"kind": "barter"}}, "give.kind", "barter"),
        ({"give": {"kind": "percent", "basis_points": 0}}, "give.basis_points", "too little: "),
        ({"give": {**percent(1), "cap": {"cents": 5}}}, "give.cap", "`per`"),
        ({"give": {"kind": "fixed_price", "cents": 5, "per": "receipt", "floor_cents": 1}},
         "give.floor_cents", "floor"),
        ({"give": {**FREE, "for_each": {"holder": True}}}, "give.for_each.holder", "needs a `who`"),
        ({"give": {**FREE, "units": 0}}, "give.units", "too little: "),
        ({"give": tiers({"from": 1})}, "give.steps[0]", "needs one of"),
        ({"give": tiers({**TEN, "off_cents": 5})}, "give.steps[0]", "needs one of"),
        ({"give": tiers(TEN, TEN)}, "give.steps[1].from", "ascend"),
        ({"give": tiers(TEN, key="rides")}, "give.key", "goes with `by: uses`"),
        (by_uses({"from": 0, "basis_points": 1}), "give.steps[0].from", "number 1"),
        (by_uses(TEN, quota=[quota("other")]), "give.key", "names the quota"),
        (by_uses(TEN, quota=[quota("rides", unit="uses")]), "give.key", "names the quota"),
        (by_uses(TEN, give=tiers(TEN, by="uses", key="rides", cap={"cents": 9, "per": "receipt"})),
         "give.cap.per", "line by line"),
        # Quotas
        ({"who": {}, "quota": [quota("a"), quota("a")]}, "quota", "the same key twice"),
        ({"quota": [quota("a")]}, "quota[0].per", "needs a `who`"),
        ({"who": {}, "quota": [{"key": "a", "unit": "units", "period": "day"}]}, "quota[0].limit", "needs a `limit`"),
        ({"who": {}, "quota": [quota("a", source="prepaid", period="ever")]}, "quota[0].limit", "prepaid"),
        ({"who": {}, "quota": [{"key": "a", "unit": "units", "source": "prepaid", "period": "day"}]},
         "quota[0].source", "`period: ever`"),
        ({"who": {}, "quota": [quota("a", source="card", period="ever")]}, "quota[0].limit", "card"),
        ({"who": {}, "quota": [{"key": "a", "unit": "units", "source": "card", "period": "day"}]},
         "quota[0].source", "`period: ever`"),
        ({"who": {}, "quota": [{"key": "a", "unit": "units", "source": "card", "period": "ever", "per": "all"}]},
         "quota[0].source", "`per: holder`"),
        ({"who": {}, "quota": [{"key": "a", "unit": "units", "source": "card", "period": "ever", "grace_units": 1}]},
         "quota[0].grace_units", "on trust"),
        ({"who": {}, "quota": [quota("a", unit="uses", on_exceed="cut")]}, "quota[0].on_exceed", "cannot be cut"),
        ({"who": {}, "quota": [quota("a", on_exceed="cut")], "give": {"kind": "fixed", "cents": 9, "per": "receipt"}},
         "quota[0].on_exceed", "whole receipt"),
        ({"who": {}, "quota": [quota("a", carry={"from": "2026-02-02", "until": "2026-02-01"})]},
         "quota[0].carry", "reversed"),
        ({"who": {}, "quota": [quota("a", period="ever", carry={"from": "2026-02-01", "until": "2026-02-02"})]},
         "quota[0].carry", "nothing to carry"),
        ({"who": {}, "quota": [quota("a", limit=-1)]}, "quota[0].limit", "too little: "),
        ({"who": {}, "quota": [quota("a", grace_units=0)]}, "quota[0].grace_units", "too little: "),
        # Payers
        ({"payers": [{**MERCHANT, "share_basis_points": 1}]}, "payers[0]", "either"),
        ({"payers": [{"party": "a", "form": "cash", "rest": True}]}, "payers[0].form", "cash"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense(fields: Json, at: str, says: str) -> None:
    error = refused(document(rule("before"), rule("bad", **fields)))
    assert error.where == f"$.rules[1].{at}"
    assert "rule 'bad'" in error.what
    assert says in error.what


@pytest.mark.parametrize(
    ("tables", "where", "says"),
    [
        ({"calendars": {"LV": []}}, "$.calendars.LV", "is no code"),
        ({"calendars": {"lv": ["2026-02-30"]}}, "$.calendars.lv[0]", "date"),
        ({"partners": [{"city": "a", "groups": {"x": ["p1"]}}] * 2}, "$.partners[1].city", "twice"),
        ({"partners": [{"city": "a", "groups": {}}]}, "$.partners[0].groups", "nothing in it"),
        ({"partners": [{"city": "a", "groups": {"x": []}}]}, "$.partners[0].groups.x", "nothing in it"),
        ({"vat": {"Z": [{"from": "2026-01-01", "basis_points": 1}]}}, "$.vat.Z", "is no VAT class"),
        ({"vat": {"A": []}}, "$.vat.A", "nothing in it"),
        ({"vat": {"A": [{"from": "2026-01-01"}]}}, "$.vat.A[0]", "either"),
        ({"vat": {"A": [{"from": "2026-01-01", "basis_points": 1, "without": "exempt"}]}}, "$.vat.A[0]", "either"),
        ({"vat": {"A": [{"from": "2026-01-01", "basis_points": 1}] * 2}}, "$.vat.A", "the same date"),
    ],
)
def test_a_table_that_makes_no_sense(tables: Json, where: str, says: str) -> None:
    error = refused(document(rule(), **tables))
    assert error.where == where
    assert says in error.what


def suspension(**fields: Any) -> Json:
    given = {"id": "s", "title": {"en": "S"}, "legal_basis": "test", "dates": {"from": "2026-01-01"}}
    return {**given, **fields}


@pytest.mark.parametrize(
    ("fields", "at", "says"),
    [
        ({"title": {}}, "title", "no title"),
        ({"dates": {}}, "dates", "neither"),
        ({"dates": {"from": "2026-02-02", "until": "2026-02-01"}}, "dates", "reversed"),
        ({"rules": ["r", "nowhere"]}, "rules", "no rule 'nowhere'"),
        ({"except_rules": ["nowhere"]}, "except_rules", "no rule 'nowhere'"),
        ({"except_groups": []}, "except_groups", "nothing in it"),
    ],
)
def test_a_suspension_that_makes_no_sense(fields: Json, at: str, says: str) -> None:
    error = refused(document(rule("r"), suspensions=[suspension(**fields)]))
    assert error.where == f"$.suspensions[0].{at}"
    assert says in error.what


def test_the_same_suspension_twice() -> None:
    assert refused(document(rule(), suspensions=[suspension(), suspension()])).where == "$.suspensions[1].id"


def test_a_calendar_without_windows() -> None:
    error = refused(document(rule(when={"dates": {"from": "2026-01-01"}, "calendar": "lv"}), calendars={"lv": []}))
    assert (error.where, "changes nothing" in error.what) == ("$.rules[0].when.calendar", True)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"unit": "uses"}, "unit"),
        ({"limit": 6}, "limit"),
        ({"period": "week"}, "period"),
        ({"per": "all"}, "per"),
        ({"carry": {"from": "2026-01-01", "until": "2026-02-01"}}, "carry"),
        ({"grace_units": 1}, "grace_units"),
    ],
)
def test_rules_that_share_a_quota_count_it_alike(fields: Json, at: str) -> None:
    one, other = rule("a", who={}, quota=[quota("k")]), rule("b", who={}, quota=[quota("k", **fields)])
    error = refused(document(one, other))
    assert error.where == f"$.rules[1].quota[0].{at}"
    assert f"another `{at}`" in error.what


def test_each_rule_that_shares_a_quota_says_itself_what_it_does_at_the_end_of_it() -> None:
    one, other = rule("a", who={}, quota=[quota("k")]), rule("b", who={}, quota=[quota("k", on_exceed="cut")])
    assert len(load(document(one, other)).rules) == 2


def test_an_exclusive_group_chooses_in_one_way() -> None:
    error = refused(document(rule("a", exclusive_group="x"), rule("b", exclusive_group="x", choose="priority")))
    assert (error.where, "'best' in rule 'a'" in error.what) == ("$.rules[1].choose", True)


def test_at_most_so_many_rules_stand_under_one_key() -> None:
    where, what = {"merchant_groups": ["shop"]}, {"categories": ["books"]}
    rules = [rule(f"r{number}", where=where, what=what) for number in range(MAX_PER_KEY + 1)]
    assert len(load(document(*rules[1:])).rules) == MAX_PER_KEY
    error = refused(document(*rules))
    assert error.where == "$.rules"
    assert f"{MAX_PER_KEY + 1} rules for any × shop × books" in error.what


def test_combinations_are_counted_before_they_are_made() -> None:
    codes = [f"c{number}" for number in range(64)]
    wide = {"who": {"any_of_groups": codes}, "where": {"merchant_groups": codes}, "what": {"categories": codes}}
    error = refused(document(*(rule(f"r{number}", **wide) for number in range(500))))
    assert (error.where, f"more than {MAX_KEYS}" in error.what) == ("$.rules", True)

"""What the rules are asked at a place: who it is, when it is there, and what is stored of it."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import pytest

from gateway.model.clock import ClockQuality
from gateway.model.identification import Identification
from gateway.model.receipt import Line, Means, Receipt
from gateway.rules.index import compile as compile_rules
from gateway.rules.question import ask
from gateway.rules.read import load
from gateway.stations.benefits import Benefits, Profile, years
from tests.rules.builders import document, percent, rule
from tests.support.clock import FakeClock

RECEIPT = Receipt((Line(id="1", text="Ticket", category="fare.bus", unit_cents=127),))
PROFILE = Profile(
    gateway="gw-1", place="bus-12", time_zone="Europe/Riga", languages=("lv",), merchant_groups=("bus",),
    cash_rounding_cents=5,
)  # fmt: skip
OLD = Identification(holder="h-1", entitlements=("s2",), residence="jelgava", born=date(1946, 11, 24))


def benefits(*rules: dict[str, object]) -> Benefits:
    made = Benefits(FakeClock(), PROFILE)
    made.use(compile_rules(load(document(*rules)), 7), 0)
    return made


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(1946, 11, 24), date(2026, 11, 23), 79),
        (date(1946, 11, 24), date(2026, 11, 24), 80),
        (date(2000, 2, 29), date(2025, 2, 28), 24),
        (date(2000, 2, 29), date(2025, 3, 1), 25),
        (date(2030, 1, 1), date(2026, 1, 1), None),
        (None, date(2026, 1, 1), None),
    ],
)
def test_age_is_in_whole_years_on_the_day(born: date | None, on: date, age: int | None) -> None:
    assert years(born, on) == age


def test_place_and_person_are_in_the_question() -> None:
    question = benefits().question(RECEIPT, OLD, "door-1")
    assert (question.place, question.gateway, question.station) == ("bus-12", "gw-1", "door-1")
    assert (question.residence, question.age, question.entitlements) == ("jelgava", 79, ("s2",))
    assert question.at == datetime.fromisoformat("2026-11-23T11:00"), "09:00 UTC in Riga"


def test_of_somebody_refused_nothing_counts() -> None:
    question = benefits().question(RECEIPT, msgspec.structs.replace(OLD, holder=None), "door-1")
    assert (question.identified, question.residence, question.age, question.entitlements) == (False, "", None, ())


def test_without_a_trusted_clock_nobody_has_an_age() -> None:
    made = benefits()
    made._clock.quality = ClockQuality.GUESS  # type: ignore[attr-defined]
    assert made.question(RECEIPT, OLD, "door-1").age is None


def test_a_stored_decision_is_replayed_to_the_byte() -> None:
    made = benefits(rule(who={"age": {"from": 75}, "residence": ["jelgava"]}, give=percent(5000)))
    decision, asked = made.decide(made.question(RECEIPT, OLD, "door-1"))
    assert decision.discount_cents == 64
    stored = msgspec.json.decode(msgspec.json.encode(asked), type=type(asked))
    again, _ = made.decide(ask(RECEIPT, stored))
    assert msgspec.json.encode(again) == msgspec.json.encode(decision)


def test_the_birth_date_is_not_in_what_is_stored() -> None:
    made = benefits(rule(who={"age": {"from": 75}}))
    decided = made.decide(made.question(RECEIPT, OLD, "door-1"))
    stored = msgspec.json.encode((decided, OLD.facts_left_out()))
    assert b"1946" not in stored


def test_cash_is_rounded_as_the_place_does_it() -> None:
    made = benefits()
    assert made.decide(made.question(RECEIPT, None, "till-1"))[0].due_cents == 125
    by_card = msgspec.structs.replace(RECEIPT, means=Means.CARD)
    assert made.decide(made.question(by_card, None, "till-1"))[0].due_cents == 127

"""Passes at stations: a partner city's holder gets what our rules say of their groups; what is used up is used up in
the entry's own commit; every refusal is recorded and shown with its own reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.rules_files import load_rules
from gateway.config.types import DeskStation, GateStation
from gateway.model.entry import EntryKind
from gateway.model.identification import Refusal
from gateway.model.reading import InputReading
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show
from gateway.rules.document import RulesContent
from gateway.rules.index import compile as compile_rules
from gateway.stations.benefits import Benefits, Profile
from gateway.stations.deciding import Deciding
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.wire import passes
from gateway.wire.cose_keys import public_of
from tests.support.gates import until
from tests.support.place import PARTNER, PARTNER_CITY, PARTNER_KEY, Place

PHONE = generate_private_key(SECP256R1())
JELGAVA = Path(__file__).parents[2] / "config" / "rules" / "jelgava"
TOWER = Receipt(lines=(Line(id="1", text="Tower", category="admission.tower", unit_cents=250, vat="E"),))
MUSEUM = Receipt(lines=(Line(id="1", text="Museum", category="admission", unit_cents=250, vat="E"),))
BUS = Receipt(lines=(Line(id="1", text="Ride", category="fare.bus", unit_cents=150, vat="B"),))


def foreign(place: Place, **more: Any) -> bytes:
    return place.pass_text(PARTNER_KEY, b"2026", **{"issuer": PARTNER, "pass_id": b"jonas", **more})


def use_rules(place: Place, free_for: str) -> None:
    """A gate's rules under which this group of the partner city comes in free."""
    rule = {
        "id": "free",
        "version": 1,
        "title": {"en": "free"},
        "legal_basis": "test",
        "who": {"any_of_groups": ["ours"]},
        "give": {"kind": "percent", "basis_points": 10_000},
        "payers": [{"party": "city", "form": "discount", "rest": True}],
    }
    partners = [{"city": PARTNER_CITY, "groups": {free_for: ["ours"]}}]
    document = msgspec.convert({"schema": 1, "rules": [rule], "partners": partners}, RulesContent)
    place.benefits.use(compile_rules(document, 8), 0)


def make_gate(place: Place, passage_input: int | None = 1, passage_s: float = 0.01) -> Gate:
    section = GateStation(
        id="gate-1",
        readers=("cam-1",),
        relay="relay-1",
        output=1,
        pulse_ms=400,
        passage_input=passage_input,
        passage_s=passage_s,
        group_pause_ms=0,
    )
    return Gate(section, place.services)


@pytest.mark.parametrize(
    ("group", "receipt", "due_cents"),
    [("c1", TOWER, 100), ("m1", MUSEUM, 0), ("m1", BUS, 150), ("st1", TOWER, 250)],
)
async def test_a_pass_of_siauliai_works_in_jelgava(place: Place, group: str, receipt: Receipt, due_cents: int) -> None:
    """With the city's own sample rules, and without a network: nothing but the trust list knows that city. Its issuer
    may claim c1 and m1 (`tests.support.place`), not st1."""
    groups = ("museum",) if receipt is not BUS else ("bus",)
    profile = Profile(time_zone="Europe/Riga", languages=("lv",), merchant_groups=groups)
    benefits = Benefits(place.clock, profile)
    benefits.use(compile_rules(load_rules(JELGAVA)[1], 1), 0)
    deciding = Deciding(benefits, None, place.ledger.query, place.clock)
    found = place.services.identify("desk-1", place.code_reading(foreign(place, entitlements=(group,))))
    assert found is not None
    assert found.identification.city == PARTNER_CITY
    decided = await deciding.decide("desk-1", receipt, found.identification)
    assert decided.decision.due_cents == due_cents


async def test_a_one_time_pass_opens_a_gate_once(place: Place) -> None:
    use_rules(place, "c1")
    gate = make_gate(place, passage_input=None)
    text = foreign(place, once=True, entitlements=("c1",))
    await gate.start()
    for _ in range(2):
        await gate.on_reading(place.code_reading(text))
    await place.settle()
    assert len(place.outputs.pulses) == 1
    (admission,) = place.bodies(EntryKind.ADMISSION)
    assert admission["identification"]["city"] == PARTNER_CITY
    (refused,) = place.bodies(EntryKind.REFUSAL)
    assert refused["identification"]["refusal"] == "replayed"
    last = place.board.last("gate-1")
    assert last is not None
    assert (last.show, last.reason) == (Show.REFUSED, "replayed")


async def test_the_pass_of_a_class_lets_all_of_them_in_on_one_decision(place: Place) -> None:
    use_rules(place, "c1")
    gate = make_gate(place, passage_s=60.0)
    await gate.start()
    await gate.on_reading(place.code_reading(foreign(place, once=True, entitlements=("c1",), persons=30)))
    for passed in range(1, 31):
        await until(lambda: len(place.outputs.pulses) >= passed)  # noqa: B023
        gate.on_input(InputReading("relay-1", place.clock.mono_ns(), 1, True))
    await until(lambda: not gate._passages.awaited)
    (admission,) = place.bodies(EntryKind.ADMISSION)
    assert admission["identification"]["persons"] == 30
    assert admission["receipt"]["lines"][0]["quantity"] == 30_000
    await gate.on_reading(place.code_reading(foreign(place, once=True, entitlements=("c1",), persons=30)))
    (refused,) = place.bodies(EntryKind.REFUSAL)
    assert refused["identification"]["refusal"] == "replayed"
    assert len(place.bodies(EntryKind.PASSED)) == 30


async def test_it_stays_good_where_a_fee_is_due_or_the_gate_is_not_ready(place: Place) -> None:
    use_rules(place, "m1")
    gate, text = make_gate(place), foreign(place, once=True, entitlements=("c1",))
    await gate.start()
    for _ in range(2):
        await gate.on_reading(place.code_reading(text))
        last = place.board.last("gate-1")
        assert last is not None
        assert last.reason == "payment_due"
    assert place.kinds() == [EntryKind.IDENTIFICATION, EntryKind.IDENTIFICATION]


async def test_it_is_good_again_when_nobody_passed(place: Place) -> None:
    use_rules(place, "c1")
    gate, text = make_gate(place), foreign(place, once=True, entitlements=("c1",))
    await gate.start()
    for _ in range(2):
        await gate.on_reading(place.code_reading(text))
        await until(lambda: not gate._passages.awaited)
    assert place.kinds().count(EntryKind.ADMISSION) == place.kinds().count(EntryKind.VOID) == 2
    assert place.ledger.query("SELECT * FROM pass_used") == []


async def test_at_a_desk_it_is_used_by_being_accepted(place: Place) -> None:
    desk = Desk(DeskStation(id="desk-1", readers=("cam-1",)), place.services)
    await desk.start()
    text = foreign(place, once=True)
    for show, reason in ((Show.ACCEPTED, ""), (Show.REFUSED, "replayed")):
        await desk.on_reading(place.code_reading(text))
        last = place.board.last("desk-1")
        assert last is not None
        assert (last.show, last.reason) == (show, reason)


def shown_wrongly(place: Place) -> dict[Refusal, bytes]:
    at_s = place.clock.wall_ms() // 1000
    phone = public_of(PHONE)
    return {
        Refusal.UNREADABLE: passes.PREFIX + b"NOTHING",
        Refusal.UNKNOWN_ISSUER: foreign(place, issuer="panevezys.passes"),
        Refusal.UNKNOWN_KEY: place.pass_text(PARTNER_KEY, b"2027", issuer=PARTNER),
        Refusal.FORGED: place.pass_text(Ed25519PrivateKey.generate(), issuer=PARTNER),
        Refusal.EXPIRED: foreign(place, expires_s=at_s),
        Refusal.NOT_YET_VALID: foreign(place, not_before_s=at_s + 60),
        Refusal.BEYOND_TRUST: foreign(place, persons=99),
        Refusal.STALE_CODE: passes.prove(foreign(place, phone=phone), PHONE, at_s - 31),
    }


async def test_each_refusal_is_recorded_and_shown_with_its_own_reason(place: Place) -> None:
    desk = Desk(DeskStation(id="desk-1", readers=("cam-1",)), place.services)
    await desk.start()
    for refusal, text in shown_wrongly(place).items():
        await desk.on_reading(place.code_reading(text))
        last = place.board.last("desk-1")
        assert last is not None
        assert (last.show, last.reason) == (Show.REFUSED, refusal.value)
    recorded = [body["identification"]["refusal"] for body in place.bodies(EntryKind.REFUSAL)]
    assert recorded == [refusal.value for refusal in shown_wrongly(place)]

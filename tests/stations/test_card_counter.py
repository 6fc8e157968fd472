"""A ride off the holder's own card, at a gate: whatever is torn, killed or refused, nobody rides more than the card
had, and what was taken off it and not given is credited to it, or on record."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.desfire import Desfire
from gateway.config.types import GateStation, TillStation
from gateway.model.bodies import Way
from gateway.model.decision import Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import NotReady
from gateway.model.identification import CredentialKind
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.question import Question
from gateway.rules.read import load
from gateway.stations.counters import CREDITED, UNSETTLED
from gateway.stations.deciding import Deciding
from gateway.stations.gate import Gate
from gateway.stations.inside import Moved
from gateway.stations.till import Till
from gateway.stations.till_words import QuoteAnswer, QuoteRequest
from gateway.wire.contents import RegistryCredential
from tests.drivers.desfire_cards import QUOTA, UID, VALUE_FILE, with_counter
from tests.rules.builders import document, percent, rule
from tests.support.authority import Authority
from tests.support.card_field import CardField, Tear
from tests.support.clock import FakeClock
from tests.support.gates import PASSAGE, AtGate
from tests.support.place import FREE, Place, digest, registry

ON_CARD = rule(
    "rides",
    who={"any_of_groups": [FREE]},
    what={"categories": ["fare.bus"]},
    give=percent(10_000),
    quota=[{"key": QUOTA, "unit": "units", "source": "card", "period": "ever"}],
)


def card_in_registry(place: Place) -> None:
    """Anna has this card, too."""
    if not place.cache.use_registry(2):
        anna = RegistryCredential(CredentialKind.DESFIRE_CARD, digest(CredentialKind.DESFIRE_CARD, UID), "h-anna")
        known = registry()
        place.cache.stage_registry(2, msgspec.structs.replace(known, credentials=(*known.credentials, anna)), "k1")
        assert place.cache.use_registry(2)


def on_card_rules(place: Place, *more: dict[str, Any]) -> None:
    """A ride is free, and taken off the card."""
    place.benefits.use(compile_rules(load(document(ON_CARD, *more)), 1), 0)


class Town:
    """Two gateways that never talk, and one card of Anna's."""

    def __init__(self, folder: Path, units: int) -> None:
        self.clock = FakeClock()
        self.card: Desfire = with_counter(units)
        self.units = units
        self.committed: dict[bytes, int] = {}
        self._folder = folder
        self.places: list[Place] = []
        self.pulses = 0

    def start(self, gateways: int = 2) -> Town:
        for number in range(gateways):
            folder = self._folder / f"box-{number}"
            folder.mkdir()
            place = Place(folder, self.clock)
            place.outputs = CardField(self.clock, self.committed)
            self.places.append(self._begun(place.start()))
        return self

    @staticmethod
    def _begun(place: Place) -> Place:
        card_in_registry(place)
        on_card_rules(place)
        return place

    async def stop(self) -> None:
        for place in self.places:
            await place.stop()

    def field(self, at: int = 0) -> CardField:
        outputs = self.places[at].outputs
        assert isinstance(outputs, CardField)
        return outputs

    def gate(self, at: int = 0, **options: Any) -> Gate:
        given: dict[str, Any] = {"passage_input": None, "category": "fare.bus", "price_cents": 150, **options}
        section = GateStation(id="door-1", readers=("nfc-1",), relay="relay-1", **given)
        return Gate(section, self.places[at].services)

    async def tap(self, at: int = 0, tear: Tear = Tear.NONE, *, relay_fails: bool = False) -> tuple[Show, str]:
        """The card is presented at this gateway's gate, and torn away, or the box is, and starts again."""
        field = self.field(at)
        field.tear, field.killed = tear, asyncio.Event()
        field.pulse_script.extend([NotReady("it is lost", "Look", where="relay-1")] if relay_fails else [])
        serving = asyncio.create_task(self.gate(at).on_reading(field.tap(self.card)))
        dying = asyncio.create_task(field.killed.wait())
        await asyncio.wait({serving, dying}, return_when=asyncio.FIRST_COMPLETED)
        field.pulse_script.clear()
        field.tear = Tear.NONE
        if dying.done():
            serving.cancel()
            self.places[at] = self._begun(await self.places[at].crash())
            return Show.ATTENTION, "killed"
        dying.cancel()
        await serving
        self.clock.advance(3)
        *_, last = self.places[at].board.after(0)
        return last.show, last.reason

    async def settle(self) -> None:
        for place in self.places:
            await place.settle()

    # What is true -------------------------------------------------------------------------------------------

    @property
    def taken(self) -> int:
        """Units that are gone from the card."""
        return self.units - self.card.values[VALUE_FILE]

    def given(self) -> int:
        """Units that entries have given and no void has taken back."""
        return sum(self._sum(place, "SELECT coalesce(sum(units), 0) FROM card_use") for place in self.places)

    def owed(self) -> int:
        return sum(self._sum(place, "SELECT coalesce(sum(owed), 0) FROM card_counter") for place in self.places)

    def in_doubt(self) -> int:
        """Units of debits that are open at a gateway and have happened."""
        rows = [row for place in self.places for row in place.ledger.query("SELECT name, units FROM card_counter", ())]
        return sum(units for name, units in rows if name and name in self.committed)

    def told(self, what: str) -> list[int]:
        bodies = [body for place in self.places for body in place.bodies(EntryKind.SECURITY)]
        return [body.get("count", 1) for body in bodies if body["what"] == what]

    def admissions(self, at: int = 0) -> list[dict[str, Any]]:
        return self.places[at].bodies(EntryKind.ADMISSION)

    @staticmethod
    def _sum(place: Place, sql: str) -> int:
        return int(place.ledger.query(sql, ())[0][0])


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    made = Town(tmp_path, 3).start()
    yield made
    await made.stop()


async def test_three_rides_off_the_card_and_the_fourth_is_to_be_paid(town: Town) -> None:
    assert [await town.tap() for _ in range(4)] == [(Show.OPEN, "")] * 3 + [(Show.REFUSED, "payment_due")]
    first = town.admissions()[0]
    assert first["decision"]["uses"] == [{"key": QUOTA, "period": "ever", "units": 1, "card": True}]
    assert first["decision"]["balances"][0]["left"] == 2
    assert {**first["debit"], "name": ""} == {"quota": QUOTA, "units": 1, "left": 2, "name": ""}
    assert bytes.fromhex(first["debit"]["name"]) in town.committed
    assert first["asked"]["quotas"] == [{"key": QUOTA, "period": "ever", "left": 3}]
    assert town.card.values == {VALUE_FILE: 0}


async def test_two_gateways_need_not_talk(town: Town) -> None:
    assert [await town.tap(at) for at in (0, 1, 0, 1)] == [(Show.OPEN, "")] * 3 + [(Show.REFUSED, "payment_due")]


async def test_it_is_durable_before_the_card_is_touched_and_before_the_gate_opens(town: Town) -> None:
    seen: list[tuple[str, int]] = []
    place, field = town.places[0], town.field()

    async def debited() -> None:
        ((open_debits,),) = place.ledger.query("SELECT count(*) FROM card_counter WHERE name<>x''", ())
        seen.append(("debited", open_debits))

    field.on_debited = debited
    field.on_pulse = lambda: seen.append(("opened", place.on_disk()))
    await town.tap()
    assert seen == [("debited", 1), ("opened", 1)]


@pytest.mark.parametrize("tear", [tear for tear in Tear if tear is not Tear.NONE])
async def test_a_torn_tap_opens_nothing_and_the_next_one_makes_it_good(town: Town, tear: Tear) -> None:
    show, reason = await town.tap(0, tear)
    assert (show, reason) in ((Show.REFUSED, "card_again"), (Show.ATTENTION, "killed"))
    assert (town.field().pulses, town.admissions()) == ([], [])
    taken = town.taken
    assert await town.tap() == (Show.OPEN, "")
    assert (town.taken, town.given(), town.owed()) == (1, 1, 0), "one ride, one unit"
    assert (town.told(CREDITED), town.told(UNSETTLED)) == ([1] * taken, [])
    assert town.admissions()[0]["debit"].get("credited", 0) == taken


async def test_what_is_owed_here_is_not_owed_elsewhere_and_is_given_here(town: Town) -> None:
    """Torn at the first gateway after the card was debited: it has two units for the second, and one credit here."""
    await town.tap(0, Tear.ANSWER_LOST)
    assert [await town.tap(1) for _ in range(3)] == [(Show.OPEN, "")] * 2 + [(Show.REFUSED, "payment_due")]
    assert [await town.tap(0) for _ in range(2)] == [(Show.OPEN, ""), (Show.REFUSED, "payment_due")]


async def test_a_debit_elsewhere_is_not_taken_for_the_one_in_doubt(town: Town) -> None:
    """The value alone would say so: three were there, one was asked for, two are left."""
    await town.tap(0, Tear.COMMIT_LOST)
    await town.tap(1)
    assert town.card.values == {VALUE_FILE: 2}
    assert [await town.tap(0) for _ in range(3)] == [(Show.OPEN, "")] * 2 + [(Show.REFUSED, "payment_due")]
    assert (town.told(CREDITED), town.told(UNSETTLED)) == ([], [])


async def test_what_nobody_can_know_any_more_is_on_record_and_not_given(tmp_path: Path) -> None:
    town = Town(tmp_path, 9).start()
    await town.tap(0, Tear.ANSWER_LOST)
    for _ in range(4):
        assert await town.tap(1) == (Show.OPEN, "")
    assert await town.tap(0) == (Show.OPEN, "")
    assert (town.told(UNSETTLED), town.owed(), town.taken, town.given()) == ([1], 0, 6, 5)
    await town.stop()


async def test_a_gate_that_does_not_open_owes_the_ride(town: Town) -> None:
    assert await town.tap(relay_fails=True) == (Show.ATTENTION, "gate_not_ready")
    assert (town.taken, town.given(), town.owed()) == (1, 0, 1)
    assert await town.tap() == (Show.OPEN, "")
    assert (town.taken, town.owed(), town.field().asked) == (1, 0, [1]), "the card was not asked again"


async def test_an_entry_that_is_refused_after_the_debit_owes_it(town: Town) -> None:
    """Somebody else took the last place inside while the card was debited."""
    place, field = town.places[0], town.field()
    gate = town.gate(capacity=1, passage_input=PASSAGE)
    field.on_debited = lambda: place.ledger.commit([], [Moved("place", Way.IN)])
    await gate.on_reading(field.tap(town.card))
    assert [(one.show, one.reason) for one in place.board.after(0)] == [(Show.REFUSED, "full")]
    assert (town.taken, town.given(), town.owed()) == (1, 0, 1)


@pytest.mark.parametrize(("limit", "shown"), [(2, (Show.REFUSED, "payment_due")), (5, (Show.OPEN, ""))])
async def test_what_a_lease_does_not_cover_any_more_after_the_debit_is_decided_once_more(
    town: Town, tmp_path: Path, limit: int, shown: tuple[Show, str]
) -> None:
    """Somebody else used what the other quota had while the card was debited: it is not debited again."""
    place, field = town.places[0], town.field()
    daily = {"key": "daily", "unit": "uses", "limit": limit, "period": "day"}
    rules = document({**ON_CARD, "quota": [*ON_CARD["quota"], daily]})
    place.benefits.use(compile_rules(load(rules), 1), 0)
    quotas = Quotas(place.ledger, place.clock, "gw-test")
    await quotas.start()
    place.services.deciding = Deciding(place.benefits, quotas, place.ledger.query, place.clock, 20.0)
    authority = Authority(tmp_path / "centre.db", place.clock, rules, "gw-test", quotas)
    await authority.line(True)

    async def used_elsewhere() -> None:
        field.on_debited = None
        entry = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")
        await place.ledger.commit([entry], [quotas.spend("h-anna", [Use("daily", "2026-11-23", 2)])])

    await quotas.prepare("h-anna", place.benefits.asks(question(place)), 20.0, {"daily": 2})
    field.on_debited = used_elsewhere
    assert await town.tap() == shown
    assert (town.taken, field.asked) == (1, [1])
    opened = shown[0] is Show.OPEN
    assert (town.given(), town.owed()) == ((1, 0) if opened else (0, 1))
    assert [body["debit"] for body in town.admissions()] == [
        {"quota": QUOTA, "units": 0, "left": 2, "credited": 1}
    ] * opened
    await authority.stop()


def question(place: Place) -> Question:
    """Of Anna's card, about a ride."""
    reading = CardField(place.clock, {}).tap(with_counter(1))
    identified = place.services.identify("door-1", reading)
    assert identified is not None
    receipt = Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),))
    return place.benefits.question(receipt, identified.identification, "door-1")


async def test_of_a_group_those_rides_are_owed_that_nobody_took(tmp_path: Path) -> None:
    town = Town(tmp_path, 5).start(1)
    place = town.places[0]
    at = await AtGate(place, category="fare.bus", price_cents=150, passage_s=0.2).start()
    await at.group(3, town.field().tap(town.card))
    await at.walk(2)
    await at.over()
    (void,) = place.bodies(EntryKind.VOID)
    assert void["returned"] == [{"key": QUOTA, "period": "ever", "units": 1, "card": True}]
    assert (town.taken, town.given(), town.owed()) == (3, 2, 1)
    await at.gate.stop()
    await town.stop()


async def test_a_card_that_is_being_debited_elsewhere_here_has_to_wait(town: Town) -> None:
    field, place = town.field(), town.places[0]
    field.tear = Tear.KILLED_BEFORE
    serving = asyncio.create_task(town.gate().on_reading(field.tap(town.card)))
    await field.killed.wait()
    other = GateStation(id="door-2", readers=("nfc-2",), relay="relay-1", passage_input=None, category="fare.bus",
                        price_cents=150)  # fmt: skip
    await Gate(other, place.services).on_reading(field.tap(town.card, "nfc-2"))
    assert [(one.show, one.reason) for one in place.board.after(0)] == [(Show.REFUSED, "busy")]
    serving.cancel()


async def test_at_a_till_nothing_is_taken_off_a_card(town: Town) -> None:
    """A quote and its commit are apart by as long as somebody looks for change: the card has left by then."""
    place = town.places[0]
    till = Till(TillStation(id="till-1", readers=("nfc-1",)), place.services)
    await till.on_reading(town.field().tap(town.card))
    receipt = Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),))
    answer = msgspec.json.decode(await till.quote(QuoteRequest(receipt), "q1"), type=QuoteAnswer)
    assert (answer.due_cents, town.field().asked) == (150, [])


EXAMPLES = int(os.environ.get("CARD_EXAMPLES", "10"))
"""Games played; more of them by hand."""
STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([*Tear, Tear.NONE, Tear.NONE]), st.booleans()), min_size=1, max_size=10
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(1, 3), STEPS)
def test_never_more_than_the_card_had_never_less_than_was_taken_without_a_record(
    units: int, steps: list[tuple[int, Tear, bool]]
) -> None:
    asyncio.run(_played(units, steps))


async def _played(units: int, steps: list[tuple[int, Tear, bool]]) -> None:
    folder = Path(tempfile.mkdtemp())
    town = Town(folder, units).start()
    try:
        for at, tear, relay_fails in steps:
            pulses = sum(len(town.field(each).pulses) for each in (0, 1))
            show, _ = await town.tap(at, tear, relay_fails=relay_fails)
            opened = sum(len(town.field(each).pulses) for each in (0, 1)) - pulses
            assert opened == (show is Show.OPEN)
            assert town.taken == sum(town.committed.values())
            # Each unit that has left the card was given, is owed, is still in doubt, or is on record as neither.
            rest = town.taken - town.given() - town.owed() - town.in_doubt()
            assert 0 <= rest <= sum(town.told(UNSETTLED)), (units, steps)
            assert town.given() <= units
        for at in (0, 1):  # Nothing stays in doubt, and what is owed is given.
            for _ in range(2 * units + 1):
                await town.tap(at)
        assert (town.in_doubt(), town.owed()) == (0, 0)
        assert town.given() + sum(town.told(UNSETTLED)) >= town.taken == units
    finally:
        await town.stop()
        shutil.rmtree(folder)

"""Two gateways that never talk, a card with a counter, and what is true of it: for tests of rides off the card."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from drivers.simulators.desfire import Desfire
from gateway.config.types import GateStation
from gateway.model.entry import EntryKind
from gateway.model.errors import NotReady
from gateway.model.identification import CredentialKind
from gateway.model.shown import Show
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.gate import Gate
from gateway.wire.contents import RegistryCredential
from tests.drivers.desfire_cards import QUOTA, UID, VALUE_FILE, with_counter
from tests.rules.builders import document, percent, rule
from tests.support.card_field import CardField, Tear
from tests.support.clock import FakeClock
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

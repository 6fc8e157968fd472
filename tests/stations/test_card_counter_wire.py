"""A ride off a card, from the radio to the gate: the real drivers of a PN532 and of a relay board, a real ledger; chip,
card and board are simulated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.simulators.desfire import Desfire
from drivers.simulators.pn532 import Pn532, plugged
from drivers.simulators.relay import RelayBoard
from gateway.config.types import DeviceSection, GateStation
from gateway.devices import Devices
from gateway.identity.identify import Identity
from gateway.model.device import Health
from gateway.model.entry import EntryKind
from gateway.model.shown import Show
from gateway.stations.dispatch import Dispatch
from gateway.stations.gate import Gate
from gateway.stations.services import Services
from tests.drivers.desfire_cards import VALUE_FILE, options, with_counter
from tests.stations.test_gate_wire import RunningClock, never
from tests.support.card_town import card_in_registry, on_card_rules
from tests.support.gates import until
from tests.support.place import KEYS, Place

COMMIT_EXCHANGE = 8
"""Of a debit's exchanges with the card, from 0 (RATS), the one in which it is told to commit."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Place, Pn532, RelayBoard]]:
    (tmp_path / "state").mkdir()
    place = Place(tmp_path / "state", RunningClock()).start()
    card_in_registry(place)
    on_card_rules(place)
    with plugged() as chip, RelayBoard(outputs=2, inputs=5, link=tmp_path / "relay") as board:
        told = {"port": chip.path, "poll_ms": 20, "desfire": options(tmp_path, counter=True)}
        dispatch: Dispatch
        devices = Devices(
            [
                DeviceSection(id="nfc-1", driver="nfc", options=told),
                DeviceSection(id="relay-1", driver="relay", options={"port": board.path, "inputs": 5}),
            ],
            place.clock,
            "Europe/Riga",
            on_reading=lambda reading: dispatch.on_reading(reading),
            on_change=lambda health: dispatch.on_change(health),
            on_flood=lambda *_: None,
        )
        identity = Identity(KEYS, place.cache, place.ledger.query)
        place.services = Services(place.ledger, identity, place.benefits, devices, place.board, place.clock)
        section = GateStation(
            id="gate-1", readers=("nfc-1",), relay="relay-1", passage_input=None, category="fare.bus", price_cents=150
        )
        dispatch = Dispatch([Gate(section, place.services)], place.services, never)
        await dispatch.start()
        await devices.start()
        try:
            await until(lambda: all(one.health is Health.READY for one in devices.health()))
            yield place, chip, board
        finally:
            await devices.stop()
            await dispatch.stop()
            await place.stop()


async def test_a_ride_is_taken_off_the_card_and_the_gate_opens_also_when_it_was_pulled_amid_it(
    site: tuple[Place, Pn532, RelayBoard],
) -> None:
    place, chip, board = site
    card: Desfire = with_counter(2)

    chip.place(card)
    await until(lambda: place.board.counts.get(Show.OPEN, 0) == 1)
    assert (card.values, len(board.named("opened"))) == ({VALUE_FILE: 1}, 1)
    chip.remove()

    chip.wait_looks(4)
    real_debit = place.services.outputs.debit_card

    async def pulled(*given: object, **named: object) -> object:
        chip.pull_after = COMMIT_EXCHANGE
        return await real_debit(*given, **named)  # type: ignore[arg-type]

    place.services.outputs.debit_card = pulled  # type: ignore[assignment, method-assign]
    chip.place(card)
    await until(lambda: place.board.counts.get(Show.REFUSED, 0) == 1)
    *_, last = place.board.after(0)
    assert (last.reason, card.values, len(board.named("opened"))) == ("card_again", {VALUE_FILE: 1}, 1)
    assert place.ledger.query("SELECT count(*) FROM card_counter WHERE name<>x''", ()) == [(1,)], "it is in doubt"

    place.services.outputs.debit_card = real_debit  # type: ignore[method-assign]
    chip.wait_looks(4)
    chip.place(card)
    await until(lambda: place.board.counts.get(Show.OPEN, 0) == 2)
    chip.remove()
    assert (card.values, len(board.named("opened"))) == ({VALUE_FILE: 0}, 2)

    chip.wait_looks(4)
    chip.place(card)
    await until(lambda: place.board.counts.get(Show.REFUSED, 0) == 2)
    *_, last = place.board.after(0)
    assert last.reason == "payment_due"
    assert [body["debit"]["left"] for body in place.bodies(EntryKind.ADMISSION)] == [1, 0]

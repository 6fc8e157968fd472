"""What has gone through a gate does not open it again within the configured time, over crashes too."""

from __future__ import annotations

import asyncio

import pytest

from gateway.config.types import GateStation, PassbackScope
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import NotReady
from gateway.model.reading import InputReading
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from gateway.stations.passages import KEEP_MS, PassageNoted, PassageUndone, has_passed
from tests.support.place import Card, Place, SlowDisk

ADMISSION, REFUSAL, VOID = EntryKind.ADMISSION, EntryKind.REFUSAL, EntryKind.VOID


def make_gate(
    place: Place, within_s: float = 60.0, *, scope: PassbackScope = PassbackScope.GATE, number: int = 1
) -> Gate:
    """Without a passage sensor: opened is passed."""
    relay = f"relay-{number}"
    section = GateStation(
        id=f"gate-{number}", readers=("nfc-1",), relay=relay, anti_passback_s=within_s, anti_passback=scope
    )
    return Gate(section, place.services)


def last(place: Place, station: str = "gate-1") -> tuple[Show, str]:
    shown = place.board.last(station)
    assert shown is not None
    return shown.show, shown.reason


async def test_the_same_card_is_refused_until_the_time_is_over(place: Place) -> None:
    gate, anna = make_gate(place), Card("anna")
    await gate.on_reading(anna.tap(place))
    place.clock.advance(59.9)
    await gate.on_reading(anna.tap(place))
    assert last(place) == (Show.REFUSED, "passed_already")
    place.clock.advance(0.1)
    await gate.on_reading(anna.tap(place))
    assert len(place.outputs.pulses) == 2
    (refused,) = place.bodies(REFUSAL)
    assert refused["identification"]["refusal"] == "passed_already"
    assert refused["identification"]["credential"]["kind"] == "sun_card"
    assert "holder" not in refused["identification"]


async def test_the_message_of_a_refused_card_opens_nothing_later(place: Place) -> None:
    gate, anna = make_gate(place), Card("anna")
    await gate.on_reading(anna.tap(place))
    await gate.on_reading(anna.tap(place))
    assert place.ledger.query("SELECT counter FROM sun_counter") == [(2,)]


async def test_another_credential_is_not_refused(place: Place) -> None:
    gate = make_gate(place)
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(place.pass_reading("nfc-1"))
    assert len(place.outputs.pulses) == 2


async def test_without_the_time_nothing_is_asked_and_nothing_kept(place: Place) -> None:
    gate, anna = make_gate(place, 0.0), Card("anna")
    await gate.on_reading(anna.tap(place))
    await gate.on_reading(anna.tap(place))
    assert len(place.outputs.pulses) == 2
    assert place.ledger.query("SELECT * FROM passage") == []


async def test_an_entry_that_was_given_back_does_not_count(place: Place) -> None:
    gate, anna = make_gate(place), Card("anna")
    place.outputs.pulse_script.append(NotReady("the driver is gone"))
    await gate.on_reading(anna.tap(place))
    assert place.kinds() == [ADMISSION, VOID]
    await gate.on_reading(anna.tap(place))
    assert place.kinds(Stream.RECEIPT)[2:3] == [ADMISSION]
    assert place.bodies(REFUSAL) == []
    assert last(place)[0] is Show.OPEN


async def test_it_holds_over_a_power_cut(place: Place) -> None:
    anna = Card("anna")
    await make_gate(place).on_reading(anna.tap(place))
    await place.settle()
    after = await place.crash()
    gate = make_gate(after)
    await gate.start()
    await gate.on_reading(anna.tap(after))
    assert last(after) == (Show.REFUSED, "passed_already")
    await after.stop()


async def test_what_a_power_cut_has_voided_does_not_count(place: Place) -> None:
    """The gate waits for the passage when the power goes: the start gives the entry back, and the card opens again."""
    anna = Card("anna")
    section = GateStation(
        id="gate-1", readers=("nfc-1",), relay="relay-1", passage_input=0, passage_s=30, anti_passback_s=60
    )
    gate = Gate(section, place.services)
    await gate.on_reading(anna.tap(place))
    after = await place.crash()
    await gate.stop()
    again = Gate(section, after.services)
    await again.start()
    assert [body["reason"] for body in after.bodies(VOID)] == ["restart"]
    await again.on_reading(anna.tap(after))
    assert last(after)[0] is Show.OPEN
    await again.on_reading(InputReading("relay-1", after.clock.mono_ns(), 0, True))
    await again.stop()
    await after.stop()


@pytest.mark.parametrize(("scope", "opened"), [(PassbackScope.GATE, 2), (PassbackScope.PLACE, 1)])
async def test_other_gates_of_the_place_count_where_it_is_said(place: Place, scope: PassbackScope, opened: int) -> None:
    anna = Card("anna")
    await make_gate(place).on_reading(anna.tap(place))
    await make_gate(place, scope=scope, number=2).on_reading(anna.tap(place))
    assert len(place.outputs.pulses) == opened


async def test_a_card_at_two_gates_at_once_opens_one(place: Place) -> None:
    """Both have looked before either has stored: the commit decides, and the other one is told the true reason."""
    anna = Card("anna")
    gates = [make_gate(place, scope=PassbackScope.PLACE, number=number) for number in (1, 2)]
    with SlowDisk(place):
        taps = [asyncio.create_task(gate.on_reading(anna.tap(place))) for gate in gates]
        await asyncio.wait(taps, timeout=0.1)
    await asyncio.gather(*taps)
    assert len(place.outputs.pulses) == 1
    assert [body["identification"]["refusal"] for body in place.bodies(REFUSAL)] == ["passed_already"]


def entry() -> NewEntry:
    return NewEntry(Stream.RECEIPT, EntryKind.ADMISSION, b"{}")


STAMP = Stamp(wall_ms=1_795_424_400_000, mono_ns=10**12, boot="b1", quality=ClockQuality.NTP)


@pytest.mark.parametrize(
    ("at_ms", "boot", "mono_ns", "passed"),
    [
        (0, "b1", STAMP.mono_ns - 59_999 * 10**6, True),  # within this boot the wall clock says nothing
        (STAMP.wall_ms, "b1", STAMP.mono_ns - 60_000 * 10**6, False),
        (STAMP.wall_ms, "b1", STAMP.mono_ns + 10**6, False),
        (STAMP.wall_ms - 59_999, "b0", 0, True),
        (STAMP.wall_ms - 60_000, "b0", 0, False),
        (STAMP.wall_ms + 1, "b0", 0, False),  # the clock went back: in the person's favour
    ],
)
def test_how_long_ago_it_was(at_ms: int, boot: str, mono_ns: int, passed: bool) -> None:
    rows = [("gate-1", at_ms, boot, mono_ns)]
    assert has_passed(rows, "gate-1", 60_000, PassbackScope.GATE, STAMP) is passed
    assert not has_passed(rows, "gate-2", 60_000, PassbackScope.GATE, STAMP)


async def test_old_passages_go_and_those_of_today_stay(place: Place) -> None:
    async def note(name: bytes, *, tidy: bool = False) -> None:
        effect = PassageNoted("gate-1", name * 32, 1000, PassbackScope.GATE, tidy)
        await place.ledger.commit([entry()], [effect])

    await note(b"a")
    place.clock.advance(KEEP_MS / 1000 + 1)
    await note(b"b")
    assert len(place.ledger.query("SELECT * FROM passage")) == 2
    await note(b"c", tidy=True)
    assert place.ledger.query("SELECT digest FROM passage") == [(b"b" * 32,), (b"c" * 32,)]


async def test_only_the_entry_that_is_void_is_taken_back(place: Place) -> None:
    ids: list[EntryId] = []
    for name in (b"a", b"b"):
        effect = PassageNoted("gate-1", name * 32, 1000, PassbackScope.GATE)
        ids += await place.ledger.commit([entry()], [effect])
    await place.ledger.commit([], [PassageUndone(f"{ids[0].epoch}/{ids[0].stream}/{ids[0].seq}")])
    assert place.ledger.query("SELECT digest FROM passage") == [(b"b" * 32,)]

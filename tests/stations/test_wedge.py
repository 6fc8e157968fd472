"""A desk types the library card that was just presented: after it is recorded, and nothing else."""

from __future__ import annotations

import logging

import pytest

from gateway.config.types import DeskStation
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, NotReady
from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.model.library import LibraryWord
from gateway.model.reading import CodeReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.wedge import may_be_typed
from tests.support.place import BARCODE, Card, Place


class Keyboard:
    """The librarian's keyboard as a desk sees it; notes how much was on disk when it was asked."""

    def __init__(self, place: Place, error: GatewayError | None = None) -> None:
        self._place = place
        self._error = error
        self.typed: list[tuple[str, bytes]] = []
        self.on_disk: list[int] = []

    async def __call__(self, device: str, text: bytes, deadline_ms: int) -> None:
        self.typed.append((device, text))
        self.on_disk.append(self._place.on_disk(Stream.IDENTIFICATION))
        if self._error is not None:
            raise self._error


def desk(place: Place, keyboard: Keyboard, wedge: str | None = "keys-1") -> Desk:
    return Desk(DeskStation(id="desk-1", readers=("cam-1",), wedge=wedge), place.services, None, None, keyboard)


def code(place: Place, data: bytes) -> CodeReading:
    return CodeReading("cam-1", place.clock.mono_ns(), "code-39", data)


@pytest.mark.parametrize("data", [BARCODE, b"LV-000777"])
async def test_what_was_presented_is_typed_after_it_is_on_disk(place: Place, data: bytes) -> None:
    keyboard = Keyboard(place)
    await desk(place, keyboard).on_reading(code(place, b" " + data + b"\r\n"))
    assert keyboard.typed == [("keys-1", data)]
    assert keyboard.on_disk == [1]


async def test_cards_and_passes_have_nothing_that_could_be_typed(place: Place) -> None:
    keyboard = Keyboard(place)
    station = desk(place, keyboard)
    await station.on_reading(Card("anna").tap(place))
    await station.on_reading(place.pass_reading())
    await station.on_reading(code(place, b"\x00"))
    assert keyboard.typed == []


async def test_a_desk_without_a_keyboard_types_nothing(place: Place) -> None:
    keyboard = Keyboard(place)
    await desk(place, keyboard, None).on_reading(code(place, BARCODE))
    assert keyboard.typed == []


async def test_a_card_that_the_library_calls_lost_is_not_typed(place: Place) -> None:
    async def lost(_device: str, _barcode: bytes, _deadline_ms: int) -> LibraryWord:
        return LibraryWord.LOST

    keyboard = Keyboard(place)
    section = DeskStation(id="desk-1", readers=("cam-1",), wedge="keys-1", library="library-1")
    await Desk(section, place.services, None, lost, keyboard).on_reading(code(place, BARCODE))
    assert keyboard.typed == []


@pytest.mark.parametrize("refusal", [None, *Refusal])
def test_of_barcodes_only_the_accepted_and_the_unknown_are_typed(refusal: Refusal | None) -> None:
    credential = Credential(CredentialKind.BARCODE, Strength.WEAK, "ab" * 32, "k1")
    who = Identification(credential=credential, holder=None if refusal else "h-1", refusal=refusal)
    assert may_be_typed(who) is (refusal in (None, Refusal.UNKNOWN))


@pytest.mark.parametrize(
    "error",
    [NotReady("lost", code="no_port"), InputRefused("no", code="not_allowed"), DeadlineMissed("?", code="timed_out")],
)
async def test_a_keyboard_that_fails_costs_the_visitor_nothing_and_the_log_has_no_number(
    place: Place, error: GatewayError, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await desk(place, Keyboard(place, error)).on_reading(code(place, BARCODE))
    last = place.board.last("desk-1")
    assert last is not None
    assert last.show is Show.ACCEPTED
    assert error.code in caplog.text
    assert BARCODE.decode() not in caplog.text
    assert place.kinds() == [EntryKind.IDENTIFICATION]

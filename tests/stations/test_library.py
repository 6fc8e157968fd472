"""A desk asks the library's system about a library card: what it may change, what it may not, and what is recorded."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import pytest

from gateway.config.types import DeskStation
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, NotReady
from gateway.model.library import LibraryWord
from gateway.model.reading import CodeReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from tests.support.place import BARCODE, Card, Place

STRANGER = b"LV-000777"


class Asked:
    """A library's system as a desk sees it: says `word`, or fails with `error`."""

    def __init__(self, said: LibraryWord | GatewayError) -> None:
        self._said = said
        self.questions: list[tuple[str, bytes, int]] = []

    async def __call__(self, device: str, barcode: bytes, deadline_ms: int) -> LibraryWord:
        self.questions.append((device, barcode, deadline_ms))
        if isinstance(self._said, GatewayError):
            raise self._said
        return self._said


def desk(place: Place, ask: Callable[[str, bytes, int], Awaitable[LibraryWord]]) -> Desk:
    return Desk(DeskStation(id="desk-1", readers=("cam-1",), library="library-1"), place.services, None, ask)


async def present(place: Place, said: LibraryWord | GatewayError, data: bytes = BARCODE) -> tuple[Asked, str, str]:
    """Who was asked, what is shown, and why."""
    asked = Asked(said)
    await desk(place, asked).on_reading(CodeReading("cam-1", place.clock.mono_ns(), "code-39", data + b"\r"))
    last = place.board.last("desk-1")
    assert last is not None
    return asked, last.show, last.reason


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        (LibraryWord.VALID, (Show.ACCEPTED, "")),
        (LibraryWord.BARRED, (Show.ACCEPTED, "library_differs")),
        (LibraryWord.UNKNOWN, (Show.ACCEPTED, "library_differs")),
        (LibraryWord.LOST, (Show.REFUSED, "blocked")),
    ],
)
async def test_the_librarys_word_takes_back_only_a_lost_card_and_stands_in_the_entry(
    place: Place, word: LibraryWord, shown: tuple[Show, str]
) -> None:
    asked, show, reason = await present(place, word)
    assert (show, reason) == shown
    assert asked.questions == [("library-1", BARCODE, 3000)]
    (body,) = place.bodies(EntryKind.REFUSAL if word is LibraryWord.LOST else EntryKind.IDENTIFICATION)
    assert body["library"] == word


@pytest.mark.parametrize("word", LibraryWord)
async def test_nobody_is_accepted_on_the_librarys_word_alone(place: Place, word: LibraryWord) -> None:
    _, show, reason = await present(place, word, STRANGER)
    assert (show, reason) == (Show.REFUSED, "unknown")
    (body,) = place.bodies(EntryKind.REFUSAL)
    assert (body["identification"]["refusal"], body["library"]) == ("unknown", word)


@pytest.mark.parametrize(
    "error",
    [
        NotReady("it is lost", code="silent"),
        DeadlineMissed("no answer", code="timed_out"),
        InputRefused("refused", code="bad_barcode"),
    ],
)
async def test_without_an_answer_the_registry_decides_and_the_log_has_no_number(
    place: Place, error: GatewayError, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _, show, reason = await present(place, error)
    assert (show, reason) == (Show.ACCEPTED, "")
    assert place.bodies(EntryKind.IDENTIFICATION)[0]["library"] == "no_answer"
    assert error.code in caplog.text
    assert BARCODE.decode() not in caplog.text


async def test_only_a_barcode_is_any_of_the_librarys_business(place: Place) -> None:
    asked = Asked(LibraryWord.LOST)
    station = desk(place, asked)
    await station.on_reading(Card("anna").tap(place))
    await station.on_reading(place.pass_reading())
    await station.on_reading(CodeReading("cam-1", place.clock.mono_ns(), "qr", b"\x00\x01"))
    assert asked.questions == []
    assert all("library" not in body for body in place.bodies(EntryKind.IDENTIFICATION))


async def test_the_page_says_that_it_is_reading_while_the_library_is_asked(place: Place) -> None:
    shown: list[str] = []

    async def ask(_device: str, _barcode: bytes, _deadline_ms: int) -> LibraryWord:
        last = place.board.last("desk-1")
        assert last is not None
        shown.append(last.show)
        return LibraryWord.VALID

    await desk(place, ask).on_reading(CodeReading("cam-1", place.clock.mono_ns(), "code-39", BARCODE))
    assert shown == [Show.READING]
    assert place.bodies(EntryKind.IDENTIFICATION)[0]["library"] == "valid"

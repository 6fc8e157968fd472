"""Our face of nfcpy: whatever a card or the line says, only `ReaderFault` comes out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.reader import Recognised
from drivers.desfire.outcome import Ask
from drivers.desfire.prover import Prover
from drivers.nfc.errors import ReaderFault
from drivers.nfc.reader import MAX_NDEF, Reader
from drivers.nfc.sight import Seen
from drivers.simulators.card_place import CardPlace
from drivers.simulators.cards import Card, Ntag424, Type2Tag, Type4Tag
from drivers.simulators.pn532 import Pn532
from drivers.simulators.port100 import Port100
from tests.drivers.desfire_cards import DIVERSIFIED, keys

ASK = Prover(DIVERSIFIED, keys())
UID = bytes.fromhex("04A1B2C3D4E5F6")


class Answers(Card):
    """A card that answers whatever it was given, then is silent; nothing of it needs to make sense."""

    atqa = bytes.fromhex("0344")

    def __init__(self, uid: bytes, sak: int, answers: list[bytes | None]) -> None:
        super().__init__(uid)
        self.sak = sak  # type: ignore[misc]  # a class variable of every other card
        self._answers = iter(answers)

    def exchange(self, frame: bytes) -> bytes | None:
        return next(self._answers, None)


class Files(Type4Tag):
    """A Type 4 card that answers READ BINARY with what it was given."""

    def __init__(self, responses: list[bytes]) -> None:
        super().__init__(UID)
        self._responses = responses

    def message(self) -> bytes:
        return b""

    def _read_binary(self, offset: int, length: int) -> bytes:
        return self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]


class Opened(Protocol):
    chip: CardPlace
    reader: Reader


@pytest.fixture(scope="module", params=["PN532", "RC-S380/P"])
def desk(request: pytest.FixtureRequest) -> Iterator[Opened]:
    class Desk:
        def __init__(self, chip: CardPlace) -> None:
            self.chip, self.reader = chip, Reader()

    with tempfile.TemporaryDirectory() as folder:
        chip = Pn532() if request.param == "PN532" else Port100(Path(folder, "usb"))
        chip.start()
        desk = Desk(chip)
        assert desk.reader.open(chip.path)["model"] == request.param
        yield desk
        desk.reader.close()
        chip.stop()


def _present(desk: Opened, card: Card, ask: Ask | None = None) -> bytes | None:
    desk.chip.place(card)
    seen = desk.reader.look()
    assert isinstance(seen, Seen)
    assert seen.uid == card.uid
    read = desk.reader.read(seen, ask)
    shown = None if read is None else read.shown
    assert shown is None or isinstance(shown, bytes | Recognised)
    return shown if not isinstance(shown, Recognised) else b""


@given(
    sak=st.sampled_from([0x00, 0x08, 0x18, 0x20, 0x28, 0x40, 0x60]),
    answers=st.lists(st.none() | st.binary(max_size=40), max_size=12),
    asks=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_card_may_say_anything(desk: Opened, sak: int, answers: list[bytes | None], asks: bool) -> None:
    ndef = _present(desk, Answers(UID, sak, answers), ASK if asks else None)
    assert ndef is None or isinstance(ndef, bytes)


@given(responses=st.lists(st.binary(max_size=120).map(lambda data: data + b"\x90\x00"), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_cards_files_may_hold_anything(desk: Opened, responses: list[bytes]) -> None:
    ndef = _present(desk, Files(responses))
    assert ndef is None or len(ndef) <= MAX_NDEF


def test_a_card_that_would_be_read_for_ever_is_given_up(desk: Opened) -> None:
    """Its file is said to hold 100 bytes, and every read brings none."""
    cc = [b"\x00\x17\x90\x00", Type4Tag.CC[2:17] + b"\x90\x00"]
    assert _present(desk, Files([*cc, b"\x00\x64\x90\x00", b"\x90\x00"])) is None


def test_a_message_longer_than_any_pass_is_not_handed_on(desk: Opened) -> None:
    size = MAX_NDEF + 1
    cc = [b"\x00\x17\x90\x00", Type4Tag.CC[2:17] + b"\x90\x00"]
    assert _present(desk, Files([*cc, size.to_bytes(2, "big") + b"\x90\x00", bytes(240) + b"\x90\x00"])) == b""


def test_a_type_4_card_without_an_ndef_application_is_a_card_without_ndef(desk: Opened) -> None:
    """A bank card, for instance: it is asked for that application only, and refuses."""

    class BankCard(Ntag424):
        def apdu(self, command: bytes) -> bytes:
            return b"\x6a\x82"

    assert _present(desk, BankCard(UID, bytes(16), bytes(16))) == b""


def test_a_mifare_classic_is_not_read(desk: Opened) -> None:
    assert _present(desk, Answers(bytes.fromhex("A1B2C3D4"), 0x08, [])) == b""


def test_an_ntag_without_a_message_is_a_card_without_ndef(desk: Opened) -> None:
    assert _present(desk, Type2Tag(UID)) == b""


@given(noise=st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_the_line_may_say_anything(desk: Opened, noise: list[bytes]) -> None:
    desk.chip.remove()
    desk.chip.instead = list(noise)
    with suppress(ReaderFault):
        desk.reader.look()
    desk.chip.instead = []
    assert desk.reader.look() is None


def test_a_closed_reader_says_so() -> None:
    reader = Reader()
    reader.close()
    with pytest.raises(ReaderFault, match="unplugged"):
        reader.look()

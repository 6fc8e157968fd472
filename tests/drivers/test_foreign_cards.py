"""Bank cards, identity cards and phones, through the drivers' own processes: what they are asked, byte for byte, and
that nothing that they hold comes out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cards.asking import ask
from drivers.cards.foreign import recognised
from drivers.cards.phone import MOST, pass_of
from drivers.contract.core import DeviceState, Reading
from drivers.contract.reader import Card, Code, Recognised, RecognisedKind
from drivers.simulators.cards import Type2Tag
from drivers.simulators.foreign_cards import PAN, PASS_APPLICATION, TRACK_2, BankCard, CommandCard, IdentityCard, Phone
from drivers.simulators.pn532 import Pn532, plugged
from drivers.simulators.vpcd import Slot
from tests.drivers.test_pcsc import spawn as spawn_pcsc
from tests.support.driver_process import DriverProcess
from tests.support.pcscd import pcscd

UID = bytes.fromhex("04C1C2C3C4C5C6")
SHORT_UID = bytes.fromhex("5AB1C2D3")
TEXT = b"SP1:" + b"6BF0" * 70
"""As long as a pass: more than one answer holds."""

GET_UID = "FFCA000000"
NDEF = "00A4040007D276000085010100"
NDEF_OLD = "00A4040007D2760000850100"
PASS = "00A4040009F0534D504C4143450100"
PPSE = "00A404000E325041592E5359532E444446303100"
EMRTD = "00A4040007A000000247100100"
EID = "00A4040009E80704007F0007030200"
AWP = "00A4040010A000000077010800070000FE0000010000"
CARD_ACCESS = "00A4020C02011C"


def text_of(commands: list[bytes]) -> list[str]:
    return [command.hex().upper() for command in commands]


def all_that_came_out(driver: DriverProcess) -> bytes:
    return b"\n".join([*(msgspec.json.encode(message) for message in driver.heard), *driver.garbage])


def held_by(card: CommandCard) -> list[bytes]:
    """What must not come out: the UID, and a payment card's number in any form that the contract could carry."""
    secrets = [card.uid, PAN, TRACK_2]
    return [form for secret in secrets for form in (secret.hex().encode(), msgspec.json.encode(secret)[1:-1])]


@pytest.fixture(scope="module")
def desk() -> Iterator[tuple[Pn532, DriverProcess]]:
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "reader")
        with plugged(link) as chip, DriverProcess("drivers.nfc", {"port": str(link), "poll_ms": 20}) as driver:
            driver.expect_state(DeviceState.READY)
            yield chip, driver


@pytest.fixture
def chip(desk: tuple[Pn532, DriverProcess]) -> Iterator[Pn532]:
    """An empty field, in which nothing is remembered."""
    chip, driver = desk
    driver.heard.clear()
    yield chip
    chip.remove()
    chip.wait_looks(4)


@pytest.fixture
def nfc(desk: tuple[Pn532, DriverProcess]) -> DriverProcess:
    return desk[1]


@pytest.fixture(scope="module")
def slot_and_driver() -> Iterator[tuple[Slot, DriverProcess]]:
    with pcscd() as daemon, spawn_pcsc(daemon) as driver:
        driver.expect_state(DeviceState.READY)
        yield daemon.slots[0], driver


FOREIGN = [
    (BankCard(UID), RecognisedKind.BANK, [NDEF, NDEF_OLD, PASS, PPSE]),
    (BankCard(SHORT_UID), RecognisedKind.BANK, [NDEF, NDEF_OLD, PASS, PPSE]),
    (IdentityCard(UID), RecognisedKind.EID, [NDEF, NDEF_OLD, PASS, PPSE, EMRTD]),
    (
        IdentityCard(UID, hidden=True),
        RecognisedKind.EID,
        [NDEF, NDEF_OLD, PASS, PPSE, EMRTD, EID, AWP, CARD_ACCESS],
    ),
    (Phone(pays=True), RecognisedKind.BANK, [PASS, NDEF, NDEF_OLD, PPSE]),
]
"""A card, what it is, and everything that it is ever asked."""


@pytest.mark.parametrize(("card", "kind", "asked"), FOREIGN)
def test_a_foreign_card_at_a_pn532_is_recognised_and_nothing_else(
    chip: Pn532, nfc: DriverProcess, card: CommandCard, kind: RecognisedKind, asked: list[str]
) -> None:
    card.asked.clear()
    chip.place(card)
    assert nfc.expect_reading(Recognised) == Recognised(kind)
    chip.wait_looks(6)
    assert text_of(card.asked) == asked
    assert [secret for secret in held_by(card) if secret in all_that_came_out(nfc)] == []


@pytest.mark.parametrize(("card", "kind", "asked"), [FOREIGN[1], FOREIGN[3], FOREIGN[4]])
def test_a_foreign_card_at_a_pcsc_reader_is_recognised_and_nothing_else(
    slot_and_driver: tuple[Slot, DriverProcess], card: CommandCard, kind: RecognisedKind, asked: list[str]
) -> None:
    slot, driver = slot_and_driver
    slot.commands.clear()
    slot.place(card)
    assert driver.expect_reading(Recognised) == Recognised(kind)
    slot.remove()
    slot.commands, commands = [], slot.commands
    assert text_of(commands) == [GET_UID, *(command for command in asked if command != NDEF_OLD)]
    assert [secret for secret in held_by(card) if secret in all_that_came_out(driver)] == []


def test_the_simulated_bank_card_would_tell_its_number_to_whoever_asks() -> None:
    """Else the tests above could not fail."""
    card = BankCard(UID)
    card.apdu(bytes.fromhex("00A4040007A000000003101000"))
    assert all(PAN in card.apdu(bytes.fromhex(command)) for command in ("80A8000002830000", "00B2010C00", "80CA005A00"))


def test_a_phone_with_our_pass_is_ours_although_it_pays(chip: Pn532, nfc: DriverProcess) -> None:
    phone = Phone(TEXT, pays=True)
    chip.place(phone)
    assert nfc.expect_reading(Code) == Code("nfc", TEXT)
    chip.wait_looks(6)
    nfc.nothing(Reading, 0.05)
    first = 240
    assert text_of(phone.asked) == [PASS, f"00B00000{first:02X}", f"00B0{first:04X}{len(TEXT) - first:02X}"]


def test_a_phone_with_our_pass_at_a_pcsc_reader(slot_and_driver: tuple[Slot, DriverProcess]) -> None:
    slot, driver = slot_and_driver
    slot.place(Phone(TEXT, pays=True))
    assert driver.expect_reading(Code) == Code("nfc", TEXT)
    slot.remove()


@pytest.mark.parametrize("exchanges", [0, 1, 2, 3])
def test_a_phone_that_leaves_in_mid_pass_is_not_reported(chip: Pn532, nfc: DriverProcess, exchanges: int) -> None:
    phone = Phone(TEXT, pays=True)
    chip.pull_after = exchanges
    chip.place(phone)
    chip.wait_gone()
    chip.wait_looks(2)
    chip.place(phone)
    assert nfc.expect_reading(Code) == Code("nfc", TEXT)
    assert not [message for message in nfc.heard if isinstance(message, Reading)][1:]


def test_a_phone_without_anything_of_ours_shows_only_its_random_uid(chip: Pn532, nfc: DriverProcess) -> None:
    chip.place(Phone())
    card = nfc.expect_reading(Card)
    assert (len(card.uid), card.uid[0], card.ndef) == (4, 8, b"")


def test_a_phone_with_a_fixed_uid_is_asked_for_ndef_first(chip: Pn532, nfc: DriverProcess) -> None:
    class Fixed(Phone):
        def activate(self) -> None:
            super().activate()
            self.uid = UID

    phone = Fixed(TEXT)
    chip.place(phone)
    assert nfc.expect_reading(Code) == Code("nfc", TEXT)
    assert text_of(phone.asked)[:3] == [NDEF, NDEF_OLD, PASS]


def test_a_storage_card_is_asked_nothing_of_this(chip: Pn532, nfc: DriverProcess) -> None:
    chip.place(Type2Tag(UID))
    assert nfc.expect_reading(Card) == Card(UID)


# What answers may be --------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 7, 239, 240])
def test_a_phone_may_give_less_than_it_is_asked_for(most: int) -> None:
    assert pass_of(Phone(TEXT, most=most).apdu) == TEXT


@pytest.mark.parametrize("size", [1, 240, 241, MOST])
def test_a_pass_of_any_length_up_to_the_bound(size: int) -> None:
    text = bytes(number % 251 for number in range(size))
    assert pass_of(Phone(text).apdu) == text
    assert pass_of(Phone(text + bytes(MOST)).apdu) == b""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("9000", RecognisedKind.BANK),
        ("6110", RecognisedKind.BANK),
        ("6283", RecognisedKind.BANK),
        ("6982", RecognisedKind.EID),
        ("6A82", None),
        ("6D00", None),
        ("6F00", None),
        ("911C", None),
        ("61", None),
        ("", None),
    ],
)
def test_only_the_status_tells(status: str, kind: RecognisedKind | None) -> None:
    found = recognised(lambda _command: bytes.fromhex(status))
    assert (found.kind if found is not None else None) == kind


SELECTS = {bytes.fromhex(one) for one in (PASS, PPSE, EMRTD, EID, AWP, CARD_ACCESS)}
answers = st.one_of(
    st.binary(max_size=260),
    st.binary(max_size=260).map(lambda data: data + b"\x90\x00"),
    st.sampled_from([b"", b"\x90", b"\x90\x00", b"\x04\x00\x90\x00", b"\x01\x90\x00", b"\x69\x82"]),
)


@given(st.lists(answers, max_size=30), answers, st.sampled_from([UID, b"\x08\x01\x02\x03"]))
def test_whatever_a_card_answers_it_is_asked_only_this(said: list[bytes], then: bytes, uid: bytes) -> None:
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return said[len(asked) - 1] if len(asked) <= len(said) else then

    found = ask(uid, transmit, lambda: b"")
    assert isinstance(found, Recognised | Code) or found == b""
    if isinstance(found, Code):
        assert 1 <= len(found.data) <= MOST
    assert len(asked) <= len(SELECTS) + MOST
    reads = [command for command in asked if command not in SELECTS]
    assert all(command[:2] == b"\x00\xb0" and len(command) == 5 for command in reads)
    if reads:
        assert asked[asked.index(reads[0]) - 1][5:14] == PASS_APPLICATION

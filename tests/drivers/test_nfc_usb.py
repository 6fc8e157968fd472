"""The nfc driver as a process at a simulated RC-S380: what holds for a PN532 holds here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.contract.core import DeviceState, Problem, Reading, State
from drivers.contract.desfire import DesfireFailed, DesfireProof
from drivers.contract.reader import Card, Code, Recognised, RecognisedKind, Several
from drivers.simulators import port100
from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Card as SimulatedCard
from drivers.simulators.cards import Ntag424, Type2Tag, uri_message
from drivers.simulators.field import in_order
from drivers.simulators.foreign_cards import BankCard, CommandCard, IdentityCard, Phone
from drivers.simulators.port100 import Port100, plugged
from tests.drivers.desfire_cards import APPLICATION, genuine, options
from tests.drivers.desfire_cards import UID as DESFIRE_UID
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID, proved_counter
from tests.support.driver_process import DriverProcess

WEAK_UID = bytes.fromhex("04A1B2C3D4E5F6")
SHORT_UID = bytes.fromhex("5AB1C2D3")
TEXT = b"SP1:" + b"6BF0" * 70


@pytest.fixture(scope="module")
def desk() -> Iterator[tuple[Port100, DriverProcess]]:
    """One for all tests but those that spoil it."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys")
        keys.mkdir()
        with plugged(Path(folder, "usb")) as chip, spawn(chip, desfire=options(keys)) as driver:
            driver.expect_state(DeviceState.READY)
            yield chip, driver


@pytest.fixture
def chip(desk: tuple[Port100, DriverProcess]) -> Iterator[Port100]:
    """An empty field, in which nothing is remembered."""
    chip, driver = desk
    driver.heard.clear()
    yield chip
    chip.remove()
    chip.wait_looks(4)


@pytest.fixture
def driver(desk: tuple[Port100, DriverProcess]) -> DriverProcess:
    return desk[1]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Port100]:
    """A reader that no driver has yet."""
    with plugged(tmp_path / "usb") as chip:
        yield chip


def spawn(chip: Port100, **more: object) -> DriverProcess:
    return DriverProcess("drivers.nfc", {"port": chip.path, "poll_ms": 20, **more})


def _genuine() -> Ntag424:
    return Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID))


def lost(driver: DriverProcess) -> Problem:
    problem = driver.expect_state(DeviceState.LOST).problem
    assert problem is not None
    return problem


def test_says_which_reader_it_is_and_leaves_it_to_the_next_one(other: Port100) -> None:
    for _ in range(2):
        with spawn(other) as driver:
            detail = {"model": "RC-S380/P", "firmware": "1.11", "serial": "0381520"}
            assert driver.expect_state(DeviceState.READY).detail == detail
            other.wait_looks(2)
            assert driver.stop() == 0


@pytest.mark.parametrize(
    "card",
    [
        Type2Tag(WEAK_UID, uri_message("example.org/library/42")),
        CommandCard(bytes.fromhex("04A1B2C3D4E5F6A7B8C9")),
        CommandCard(SHORT_UID),
    ],
    ids=["7 bytes", "10 bytes", "4 bytes"],
)
def test_a_card_is_reported_once_per_presentation(chip: Port100, driver: DriverProcess, card: SimulatedCard) -> None:
    message = uri_message("example.org/library/42") if isinstance(card, Type2Tag) else b""
    for _ in range(2):
        chip.place(card)
        assert driver.expect_reading(Card) == Card(card.uid, message)
        chip.wait_looks(5)
        driver.nothing(Reading, 0.02)
        chip.remove()
        chip.wait_looks(4)


def test_a_genuine_card_proves_itself_anew_at_each_tap(chip: Port100, driver: DriverProcess) -> None:
    card = _genuine()
    assert [chip.present(card, 10.0), chip.present(card, 10.0)] == [1, 1]
    first, second = driver.expect_reading(Card), driver.expect_reading(Card)
    assert [proved_counter(first.ndef), proved_counter(second.ndef)] == [1, 2]


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (genuine(), Card(DESFIRE_UID, b"", DesfireProof(DESFIRE_UID, APPLICATION, 0))),
        (genuine().clone(), Card(DESFIRE_UID, b"", DesfireFailed(APPLICATION))),
        (BankCard(UID), Recognised(RecognisedKind.BANK)),
        (IdentityCard(UID, hidden=True), Recognised(RecognisedKind.EID)),
        (Phone(TEXT, pays=True), Code("nfc", TEXT)),
        (Phone(pays=True), Recognised(RecognisedKind.BANK)),
    ],
    ids=["desfire", "its copy", "bank card", "identity card", "phone with a pass", "phone without"],
)
def test_every_kind_of_card_is_what_it_is_at_a_pn532(
    chip: Port100, driver: DriverProcess, card: SimulatedCard, told: Card | Code | Recognised
) -> None:
    chip.place(card)
    assert driver.expect_reading(type(told)) == told


SEVERAL = {
    "two storage cards": (Type2Tag(WEAK_UID), Type2Tag(UID)),
    "short and long": (BankCard(SHORT_UID), Type2Tag(UID)),
}


@pytest.mark.parametrize("cards", SEVERAL.values(), ids=SEVERAL)
def test_two_cards_together_are_told_once_and_none_is_read(
    chip: Port100, driver: DriverProcess, cards: tuple[SimulatedCard, SimulatedCard]
) -> None:
    first, second = cards
    chip.place(first, beside=second)
    assert driver.expect_reading(Several) == Several()
    chip.wait_looks(6)
    chip.place(second)
    chip.wait_looks(6)
    driver.nothing(Reading, 0.05)


def test_a_second_card_that_the_first_drowns_is_found_by_calling_once_more(
    chip: Port100, driver: DriverProcess
) -> None:
    """No collision is heard: the first is sent to sleep, and the other one still answers."""
    chip.drown(True)
    chip.place(Type2Tag(WEAK_UID), beside=BankCard(UID))
    assert driver.expect_reading(Several) == Several()
    chip.wait_looks(6)
    chip.drown(False)
    driver.nothing(Reading, 0.05)


@pytest.mark.parametrize("found_first", ["first", "second"])
def test_a_second_card_that_comes_to_the_first_is_not_read(
    chip: Port100, driver: DriverProcess, found_first: str
) -> None:
    ordered = in_order([Type2Tag(WEAK_UID), Type2Tag(UID)])
    first, second = ordered if found_first == "first" else reversed(ordered)
    chip.place(first)
    assert driver.expect_reading(Card).uid == first.uid
    chip.beside(second)
    assert driver.expect_reading(Several) == Several()
    chip.place(second)
    chip.wait_looks(6)
    driver.nothing(Reading, 0.05)


@pytest.mark.parametrize(
    ("make", "exchanges"), [(_genuine, 0), (_genuine, 3), (_genuine, 7), (genuine, 1), (genuine, 3)]
)
def test_pulled_in_mid_read_is_not_reported(
    chip: Port100, driver: DriverProcess, make: Callable[[], SimulatedCard], exchanges: int
) -> None:
    """Neither as weak nor as a copy. Presented again, it is read whole."""
    card = make()
    chip.pull_after = exchanges
    chip.place(card)
    chip.wait_gone()
    chip.wait_looks(5)
    driver.nothing(Reading, 0.05)
    chip.place(card)
    again = driver.expect_reading(Card)
    assert again.uid == card.uid
    assert again.proof or proved_counter(again.ndef)


def test_silence_is_lost_and_the_reader_comes_back(other: Port100) -> None:
    with spawn(other) as driver:
        driver.expect_state(DeviceState.READY)
        other.silent = True
        assert lost(driver).code == "no_answer"
        other.silent = False
        driver.expect_state(DeviceState.READY)
        other.place(Type2Tag(WEAK_UID))
        assert driver.expect_reading(Card).uid == WEAK_UID


def test_garbage_is_lost_and_the_reader_comes_back(other: Port100) -> None:
    with spawn(other) as driver:
        driver.expect_state(DeviceState.READY)
        other.garbage = True
        assert lost(driver).code in {"garbled", "no_answer"}
        other.garbage = False
        driver.expect_state(DeviceState.READY)


def test_one_disturbed_answer_is_survived_without_a_word(chip: Port100, driver: DriverProcess) -> None:
    chip.instead = [b"\xaa\x55" * 20]
    chip.wait_looks(5)
    driver.nothing(State, 0.05)


class Upsetting(Ntag424):
    """A genuine card whose reader says nonsense once, after so many exchanges with it."""

    def __init__(self, chip: Port100, exchanges: int, nonsense: bytes) -> None:
        super().__init__(UID, META_KEY, diversify(MASTER_KEY, UID))
        self._chip, self._left, self._nonsense = chip, exchanges, nonsense

    def exchange(self, frame: bytes) -> bytes | None:
        self._left -= 1
        if self._left == 0:
            self._chip.instead = [self._nonsense]
        return super().exchange(frame)


NONSENSE = [b"\x00\x00\xff\xff\xff", b"\x01", port100.frame(b"\xd7\x05" + bytes(5))]


@pytest.mark.parametrize(("exchanges", "nonsense"), [(1, NONSENSE[0]), (4, NONSENSE[1]), (8, NONSENSE[2])])
def test_a_genuine_card_whose_reader_falters_never_looks_weak(
    chip: Port100, driver: DriverProcess, exchanges: int, nonsense: bytes
) -> None:
    """nfcpy takes a damaged answer for success without data: the card would seem to have no message."""
    card = Upsetting(chip, exchanges, nonsense)
    chip.place(card)
    assert proved_counter(driver.expect_reading(Card).ndef) == card.counter
    assert chip.instead == []


def test_pulled_out_of_the_socket_in_mid_read_and_plugged_in_again(other: Port100) -> None:
    card = _genuine()
    other.rf_delay = 0.02
    with spawn(other) as driver:
        driver.expect_state(DeviceState.READY)
        other.place(card)
        other.wait_looks(3)
        other.stop()
        problem = lost(driver)
        assert (problem.code, "Plug it in again" in problem.advice) == ("unplugged", True)
        other.rf_delay = 0.0
        other.start()
        driver.expect_state(DeviceState.READY)
        assert proved_counter(driver.expect_reading(Card).ndef) == card.counter


def test_a_missing_reader_is_named_with_advice(tmp_path: Path) -> None:
    with DriverProcess("drivers.nfc", {"port": f"usb:{tmp_path}/usb"}) as driver:
        problem = lost(driver)
    assert (problem.code, "lsusb" in problem.advice) == ("no_port", True)


def test_no_reader_on_the_bus_is_named_by_libusb_itself() -> None:
    """The real libusb, asked for a reader that no machine has."""
    with DriverProcess("drivers.nfc", {"port": "usb:054c:06c3:none-such"}) as driver:
        assert lost(driver).code == "no_port"


def test_a_device_that_is_no_reader_of_ours_is_refused(tmp_path: Path) -> None:
    chip = Port100(tmp_path / "usb")
    chip.identity.product = 0x0001
    chip.start()
    try:
        with spawn(chip) as driver:
            assert lost(driver).code == "no_port"
    finally:
        chip.stop()


def test_no_card_id_leaves_but_in_a_reading(other: Port100, capfd: pytest.CaptureFixture[str]) -> None:
    pulled = Ntag424(WEAK_UID, META_KEY, MASTER_KEY)
    with spawn(other) as driver:
        driver.expect_state(DeviceState.READY)
        other.place(_genuine())
        reading = driver.expect(Reading)
        other.pull_after = 3
        other.place(pulled)
        other.wait_gone()
        other.wait_looks(3)
        other.garbage = True
        lost(driver)
        driver.stop()
        others = repr([message for message in driver.heard if message != reading])
    logged = capfd.readouterr().err.splitlines()
    assert logged == ["torn read: a card left before it was read whole (1 since the start)"]
    for uid in (UID, WEAK_UID):
        assert uid.hex() not in others.lower()
        assert repr(uid) not in others

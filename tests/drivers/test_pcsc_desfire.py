"""The pcsc driver as a process: DESFire cards at a reader of a real pcscd prove themselves, or do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from drivers.contract.core import DeviceState, Reading, Reopen
from drivers.contract.counter import Debit, Debited, DebitEnd
from drivers.contract.desfire import Counter, DesfireFailed, DesfireProof
from drivers.contract.reader import Card
from drivers.simulators.cards import Card as SimulatedCard
from drivers.simulators.desfire import Replaying, Saying, Without
from drivers.simulators.vpcd import Slot
from tests.drivers.desfire_cards import (
    APPLICATION,
    ONE_KEY,
    QUOTA,
    UID,
    VALUE_FILE,
    genuine,
    options,
    with_counter,
    with_the_one_key,
)
from tests.drivers.test_pcsc import spawn
from tests.support.driver_process import DriverProcess
from tests.support.pcscd import Pcscd, pcscd

PROOF, FAILED = DesfireProof(UID, APPLICATION, 0), DesfireFailed(APPLICATION)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Pcscd]:
    """One for all tests of this file: two readers, of which each test leaves both empty."""
    with pcscd() as running:
        yield running


@pytest.fixture
def slot(daemon: Pcscd) -> Iterator[Slot]:
    slot = daemon.slots[0]
    slot.commands.clear()
    yield slot
    slot.remove()
    slot.gone_after = None


@pytest.fixture(scope="module")
def driver(daemon: Pcscd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverProcess]:
    with spawn(daemon, desfire=options(tmp_path_factory.mktemp("keys"))) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


def told(driver: DriverProcess, slot: Slot, card: SimulatedCard) -> Card:
    slot.place(card)
    read = driver.expect_reading(Card)
    slot.remove()
    return read


def test_a_genuine_card_is_reported_with_its_proof(driver: DriverProcess, slot: Slot) -> None:
    """Its UID, the application, the challenge, the answer; nothing else of it is asked for. Who has listened to that
    conversation and says its half again is a copy."""
    card = genuine()
    assert told(driver, slot, card) == Card(UID, b"", PROOF)
    assert [command[:2].hex() for command in slot.commands] == ["ffca", "905a", "90aa", "90af"]
    assert told(driver, slot, Replaying(card)) == Card(UID, b"", FAILED)


@pytest.mark.parametrize(
    "copy",
    [genuine().clone(), Saying(UID, [b"\x91\x00", bytes(16) + b"\x91\xaf", b"\x91\x00" * 100])],
    ids=["without the key", "garbage"],
)
def test_a_copy_is_reported_as_one(driver: DriverProcess, slot: Slot, copy: SimulatedCard) -> None:
    assert told(driver, slot, copy) == Card(UID, b"", FAILED)


def test_a_card_without_the_application_is_read_as_ever(driver: DriverProcess, slot: Slot) -> None:
    assert told(driver, slot, Without(UID)) == Card(UID)


def test_pulled_amid_the_proof_is_not_reported(driver: DriverProcess, slot: Slot) -> None:
    """Neither as weak nor as a copy. Presented again, it is genuine. (Each step: test_nfc_desfire.py.)"""
    card = genuine()
    slot.pull_after = 3
    slot.place(card)
    slot.wait_gone()
    driver.nothing(Reading, 0.5)
    assert told(driver, slot, card).proof == PROOF


def test_a_reader_that_is_opened_again_has_its_keys_again(driver: DriverProcess, slot: Slot) -> None:
    """The recovery ladder's first rung. Another card: the last one may have lain there all the time."""
    assert driver.ask(Reopen()).problem is None
    driver.expect_state(DeviceState.READY)
    other = bytes.fromhex("04A1B2C3D4E5F8")
    assert told(driver, slot, genuine(other)).proof == DesfireProof(other, APPLICATION, 0)


def test_behind_a_random_uid_is_the_cards_own(daemon: Pcscd, tmp_path: Path) -> None:
    slot = daemon.slots[1]
    with spawn(daemon, reader="00 01", desfire=options(tmp_path, key=ONE_KEY, diversified=False)) as driver:
        driver.expect_state(DeviceState.READY)
        card = told(driver, slot, with_the_one_key(random_uid=True))
    assert (len(card.uid), card.proof) == (4, PROOF)


def test_keys_that_are_not_there_are_told_with_advice(daemon: Pcscd, tmp_path: Path) -> None:
    told = options(tmp_path)
    Path(str(told["key_file"])).unlink()
    with spawn(daemon, desfire=told) as driver:
        problem = driver.expect_state(DeviceState.LOST).problem
    assert problem is not None
    assert (problem.code, "No such file" in problem.cause, "0600" in problem.advice) == ("key_file", True, True)


def test_a_reader_that_answers_for_a_card_that_has_left_is_not_believed(driver: DriverProcess, slot: Slot) -> None:
    """After the challenge, where it would look like a copy. (Slow cards: test_nfc_desfire.py.)"""
    slot.gone_after = 3
    slot.place(genuine())
    driver.nothing(Reading, 1.0)
    assert len(slot.commands) > 3


def test_a_counter_is_told_with_the_proof_and_debited_by_a_call(daemon: Pcscd, tmp_path: Path) -> None:
    """Pulled before the card has confirmed it, it is in doubt, and the same call again makes it happen once. (Each
    step: test_nfc_desfire.py.)"""
    slot = daemon.slots[1]
    with spawn(daemon, reader="00 01", desfire=options(tmp_path, counter=True)) as driver:
        driver.expect_state(DeviceState.READY)

        def debited(name: bytes, units: int = 1) -> Debited:
            return msgspec.json.decode(driver.ask(Debit(UID, QUOTA, units, name)).body or b"", type=Debited)

        assert debited(b"name-000") == Debited(DebitEnd.NOTHING), "nobody is there"
        card = with_counter(20)
        slot.place(card)
        told = driver.expect_reading(Card).proof
        assert told == DesfireProof(UID, APPLICATION, 0, Counter(QUOTA, 20, bytes(32)))
        assert debited(b"name-100") == Debited(DebitEnd.DONE, 19)
        assert debited(b"name-101", 20) == Debited(DebitEnd.TOO_LITTLE, 19)
        slot.remove()
        driver.nothing(Reading, 0.5)
        slot.place(card)
        driver.expect_reading(Card)
        slot.pull_after = 14  # counted from the first of the tap: the commit
        assert debited(b"name-102").end is DebitEnd.IN_DOUBT
        driver.nothing(Reading, 0.5)
        slot.place(card)
        driver.expect_reading(Card)
        assert debited(b"name-102") == Debited(DebitEnd.DONE, 18)
        slot.remove()
    assert card.values == {VALUE_FILE: 18}

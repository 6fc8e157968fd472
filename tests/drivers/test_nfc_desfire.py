"""The nfc driver as a process: DESFire cards at a PN532 prove themselves, or do not."""

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
from drivers.simulators.cards import Ntag424, Type2Tag, uri_message
from drivers.simulators.desfire import Desfire, Replaying, Saying, Without
from drivers.simulators.pn532 import Pn532, plugged
from tests.drivers.desfire_cards import (
    APPLICATION,
    NAMES_FILE,
    ONE_KEY,
    QUOTA,
    UID,
    VALUE_FILE,
    genuine,
    options,
    with_counter,
    with_the_one_key,
)
from tests.support.driver_process import DriverProcess

PROOF, FAILED = DesfireProof(UID, APPLICATION, 0), DesfireFailed(APPLICATION)
EXCHANGES = 4
"""Blocks to a genuine card: RATS, and a command each for application, challenge and answer."""
DEBIT_EXCHANGES = 10
"""Of a debit: RATS, the proof's three, and a command each to read value and names, debit, write, commit; one more."""


@pytest.fixture(scope="module")
def powered() -> Iterator[Pn532]:
    with plugged() as chip:
        yield chip


@pytest.fixture(scope="module")
def opened(powered: Pn532, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverProcess]:
    with spawn(powered, options(tmp_path_factory.mktemp("keys"))) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


@pytest.fixture
def driver(opened: DriverProcess, powered: Pn532) -> Iterator[DriverProcess]:
    """One for all tests but those with options of their own; the field is seen empty between them."""
    yield opened
    powered.remove()
    powered.wait_looks(4)


@pytest.fixture
def chip(powered: Pn532) -> Pn532:
    return powered


@pytest.fixture
def other() -> Iterator[Pn532]:
    """A chip that no driver has yet."""
    with plugged() as chip:
        yield chip


def spawn(chip: Pn532, desfire: dict[str, object]) -> DriverProcess:
    return DriverProcess("drivers.nfc", {"port": chip.path, "poll_ms": 20, "desfire": desfire})


def read(chip: Pn532, driver: DriverProcess, card: SimulatedCard) -> Card:
    chip.place(card)
    return driver.expect_reading(Card)


def test_a_genuine_card_is_reported_once_with_its_proof(chip: Pn532, driver: DriverProcess) -> None:
    assert read(chip, driver, genuine()) == Card(UID, b"", PROOF)
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)
    chip.remove()
    assert chip.present(genuine(), 10.0) == 1  # held until it has proved itself, as people do
    assert driver.expect_reading(Card).proof == PROOF


def test_behind_a_random_uid_is_the_cards_own(tmp_path: Path, other: Pn532) -> None:
    """Each look into the field gives it another one; it is one card all the same, and reported once."""
    with spawn(other, options(tmp_path, key=ONE_KEY, diversified=False)) as driver:
        driver.expect_state(DeviceState.READY)
        card = read(other, driver, with_the_one_key(random_uid=True))
        assert (len(card.uid), card.proof) == (4, PROOF)
        other.wait_looks(5)
        driver.nothing(Reading, 0.1)


@pytest.mark.parametrize(
    "copy",
    [
        genuine().clone(),
        Saying(UID, [b"\x91\x00", bytes(16) + b"\x91\xaf", bytes(16) + b"\x91\x00"]),
        Saying(UID, [b"\x91\x00", b"", b"\x91", bytes(200)]),
    ],
    ids=["without the key", "accepts everybody", "garbage"],
)
def test_a_copy_is_reported_as_one(chip: Pn532, driver: DriverProcess, copy: Desfire) -> None:
    assert read(chip, driver, copy) == Card(UID, b"", FAILED)


def test_what_was_listened_to_is_worth_nothing(chip: Pn532, driver: DriverProcess) -> None:
    card = genuine()
    assert read(chip, driver, card).proof == PROOF
    chip.remove()
    chip.wait_looks(4)
    chip.place(Replaying(card))
    assert driver.expect_reading(Card).proof == FAILED


@pytest.mark.parametrize(
    "card", [Without(UID), Type2Tag(UID, uri_message("example.org")), Ntag424(UID, bytes(16), bytes(16))]
)
def test_other_cards_are_read_as_ever(chip: Pn532, driver: DriverProcess, card: SimulatedCard) -> None:
    seen = read(chip, driver, card)
    assert (seen.uid, seen.proof, bool(seen.ndef)) == (UID, None, not isinstance(card, Without))


@pytest.mark.parametrize("exchanges", range(EXCHANGES))
def test_pulled_amid_the_proof_is_not_reported(chip: Pn532, driver: DriverProcess, exchanges: int) -> None:
    """Neither as weak nor as a copy. Presented again, it is genuine."""
    card = genuine()
    chip.pull_after = exchanges
    chip.place(card)
    chip.wait_gone()
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)
    assert read(chip, driver, card).proof == PROOF


def test_a_reader_that_is_opened_again_has_its_keys_again(chip: Pn532, driver: DriverProcess) -> None:
    """The recovery ladder's first rung."""
    assert driver.ask(Reopen()).problem is None
    driver.expect_state(DeviceState.READY)
    assert read(chip, driver, genuine()).proof == PROOF


def test_a_card_that_takes_for_ever_is_given_up(chip: Pn532, driver: DriverProcess) -> None:
    slow, quick = genuine(), genuine()
    slow.delay_s = 0.8
    chip.place(slow)
    chip.wait_looks(2)
    driver.nothing(Reading, 0.1)
    chip.remove()
    assert read(chip, driver, quick).proof == PROOF


def test_keys_that_others_may_read_are_told_with_advice_until_that_is_put_right(tmp_path: Path, other: Pn532) -> None:
    told = options(tmp_path, mode=0o644)
    with spawn(other, told) as driver:
        problem = driver.expect_state(DeviceState.LOST).problem
        assert problem is not None
        assert (problem.code, "others may read" in problem.cause, "0600" in problem.advice) == ("key_file", True, True)
        Path(str(told["key_file"])).chmod(0o600)
        driver.expect_state(DeviceState.READY)
        assert read(other, driver, genuine()).proof == PROOF


def test_no_card_id_and_no_key_leaves_but_in_a_reading(
    tmp_path: Path, other: Pn532, capfd: pytest.CaptureFixture[str]
) -> None:
    with spawn(other, options(tmp_path)) as driver:
        driver.expect_state(DeviceState.READY)
        assert read(other, driver, genuine().clone()).proof == FAILED
        driver.stop()
        others = repr([message for message in driver.heard if not isinstance(message, Reading)])
    told = "a card with application 3042F5 did not prove itself: it does not accept the key (1 since the start)"
    assert capfd.readouterr().err.splitlines() == [told]
    assert UID.hex() not in others.lower()


# The holder's own counter ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pn532, DriverProcess]]:
    """A reader that was told of the counter."""
    with plugged() as chip, spawn(chip, options(tmp_path_factory.mktemp("keys"), counter=True)) as driver:
        driver.expect_state(DeviceState.READY)
        yield chip, driver


def debited(driver: DriverProcess, name: bytes, uid: bytes = UID, units: int = 1) -> Debited:
    return msgspec.json.decode(driver.ask(Debit(uid, QUOTA, units, name)).body or b"", type=Debited)


def test_a_counter_is_told_with_the_proof_and_debited_by_a_call(counting: tuple[Pn532, DriverProcess]) -> None:
    chip, driver = counting
    card = with_counter(20)
    assert read(chip, driver, card).proof == DesfireProof(UID, APPLICATION, 0, Counter(QUOTA, 20, bytes(32)))
    assert debited(driver, b"name-001") == Debited(DebitEnd.DONE, 19)
    assert debited(driver, b"name-001") == Debited(DebitEnd.DONE, 19), "the same name is the same debit"
    assert debited(driver, b"name-002", uid=UID[:-1] + b"\0") == Debited(DebitEnd.NOTHING)
    assert debited(driver, b"name-003", units=20) == Debited(DebitEnd.TOO_LITTLE, 19)
    assert card.values == {VALUE_FILE: 19}
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)
    chip.remove()
    chip.wait_looks(4)
    assert debited(driver, b"name-004") == Debited(DebitEnd.NOTHING), "nobody is there"
    assert read(chip, driver, card).proof.counter == Counter(QUOTA, 19, b"name-001" + bytes(24))  # type: ignore[union-attr]
    chip.remove()
    chip.wait_looks(4)


@pytest.mark.parametrize("exchanges", range(1, DEBIT_EXCHANGES + 1))
def test_pulled_amid_a_debit_it_has_happened_or_not_and_the_card_tells(
    counting: tuple[Pn532, DriverProcess], exchanges: int
) -> None:
    chip, driver = counting
    card = with_counter(20)
    assert read(chip, driver, card).proof.counter.value == 20  # type: ignore[union-attr]
    chip.pull_after = exchanges
    end = debited(driver, b"name-%03d" % exchanges).end
    chip.pull_after = None
    happened = card.data[NAMES_FILE][:5] == b"name-"
    assert card.values == {VALUE_FILE: 19 if happened else 20}
    if end is not DebitEnd.IN_DOUBT:
        assert (end is DebitEnd.DONE) == happened
    chip.remove()
    chip.wait_looks(4)
    assert read(chip, driver, card).proof.counter.value == card.values[VALUE_FILE]  # type: ignore[union-attr]
    assert debited(driver, b"name-%03d" % exchanges) == Debited(DebitEnd.DONE, 19), "once, whatever was torn"
    chip.remove()
    chip.wait_looks(4)


def test_of_a_counter_that_it_was_not_told_of_a_reader_does_nothing(chip: Pn532, driver: DriverProcess) -> None:
    assert read(chip, driver, with_counter(20)).proof == PROOF
    problem = driver.ask(Debit(UID, QUOTA, 1, b"name-001")).problem
    assert problem is not None
    assert problem.code == "no_counter"

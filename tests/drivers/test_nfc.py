"""The nfc driver as a process against a PN532 on a pty."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading, State
from drivers.contract.reader import Card, Several
from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Ntag424, Type2Tag, uri_message
from drivers.simulators.field import in_order
from drivers.simulators.pn532 import Pn532, plugged
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID, proved_counter
from tests.support.driver_process import DriverProcess

WEAK_UID = bytes.fromhex("04A1B2C3D4E5F6")


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Pn532]:
    with plugged(tmp_path / "reader") as chip:
        yield chip


@pytest.fixture
def driver(tmp_path: Path, chip: Pn532) -> Iterator[DriverProcess]:
    with _spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


def _spawn(tmp_path: Path) -> DriverProcess:
    return DriverProcess("drivers.nfc", {"port": str(tmp_path / "reader"), "poll_ms": 20})


def _genuine() -> Ntag424:
    return Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID))


def test_says_hello_then_ready_with_firmware_then_alive(tmp_path: Path, chip: Pn532) -> None:
    with _spawn(tmp_path) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind) == ("nfc", Kind.READER)
        assert driver.expect_state(DeviceState.READY).detail == {"model": "PN532", "firmware": "1.6"}
        driver.expect(Alive)
        chip.wait_looks(2)
        assert driver.stop() == 0


def test_a_weak_card_is_reported_once_while_it_lies_there(chip: Pn532, driver: DriverProcess) -> None:
    chip.place(Type2Tag(WEAK_UID))
    assert driver.expect_reading(Card) == Card(WEAK_UID)
    chip.wait_looks(10)
    driver.nothing(Reading, 0.1)


def test_a_weak_cards_ndef_comes_along(chip: Pn532, driver: DriverProcess) -> None:
    message = uri_message("example.org/library/42")
    chip.place(Type2Tag(WEAK_UID, message))
    assert driver.expect_reading(Card) == Card(WEAK_UID, message)


def test_a_second_presentation_is_a_second_reading(chip: Pn532, driver: DriverProcess) -> None:
    card = Type2Tag(WEAK_UID)
    assert [chip.present(card, 5.0), chip.present(card, 5.0)] == [1, 1]
    assert [driver.expect_reading(Card), driver.expect_reading(Card)] == [Card(WEAK_UID)] * 2


def test_a_short_flicker_at_the_fields_edge_is_no_second_presentation(chip: Pn532, driver: DriverProcess) -> None:
    card = Type2Tag(WEAK_UID)
    chip.place(card)
    driver.expect_reading(Card)
    chip.remove()
    chip.wait_looks(1)
    chip.place(card)
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)


def test_another_card_is_reported_at_once(chip: Pn532, driver: DriverProcess) -> None:
    chip.place(Type2Tag(WEAK_UID))
    driver.expect_reading(Card)
    chip.place(Type2Tag(UID))
    assert driver.expect_reading(Card).uid == UID


def test_two_cards_together_are_told_once_and_none_is_read(chip: Pn532, driver: DriverProcess) -> None:
    first, second = _genuine(), Type2Tag(WEAK_UID)
    chip.place(first, beside=second)
    assert driver.expect_reading(Several) == Several()
    chip.wait_looks(10)
    driver.nothing(Reading, 0.05)
    assert first.counter == 0


def test_after_two_cards_the_field_has_to_be_empty_before_one_is_read(chip: Pn532, driver: DriverProcess) -> None:
    chip.place(Type2Tag(WEAK_UID), beside=Type2Tag(UID))
    driver.expect_reading(Several)
    chip.place(Type2Tag(UID))
    chip.wait_looks(10)
    driver.nothing(Reading, 0.05)
    chip.remove()
    chip.wait_looks(4)
    chip.place(Type2Tag(WEAK_UID))
    assert driver.expect_reading(Card) == Card(WEAK_UID)


@pytest.mark.parametrize("found_first", ["first", "second"])
def test_a_second_card_that_comes_to_the_first_is_not_read(
    chip: Pn532, driver: DriverProcess, found_first: str
) -> None:
    """Whichever of them the reader finds first: the second opens nothing, not even when the first goes before it."""
    ordered = in_order([Type2Tag(WEAK_UID), Type2Tag(UID)])
    first, second = ordered if found_first == "first" else reversed(ordered)
    chip.place(first)
    assert driver.expect_reading(Card).uid == first.uid
    chip.beside(second)
    assert driver.expect_reading(Several) == Several()
    chip.place(second)
    chip.wait_looks(10)
    driver.nothing(Reading, 0.05)


def test_a_genuine_card_proves_itself_anew_at_each_tap(chip: Pn532, driver: DriverProcess) -> None:
    card = _genuine()
    assert [chip.present(card, 5.0), chip.present(card, 5.0)] == [1, 1]
    first, second = driver.expect_reading(Card), driver.expect_reading(Card)
    assert first.uid == second.uid == UID
    assert [proved_counter(first.ndef), proved_counter(second.ndef)] == [1, 2]


def test_a_genuine_card_is_read_once_per_presentation(chip: Pn532, driver: DriverProcess) -> None:
    card = _genuine()
    chip.place(card)
    driver.expect_reading(Card)
    chip.wait_looks(10)
    assert card.counter == 1


def test_a_replayed_message_is_reported_as_it_is(chip: Pn532, driver: DriverProcess) -> None:
    """The driver holds no keys: that the counter is old is for the identity step to see."""
    genuine = _genuine()
    chip.present(genuine, 5.0)
    clone = genuine.clone()
    chip.present(clone, 5.0)
    first, replayed = driver.expect_reading(Card), driver.expect_reading(Card)
    assert first == replayed


@pytest.mark.parametrize("exchanges", [0, 1, 2, 4, 7])
def test_a_genuine_card_pulled_in_mid_read_is_not_reported(chip: Pn532, driver: DriverProcess, exchanges: int) -> None:
    """Not even its UID: that would make a genuine card look weak. Presented again, it is read whole."""
    card = _genuine()
    chip.pull_after = exchanges
    chip.place(card)
    chip.wait_gone()
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)
    chip.place(card)
    assert proved_counter(driver.expect_reading(Card).ndef) == card.counter


def test_a_type_2_card_pulled_in_mid_read_is_not_reported(chip: Pn532, driver: DriverProcess) -> None:
    card = Type2Tag(WEAK_UID, uri_message("example.org/" + "x" * 100))
    chip.pull_after = 6
    chip.place(card)
    chip.wait_gone()
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)


def test_silence_is_lost_and_the_reader_comes_back(chip: Pn532, driver: DriverProcess) -> None:
    chip.silent = True
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "no_answer"
    chip.silent = False
    driver.expect_state(DeviceState.READY)
    chip.place(Type2Tag(WEAK_UID))
    assert driver.expect_reading(Card).uid == WEAK_UID


def test_garbage_is_lost_and_the_reader_comes_back(chip: Pn532, driver: DriverProcess) -> None:
    chip.garbage = True
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code in {"garbled", "no_answer"}
    chip.garbage = False
    driver.expect_state(DeviceState.READY)


def test_one_disturbed_answer_is_survived_without_a_word(chip: Pn532, driver: DriverProcess) -> None:
    chip.instead = [b"\xaa\x55" * 20]
    chip.wait_looks(5)
    driver.nothing(State, 0.1)


def test_unplugged_and_plugged_in_again(chip: Pn532, driver: DriverProcess) -> None:
    """The new port has another name behind the same link, as udev gives it."""
    chip.stop()
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "unplugged"
    chip.start()
    driver.expect_state(DeviceState.READY)
    chip.place(_genuine())
    assert proved_counter(driver.expect_reading(Card).ndef) == 1


def test_a_card_that_lay_there_while_the_reader_was_lost_is_not_reported_again(
    chip: Pn532, driver: DriverProcess
) -> None:
    chip.place(Type2Tag(WEAK_UID))
    driver.expect_reading(Card)
    chip.silent = True
    driver.expect_state(DeviceState.LOST)
    chip.silent = False
    driver.expect_state(DeviceState.READY)
    chip.wait_looks(5)
    driver.nothing(Reading, 0.1)


def test_a_missing_port_is_named_with_advice(tmp_path: Path) -> None:
    with _spawn(tmp_path) as driver:
        lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "no_port"
    assert str(tmp_path / "reader") in lost.problem.cause
    assert "/dev/serial/by-id" in lost.problem.advice


def test_a_port_in_use_is_named(tmp_path: Path, driver: DriverProcess) -> None:
    with _spawn(tmp_path) as second:
        lost = second.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "busy"


@pytest.mark.parametrize("rate", [230400, 921600])
def test_a_chip_left_at_another_rate_is_found(tmp_path: Path, chip: Pn532, rate: int) -> None:
    chip.baud = rate
    with _spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        assert chip.baud == 460800


def test_the_successor_of_a_killed_driver_finds_the_reader(tmp_path: Path, chip: Pn532) -> None:
    """The chip stays at the rate that the killed one had set, until it loses power."""
    with _spawn(tmp_path) as killed:
        killed.expect_state(DeviceState.READY)
        os.kill(killed.process.pid, signal.SIGKILL)
    assert chip.baud == 460800
    with _spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)


def test_a_stopped_driver_leaves_the_reader_as_it_was(chip: Pn532, driver: DriverProcess) -> None:
    assert driver.stop() == 0
    chip.wait_baud(115200)


def test_no_card_id_leaves_but_in_a_reading(tmp_path: Path, chip: Pn532, capfd: pytest.CaptureFixture[str]) -> None:
    """nfcpy would log the ids, and its troubles with a pulled card: of it nothing is heard."""
    pulled = Ntag424(WEAK_UID, META_KEY, MASTER_KEY)
    with _spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        chip.place(_genuine())
        reading = driver.expect(Reading)
        chip.pull_after = 3
        chip.place(pulled)
        chip.wait_gone()
        chip.wait_looks(3)
        chip.garbage = True
        driver.expect_state(DeviceState.LOST)
        driver.stop()
        others = repr([message for message in driver.heard if message != reading])
    logged = capfd.readouterr().err.splitlines()
    assert logged == ["torn read: a card left before it was read whole (1 since the start)"]
    for uid in (UID, WEAK_UID):
        assert uid.hex() not in others.lower()
        assert repr(uid) not in others


def test_options_of_another_shape_end_the_driver(tmp_path: Path) -> None:
    with DriverProcess("drivers.nfc", {"port": "tty:USB0:pn532"}) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "bad_options"
        assert driver.process.wait(10) == 9


def test_a_reading_carries_the_moment_of_sight(chip: Pn532, driver: DriverProcess) -> None:
    """Stamped when the card was seen, not when its ten exchanges at 20 ms each were over."""
    chip.rf_delay = 0.02
    chip.place(_genuine())
    seen = driver.expect(Reading)
    assert time.monotonic_ns() - seen.mono_ns > 5 * 20_000_000

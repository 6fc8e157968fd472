"""A counter on the card: whenever a tap is torn, the card knows whether it happened, and says so at its next tap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.counter import Debit, Debited, DebitEnd
from drivers.desfire.authenticate import Opened, open_session
from drivers.desfire.crypto import cmac
from drivers.desfire.debiting import Debiting
from drivers.desfire.outcome import Held
from drivers.desfire.value import Files, Stage, Taking, held, is_named
from drivers.simulators.desfire import Desfire
from tests.drivers.desfire_cards import (
    DIVERSIFIED,
    NAMES_FILE,
    QUOTA,
    UID,
    VALUE_FILE,
    genuine,
    keys,
    with_counter,
)

FILES = Files(VALUE_FILE, NAMES_FILE)
NAME, OTHER = b"one name", b"another1"
CHANGING = {"debit": 0xDC, "write": 0x3D, "commit": 0xC7}


class Gone(Exception):
    """What a reader raises when the card has left."""


def opened(card: Desfire) -> Opened:
    """A fresh tap."""
    card.activate()
    session = open_session(card.apdu, DIVERSIFIED, keys(), UID)
    assert isinstance(session, Opened)
    return session


def at_next_tap(card: Desfire) -> Held | None:
    return held(card.apdu, opened(card).session, FILES)


def debiting(units: int = 1, name: bytes = NAME, uid: bytes = UID) -> Debiting:
    return Debiting(DIVERSIFIED, keys(), FILES, Debit(uid, QUOTA, units, name))


def run(card: Desfire, units: int = 1, name: bytes = NAME) -> Debited:
    card.activate()
    return debiting(units, name).run(card.apdu, UID)


def test_a_counter_is_read_and_debited_and_remembers_the_name() -> None:
    card = with_counter(20)
    assert at_next_tap(card) == Held(20, bytes(32))
    assert run(card) == Debited(DebitEnd.DONE, 19)
    assert at_next_tap(card) == Held(19, NAME + bytes(24))


def test_the_same_debit_asked_again_takes_nothing() -> None:
    card = with_counter(20)
    assert [run(card, 3), run(card, 3)] == [Debited(DebitEnd.DONE, 17)] * 2
    assert card.values == {VALUE_FILE: 17}


def test_the_last_four_names_are_kept_the_newest_first() -> None:
    card = with_counter(20)
    names = [bytes([number]) * 8 for number in range(1, 7)]
    for name in names:
        run(card, name=name)
    assert card.data == {NAMES_FILE: b"".join(reversed(names[2:]))}


@pytest.mark.parametrize("value", [0, 2])
def test_a_card_that_has_too_little_gives_nothing(value: int) -> None:
    card = with_counter(value)
    assert run(card, 3) == Debited(DebitEnd.TOO_LITTLE, value)
    assert (card.values, card.data) == ({VALUE_FILE: value}, {NAMES_FILE: bytes(32)})


def test_a_card_that_says_too_little_only_when_asked_gives_nothing() -> None:
    card = with_counter(2)
    taking = Taking(FILES, 3, NAME, Held(5, bytes(32)))
    assert taking.run(card.apdu, opened(card).session) is Stage.NOTHING
    assert card.values == {VALUE_FILE: 2}


def test_what_is_no_counter_is_none() -> None:
    below, nameless = with_counter(-1), with_counter(5)
    nameless.data.clear()
    for card in (genuine(), below, nameless):
        assert at_next_tap(card) is None
        assert run(card) == Debited(DebitEnd.NOTHING)


def test_another_card_is_not_debited() -> None:
    card = with_counter(20)
    assert debiting(uid=bytes.fromhex("04A1B2C3D4E5F8")).run(card.apdu, UID) == Debited(DebitEnd.NOTHING)
    assert debiting().run(card.clone().apdu, UID) == Debited(DebitEnd.NOTHING)
    assert card.values == {VALUE_FILE: 20}


@settings(max_examples=50)
@given(
    st.sampled_from(list(CHANGING)),
    st.sampled_from(["command lost", "answer lost", "answer garbled"]),
    st.integers(1, 2**31 - 1),
    st.data(),
)
def test_a_torn_debit_has_happened_or_not_and_the_next_tap_tells(
    step: str, how: str, before: int, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(1, before))
    card = with_counter(before)

    def through(command: bytes) -> bytes:
        if command[1] != CHANGING[step]:
            return card.apdu(command)
        if how == "command lost":
            raise Gone
        said = bytearray(card.apdu(command))
        if how == "answer lost":
            raise Gone
        at = data.draw(st.integers(0, len(said) - 1))
        said[at] ^= data.draw(st.integers(1, 255))
        return bytes(said)

    one = debiting(amount)
    try:
        one.run(through, UID)
    except Gone:
        assert how != "answer garbled"
    now = at_next_tap(card)
    assert now is not None
    happened = is_named(now.names, NAME)
    assert now.value == (before - amount if happened else before), "both files, or none"
    if step != "commit":
        assert (one.so_far.end, happened) == (DebitEnd.NOTHING, False)
    elif how == "answer garbled":
        assert one.so_far == Debited(DebitEnd.DONE, before - amount), "the card was still there, and was asked again"
    else:
        assert (one.so_far.end, happened) == (DebitEnd.IN_DOUBT, how == "answer lost")
    assert run(card, amount) == Debited(DebitEnd.DONE, before - amount)
    assert card.values == {VALUE_FILE: before - amount}, "asked again by its name, it is debited once"


@given(
    st.integers(0, 12),
    st.lists(st.binary(max_size=40) | st.binary(min_size=8, max_size=44).map(lambda x: x + b"\x91\0")),
)
def test_nothing_but_the_card_itself_can_say_that_it_was_debited(heard: int, said: list[bytes]) -> None:
    """Somebody between us says what he likes from any moment on: doubt at most."""
    card = with_counter(20)
    asked, answers = 0, iter(said)

    def transmit(command: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return card.apdu(command) if asked <= heard else next(answers, b"\x91\x00")

    end = debiting().run(transmit, UID).end
    assert asked <= 20
    assert (end is DebitEnd.DONE) == (heard >= 8 and is_named(card.data[NAMES_FILE], NAME)) or end is DebitEnd.IN_DOUBT


def test_a_debit_runs_once_and_takes_something() -> None:
    card = with_counter(20)
    taking, session = Taking(FILES, 1, NAME, Held(20, bytes(32))), opened(card).session
    taking.run(card.apdu, session)
    with pytest.raises(ValueError, match="once"):
        taking.run(card.apdu, opened(card).session)
    for amount, name in ((0, NAME), (1, b"short")):
        with pytest.raises(ValueError, match="1 or more"):
            Taking(FILES, amount, name, Held(20, bytes(32)))


def test_a_reader_that_hears_nothing_of_the_second_asking_stays_in_doubt() -> None:
    card, lost = with_counter(20), False

    def transmit(command: bytes) -> bytes:
        nonlocal lost
        said = card.apdu(command)
        lost = lost or command[1] == CHANGING["commit"]
        return b"\x91\x1e" if lost else said

    assert debiting().run(transmit, UID) == Debited(DebitEnd.IN_DOUBT)
    assert card.values == {VALUE_FILE: 19}


def test_an_answers_mac_is_that_of_a_real_card() -> None:
    """A real DESFire EV1 that confirms a changed key (from the source of tests/data/desfire/real-ev1-key-0.txt): the IV
    is the last block that was sent to it, its answer is the status and the first 8 bytes of this."""
    session_key = bytes.fromhex("C2A1E47BD8100044FE6D00A74D7AB17C")
    last_block = bytes.fromhex("30337408C8A87EACAB7A1FF18951FCA3")
    assert cmac(session_key, b"\0", last_block)[:8] == bytes.fromhex("2128D3CD9C9ACFFF")

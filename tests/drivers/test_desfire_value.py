"""A counter on the card: whenever a tap is torn, it is known whether it happened, or known that it is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.desfire.authenticate import Opened, open_session
from drivers.desfire.crypto import cmac
from drivers.desfire.outcome import Transmit
from drivers.desfire.value import Debit, Stage, read_value, settled
from drivers.simulators.desfire import Desfire, card_key
from tests.drivers.desfire_cards import APPLICATION, DIVERSIFIED, MASTER, NUMBER, SYSTEM_ID, UID, keys

FILE = 3
INSTRUCTIONS = {"value": 0x6C, "debit": 0xDC, "commit": 0xC7}


class Gone(Exception):
    """What a reader raises when the card has left."""


def counter(value: int) -> Desfire:
    key = card_key(MASTER, UID, APPLICATION, SYSTEM_ID)
    return Desfire(UID, APPLICATION, {NUMBER: key}, values={FILE: value})


def opened(card: Desfire, transmit: Transmit | None = None) -> Opened:
    """A fresh tap."""
    card.activate()
    session = open_session(transmit or card.apdu, DIVERSIFIED, keys(), UID)
    assert isinstance(session, Opened)
    return session


def value_at_next_tap(card: Desfire) -> int | None:
    return read_value(card.apdu, opened(card).session, FILE)


def test_a_counter_is_read_and_debited() -> None:
    card = counter(20)
    session = opened(card).session
    assert read_value(card.apdu, session, FILE) == 20
    assert Debit(FILE, 1).run(card.apdu, session) is Stage.DONE
    assert read_value(card.apdu, session, FILE) == 19
    assert (card.values, value_at_next_tap(card)) == ({FILE: 19}, 19)


def test_a_card_that_has_too_little_gives_nothing() -> None:
    card = counter(2)
    assert Debit(FILE, 3).run(card.apdu, opened(card).session) is Stage.NOTHING
    assert card.values == {FILE: 2}


def test_a_card_without_the_counter_has_none() -> None:
    card = counter(20)
    assert read_value(card.apdu, opened(card).session, FILE + 1) is None
    assert Debit(FILE + 1, 1).run(card.apdu, opened(card).session) is Stage.NOTHING


@given(
    st.sampled_from(["debit", "commit"]),
    st.sampled_from(["command lost", "answer lost", "answer garbled"]),
    st.integers(1, 2**31 - 1),
    st.data(),
)
def test_a_torn_debit_has_happened_or_not_and_the_next_tap_tells(
    step: str, how: str, before: int, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(1, before))
    card = counter(before)

    def through(command: bytes) -> bytes:
        if command[1] != INSTRUCTIONS[step]:
            return card.apdu(command)
        if how == "command lost":
            raise Gone
        said = bytearray(card.apdu(command))
        if how == "answer lost":
            raise Gone
        at = data.draw(st.integers(0, len(said) - 1))
        said[at] ^= data.draw(st.integers(1, 255))
        return bytes(said)

    debit = Debit(FILE, amount)
    session = opened(card, through).session
    try:
        debit.run(through, session)
    except Gone:
        assert how != "answer garbled"
    now = value_at_next_tap(card)
    assert now in (before, before - amount)
    assert debit.stage is (
        Stage.IN_DOUBT if step == "commit" else Stage.ASKED if how != "answer garbled" else Stage.NOTHING
    )
    if debit.stage is Stage.IN_DOUBT:
        assert settled(before, amount, now) == (now != before)
    else:
        assert now == before


@given(st.lists(st.binary(max_size=20) | st.binary(min_size=8, max_size=12).map(lambda said: said + b"\x91\x00")))
def test_nothing_but_the_card_itself_can_say_that_it_was_debited(said: list[bytes]) -> None:
    card = counter(20)
    session = opened(card).session
    answers = iter(said)

    def transmit(_command: bytes) -> bytes:
        return next(answers, b"\x91\x00")

    assert read_value(transmit, session, FILE) is None
    assert Debit(FILE, 1).run(transmit, session) in (Stage.NOTHING, Stage.IN_DOUBT)


def test_what_is_neither_is_for_a_person() -> None:
    assert [settled(20, 2, now) for now in (18, 20, 17, 25)] == [True, False, None, None]


def test_a_debit_runs_once_and_takes_something() -> None:
    card = counter(20)
    debit = Debit(FILE, 1)
    debit.run(card.apdu, opened(card).session)
    with pytest.raises(ValueError, match="once"):
        debit.run(card.apdu, opened(card).session)
    with pytest.raises(ValueError, match="1 or more"):
        Debit(FILE, 0)


def test_an_answers_mac_is_that_of_a_real_card() -> None:
    """A real DESFire EV1 that confirms a changed key (from the source of tests/data/desfire/real-ev1-key-0.txt): the IV
    is the last block that was sent to it, its answer is the status and the first 8 bytes of this."""
    session_key = bytes.fromhex("C2A1E47BD8100044FE6D00A74D7AB17C")
    last_block = bytes.fromhex("30337408C8A87EACAB7A1FF18951FCA3")
    assert cmac(session_key, b"\0", last_block)[:8] == bytes.fromhex("2128D3CD9C9ACFFF")

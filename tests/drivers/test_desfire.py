"""How a DESFire card is asked for its proof: genuine cards pass, and nothing else ever does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.desfire.authenticate import COMMANDS, Wanted, prove
from drivers.desfire.crypto import crc32, diversified
from drivers.desfire.keys import FileKeys
from drivers.desfire.outcome import Failed, Outcome, Proved, Transmit, Why
from drivers.simulators.desfire import Desfire, Replaying, Saying, Without, card_key
from tests.drivers.desfire_cards import (
    APPLICATION,
    DIVERSIFIED,
    MASTER,
    NUMBER,
    ONE_FOR_ALL,
    ONE_KEY,
    SYSTEM_ID,
    UID,
    genuine,
    keys,
    with_the_one_key,
)

OTHER = bytes.fromhex("04A1B2C3D4E5F8")
blocks = st.binary(min_size=16, max_size=16)
uids = st.binary(min_size=7, max_size=7)
Setup = tuple[Wanted, FileKeys]
setups: st.SearchStrategy[Setup] = st.sampled_from(
    [(DIVERSIFIED, keys()), (DIVERSIFIED, keys(1, 2)), (ONE_FOR_ALL, keys(key=ONE_KEY))]
)


class Gone(Exception):
    """What a reader raises when the card has left."""


def asked(card: Desfire, wanted: Wanted = DIVERSIFIED, held: FileKeys | None = None) -> Outcome:
    card.activate()
    return prove(card.apdu, wanted, held or keys(), card.uid)


# Who passes ---------------------------------------------------------------------------------------------


def test_a_genuine_card_is_proved_with_its_uid_and_key_version() -> None:
    assert asked(genuine()) == Proved(UID, 0)


@settings(max_examples=40)
@given(blocks, uids, st.binary(min_size=3, max_size=3), st.integers(0, 13), st.binary(max_size=18), st.integers(0, 255))
def test_any_city_can_prove_its_cards(
    master: bytes, uid: bytes, application: bytes, number: int, system_id: bytes, version: int
) -> None:
    card = Desfire(uid, application, {number: card_key(master, uid, application, system_id)}, key_version=version)
    held = keys(version, key=master)
    assert asked(card, Wanted(application, number, True, system_id), held) == Proved(uid, version)


def test_one_key_in_all_cards_proves_the_uid_that_the_card_itself_tells() -> None:
    assert asked(with_the_one_key(), ONE_FOR_ALL, keys(key=ONE_KEY)) == Proved(UID, 0)


def test_behind_a_random_uid_is_the_cards_own() -> None:
    card = with_the_one_key(random_uid=True)
    proved = asked(card, ONE_FOR_ALL, keys(key=ONE_KEY))
    assert (len(card.uid), card.uid[:1], proved) == (4, b"\x08", Proved(UID, 0))


def test_while_keys_are_changed_the_card_says_which_it_has() -> None:
    old, new = bytes(16), MASTER
    held = FileKeys({1: old, 2: new}, lambda size: bytes(size))
    for version, master in ((1, old), (2, new)):
        card = Desfire(UID, APPLICATION, {NUMBER: card_key(master, UID, APPLICATION, SYSTEM_ID)}, key_version=version)
        assert asked(card, held=held) == Proved(UID, version)
    assert asked(genuine(version=3), held=held) == Failed(Why.KEY_VERSION)


# Who does not -------------------------------------------------------------------------------------------


def test_a_card_of_somebody_else_is_none_of_ours() -> None:
    assert asked(Without(UID)) is None


def test_a_clone_with_the_right_uid_and_application_does_not_know_the_key() -> None:
    assert asked(genuine().clone()) == Failed(Why.REFUSED)


def test_a_copy_that_accepts_everybody_still_has_to_answer() -> None:
    """It takes our half for good, as one without the key must, and makes up the other."""
    assert asked(Saying(UID, [b"\x91\x00", bytes(16) + b"\x91\xaf", bytes(16) + b"\x91\x00"])) == Failed(
        Why.WRONG_ANSWER
    )


@pytest.mark.parametrize(("wanted", "held"), [(DIVERSIFIED, keys()), (ONE_FOR_ALL, keys(key=ONE_KEY))])
def test_what_was_listened_to_is_worth_nothing(wanted: Wanted, held: FileKeys) -> None:
    card = genuine() if wanted.diversified else with_the_one_key()
    assert asked(card, wanted, held) == Proved(UID, 0)
    assert asked(Replaying(card), wanted, held) == Failed(Why.WRONG_ANSWER)


def test_a_genuine_card_behind_somebody_elses_uid_is_seen() -> None:
    """An emulator shows one UID and lets the thief's own genuine card answer the rest."""
    thiefs = genuine(OTHER)
    assert prove(thiefs.apdu, DIVERSIFIED, keys(), UID) == Failed(Why.REFUSED)
    thiefs = with_the_one_key(OTHER)
    assert prove(thiefs.apdu, ONE_FOR_ALL, keys(key=ONE_KEY), UID) == Failed(Why.OTHER_UID)


def test_a_key_without_the_application_number_is_refused() -> None:
    assert asked(genuine(), Wanted(APPLICATION, NUMBER + 1, True, SYSTEM_ID)) == Failed(Why.REFUSED)


# Whatever a card does -----------------------------------------------------------------------------------

answers = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"\x91", b"\x91\x00", b"\x91\xaf", b"\x90\x00", b"\x91\xae", b"\x6d\x00", b"\x07\x91\x00"]),
    blocks.map(lambda block: block + b"\x91\xaf"),
    blocks.map(lambda block: block + b"\x91\x00"),
)


@given(st.lists(answers, max_size=8), setups)
def test_no_answers_end_otherwise_than_in_a_refusal(said: list[bytes], setup: Setup) -> None:
    wanted, held = setup
    commands: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        commands.append(command)
        return said[len(commands) - 1] if len(commands) <= len(said) else b"\x91\x00"

    assert not isinstance(prove(transmit, wanted, held, UID), Proved)
    assert len(commands) <= COMMANDS
    assert {command[:2] for command in commands} <= {bytes([0x90, ins]) for ins in (0x5A, 0x64, 0xAA, 0xAF, 0x51)}


@given(st.data(), setups)
def test_who_has_listened_and_picks_its_answers_never_passes(data: st.DataObject, setup: Setup) -> None:
    """A card without the key that knows two whole conversations and all it is told in this one, and cuts and glues."""
    wanted, held = setup
    card = genuine(version=1) if wanted.diversified else with_the_one_key()
    pool: list[bytes] = []
    for _ in range(2):
        assert isinstance(asked(card, wanted, held), Proved)
        pool += [part for pair in card.log for part in pair]
    kept = [piece for piece in _pieces(pool) if len(piece) == 16]

    def transmit(command: bytes) -> bytes:
        kept.extend(piece for piece in _pieces([command]) if len(piece) == 16)
        match command[1]:
            case 0x5A:
                return b"\x91\x00"
            case 0x64:
                return b"\x01\x91\x00"
            case 0xAA:
                return data.draw(st.sampled_from(kept)) + b"\x91\xaf"
            case _:
                return data.draw(st.sampled_from(kept)) + b"\x91\x00"

    assert isinstance(prove(transmit, wanted, held, UID), Failed)


def _pieces(frames: list[bytes]) -> list[bytes]:
    """Every 16 bytes that stand together in what was said, at the borders of its parts."""
    return [frame[at : at + 16] for frame in frames for at in (0, 5, 21)]


@given(st.integers(0, 4), st.integers(0, 17), st.integers(0, 7), setups)
def test_a_bit_that_falls_over_on_the_way_is_never_overlooked(answer: int, byte: int, bit: int, setup: Setup) -> None:
    wanted, held = setup
    card = genuine(version=1) if wanted.diversified else with_the_one_key()
    count = -1

    def transmit(command: bytes) -> bytes:
        nonlocal count
        count += 1
        said = bytearray(card.apdu(command))
        if count == answer and byte < len(said):
            said[byte] ^= 1 << bit
        return bytes(said)

    outcome = prove(transmit, wanted, held, UID)
    assert isinstance(outcome, Proved) == (answer > count or byte >= len(card.log[answer][1]))


@given(st.integers(0, 15), st.integers(0, 7))
def test_behind_a_random_uid_a_fallen_bit_is_no_other_cards_uid(byte: int, bit: int) -> None:
    """There the UID shown says nothing: only the checksum under the session's key does."""
    card = with_the_one_key(random_uid=True)

    def transmit(command: bytes) -> bytes:
        said = bytearray(card.apdu(command))
        if command[1] == 0x51:
            said[byte] ^= 1 << bit
        return bytes(said)

    assert prove(transmit, ONE_FOR_ALL, keys(key=ONE_KEY), card.uid) == Failed(Why.OTHER_UID)


@given(st.integers(0, 4), setups)
def test_a_card_that_leaves_is_what_its_reader_says(leaves_at: int, setup: Setup) -> None:
    wanted, held = setup
    card = genuine(version=1) if wanted.diversified else with_the_one_key()

    def leaving(transmit: Transmit) -> Transmit:
        left = iter(range(leaves_at))

        def through(command: bytes) -> bytes:
            if next(left, None) is None:
                raise Gone
            return transmit(command)

        return through

    try:
        assert isinstance(prove(leaving(card.apdu), wanted, held, UID), Proved)
    except Gone:
        assert len(card.log) == leaves_at


def test_nothing_that_is_shown_of_it_holds_a_key_or_a_uid() -> None:
    shown = repr([keys(), asked(genuine()), asked(genuine().clone())]).lower()
    for secret in (MASTER, UID, card_key(MASTER, UID, APPLICATION, SYSTEM_ID)):
        assert secret.hex() not in shown
        assert repr(secret) not in shown


# Cryptography -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("master", "by", "key"),
    [
        # AN10922, 2.2.1, and the example of a short input in AN10957.
        ("00112233445566778899AABBCCDDEEFF", "04782E21801D803042F54E585020416275", "A8DD63A3B89D54B37CA802473FDA9175"),
        ("F3F9377698707B688EAF84ABE39E3791", "04DEADBEEFFEED", "0BB408BAFF98B6EE9F2E1585777F6A51"),
    ],
)
def test_a_cards_own_key_is_the_published_one(master: str, by: str, key: str) -> None:
    assert diversified(bytes.fromhex(master), bytes.fromhex(by)).hex().upper() == key


@given(blocks, st.binary(min_size=1, max_size=31))
def test_keys_are_made_alike_at_both_ends(master: bytes, by: bytes) -> None:
    from drivers.simulators.card_crypto import an10922

    assert diversified(master, by) == an10922(master, b"\x01" + by)


@pytest.mark.parametrize("size", [0, 32])
def test_a_key_is_not_made_of_more_than_there_is_room_for(size: int) -> None:
    with pytest.raises(ValueError, match="1 to 31 bytes"):
        diversified(MASTER, bytes(size))


def test_the_checksum_is_crc_32_that_is_not_inverted() -> None:
    """Check value of CRC-32/JAMCRC: 340BC6D9."""
    assert crc32(b"123456789") == bytes.fromhex("D9C60B34")

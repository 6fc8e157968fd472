"""What is asked of cards through a PC/SC reader, against simulated cards and against anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cards.apdu import Transmit
from drivers.pcsc.cards import GET_UID, MAX_NDEF, SELECT_NDEF, ndef_of, shown_by, storage_name, uid_of
from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Card, Ntag424, Type2Tag, uri_message
from drivers.simulators.vpcd import answer, atr_of
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID, proved_counter

WEAK_UID = bytes.fromhex("04A1B2C3D4E5F6")


def through(card: Card) -> Transmit:
    return lambda command: answer(card, command)


@pytest.mark.parametrize("rest", ["a", "example.org/library/42", "x" * 135])
def test_a_type_2_tag_is_read_whole(rest: str) -> None:
    card = Type2Tag(WEAK_UID, uri_message(rest))
    assert uid_of(through(card)) == WEAK_UID
    assert ndef_of(through(card), atr_of(card)) == uri_message(rest)


def test_an_empty_type_2_tag_has_no_ndef() -> None:
    card = Type2Tag(WEAK_UID)
    assert ndef_of(through(card), atr_of(card)) == b""


def test_a_genuine_card_is_read_once() -> None:
    card = Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID))
    assert proved_counter(ndef_of(through(card), atr_of(card))) == card.counter == 1


@pytest.mark.parametrize(
    ("atr", "name"),
    [
        ("3B8F8001804F0CA000000306030001000000006A", 0x0001),  # MIFARE Classic 1K, by an ACR122U
        ("3B8F8001804F0CA0000003060300030000000068", 0x0003),  # Ultralight and NTAG21x
        ("3B8F8001804F0CA00000030611003B0000000042", 0),  # FeliCa
        ("3B8180018080", None),  # DESFire
        ("", None),
        ("3B8F8001804F0CA0000003060300", None),
    ],
)
def test_a_storage_card_says_what_it_is(atr: str, name: int | None) -> None:
    assert storage_name(bytes.fromhex(atr)) == name


def test_of_a_classic_card_no_block_is_asked_for() -> None:
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return b"\x90\x00"

    assert ndef_of(transmit, bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")) == b""
    assert asked == []


@pytest.mark.parametrize(
    "response", ["6A81", "6300", "9000", "04A1B29000", "0102030405060708" + "9000", "04A1B2C3D4E5F6"]
)
def test_what_is_no_uid_of_type_a_is_none(response: str) -> None:
    assert uid_of(lambda _command: bytes.fromhex(response)) is None


def type_2(memory: bytes) -> Transmit:
    """A reader that holds this from page 3 on, and zeros after it."""

    def transmit(command: bytes) -> bytes:
        assert command[:2] == b"\xff\xb0"
        at = (int.from_bytes(command[2:4], "big") - 3) * 4
        return memory[at : at + 16].ljust(16, b"\0") + b"\x90\x00"

    return transmit


ULTRALIGHT = bytes.fromhex("3B8F8001804F0CA0000003060300030000000068")


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ("E1101200 0103A00C34 0302D0D1 FE", "D0D1"),  # behind a lock control TLV
        ("E1101200 00 00 00 0301AA FE", "AA"),  # behind null TLVs
        ("E1101200 FE 0301AA", ""),  # behind the terminator
        ("E1100000 0301AA", ""),  # a container without room
        ("E1101200 03FF0003 AABBCC", "AABBCC"),  # a length of three bytes
        ("E1101200 03FFFFFF AABBCC", ""),  # more than there is
        ("E2101200 0301AA", ""),  # no container of ours
    ],
)
def test_tlvs_are_walked(memory: str, message: str) -> None:
    assert ndef_of(type_2(bytes.fromhex(memory)), ULTRALIGHT) == bytes.fromhex(message)


def type_4(container: str, file: bytes) -> Transmit:
    """A card with these two files."""
    selected = b""

    def transmit(command: bytes) -> bytes:
        nonlocal selected
        if command[1] == 0xA4:
            selected = bytes.fromhex(container) if command[-2:] == b"\xe1\x03" else file
            return b"\x90\x00"
        at = int.from_bytes(command[2:4], "big")
        return selected[at : at + command[4]] + b"\x90\x00"

    return transmit


CONTAINER = "000F2000{most}00FF0406E10408000000"


@pytest.mark.parametrize(
    ("container", "file", "message"),
    [
        (CONTAINER.format(most="3B"), b"\0\x05hello", b"hello"),
        (CONTAINER.format(most="01"), b"\0\x05hello", b"hello"),  # a card that gives a byte at a time
        (CONTAINER.format(most="00"), b"\0\x05hello", b"hello"),
        (CONTAINER.format(most="3B"), b"\0\0", b""),
        (CONTAINER.format(most="3B"), b"\0\x09hello", b""),  # says more than it has
        (CONTAINER.format(most="3B"), b"\xff\xff" + bytes(3000), b""),
        ("000F20003B00FF0406E1040800FF00", b"\0\x05hello", b""),  # may not be read
        ("000F20003B00FF0506E10408000000", b"\0\x05hello", b""),  # no NDEF file
        ("000F", b"\0\x05hello", b""),
    ],
)
def test_files_are_read_as_their_container_says(container: str, file: bytes, message: bytes) -> None:
    assert ndef_of(type_4(container, file), b"") == message


def test_the_longest_message_is_read_and_a_longer_one_is_not() -> None:
    for size, found in ((MAX_NDEF, MAX_NDEF), (MAX_NDEF + 1, 0)):
        file = size.to_bytes(2, "big") + bytes(size)
        assert len(ndef_of(type_4(CONTAINER.format(most="FF"), file), b"")) == found


answers = st.one_of(
    st.binary(max_size=260).map(lambda data: data + b"\x90\x00"),
    st.binary(max_size=20),
    st.sampled_from([b"", b"\x90", b"\x90\x00", bytes.fromhex("000F20003B00FF0406E10408000000") + b"\x90\x00"]),
)


@given(st.lists(answers, max_size=40), answers, st.one_of(st.just(b""), st.just(ULTRALIGHT), st.binary(max_size=33)))
def test_no_card_does_more_than_be_read_in_bounds(said: list[bytes], then: bytes, atr: bytes) -> None:
    """Whatever it answers: no error, a bounded number of commands, nothing but these kinds of them."""
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return said[len(asked) - 1] if len(asked) <= len(said) else then

    uid = uid_of(transmit)
    shown = shown_by(transmit, atr, uid or UID)
    assert not isinstance(shown, bytes) or len(shown) <= MAX_NDEF
    assert len(asked) <= 2100 + 1024 + 10
    read, select = (b"\xff\xb0", b"\x00\xb0"), b"\x00\xa4"
    assert all(one in (GET_UID, SELECT_NDEF) or one[:2] in (*read, select) for one in asked)

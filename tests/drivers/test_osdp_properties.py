"""The life of an OSDP bus whatever is said on its wire: by readers that are not the library's own, and by whoever gets
at the wire."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.osdp.bus import Bus, Event, Said
from tests.drivers.osdp_by_hand import RAW, HandMadeReader, reply
from tests.drivers.test_osdp_bus import KEY, RECORDINGS, Wire, conversation, turned

pytest.importorskip("osdp")


def card(number: int) -> bytes:
    """osdp_RAW: reader 0, no format, 32 bits."""
    return bytes([RAW, 0, 0, 32, 0]) + number.to_bytes(4, "big")


def cards(said: list[Event]) -> list[int]:
    return [int.from_bytes(event.data, "big") for event in said if event.said is Said.CARD]


# A reader of another's making ------------------------------------------------------------------------------


def test_a_reader_that_was_made_by_hand_has_the_same_secure_channel() -> None:
    """The library speaks with the library everywhere else: a misreading that it shares with itself would not show."""
    reader = HandMadeReader(KEY, card(0x04A1B2C3))
    bus = Bus(Wire(reader), [(0, KEY)], set())
    said = turned(bus, lambda said: bool(cards(said)))
    assert bus.here == {0}
    assert cards(said) == [0x04A1B2C3]
    assert reader.wrong_macs == 0
    assert bus.describe(0) == "maker dec000, model 7.2, firmware 1.2.3"


def test_a_reader_with_another_key_is_not_spoken_to() -> None:
    reader = HandMadeReader(bytes(16), card(1))
    bus = Bus(Wire(reader), [(0, KEY)], set())
    assert cards(turned(bus, lambda _: bus.settled())) == []
    assert bus.here == frozenset()
    assert len(reader.says) == 1


@pytest.mark.parametrize("code", [0x51, 0x57, 0x99], ids=["formatted card", "biometric", "unknown"])
def test_an_answer_that_nobody_asked_for_costs_neither_the_channel_nor_the_next_card(code: int) -> None:
    """The library took it for a broken reader and began anew: whatever came meanwhile was lost."""
    reader = HandMadeReader(KEY, bytes([code, 0, 0, 4]) + b"1234", card(7))
    wire = Wire(reader)
    bus = Bus(wire, [(0, KEY)], {0})
    assert cards(turned(bus, lambda said: bool(cards(said)))) == [7]
    # One handshake: a security block of type 0x11 stands in a challenge alone.
    assert sum(bool(frame[4] & 8) and frame[6] == 0x11 for frame in wire.asked) == 1


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.integers(1, 2**32 - 2), max_size=2),
    st.binary(min_size=1, max_size=40).filter(lambda answer: answer[0] != RAW),
    st.lists(st.integers(1, 2**32 - 2), min_size=1, max_size=2),
)
def test_whatever_a_reader_with_the_key_says_its_cards_come_in_their_order_each_once(
    before: list[int], anything: bytes, after: list[int]
) -> None:
    """Numbers are cards; between them is any answer at all, its MAC right: a reader with a bug. It may lose its channel
    by that, and then gets it back."""
    reader = HandMadeReader(KEY, *map(card, before), anything, *map(card, after))
    bus = Bus(Wire(reader), [(0, KEY)], {0})
    said = turned(bus, lambda said: len(cards(said)) >= len(before) + len(after), 20.0)
    bus.close()
    assert cards(said) == before + after


# Somebody at the wire --------------------------------------------------------------------------------------

ASKED, ANSWERED = conversation(RECORDINGS / "card.osdp")
CARD_AT = len(ANSWERED) - 1
TAMPERINGS = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, CARD_AT), st.integers(0, 8 * 60)),
    st.tuples(st.just("cut"), st.integers(0, CARD_AT), st.integers(0, 60)),
    st.tuples(st.just("replay"), st.integers(0, CARD_AT), st.integers(0, CARD_AT)),
    st.tuples(st.just("twice"), st.integers(0, CARD_AT), st.just(0)),
    st.tuples(st.just("forge"), st.integers(0, CARD_AT), st.integers(0, 2**32)),
)


def tampered(answers: list[bytes], how: str, at: int, by: int) -> list[bytes]:
    """One answer of the reader, changed by somebody at the wire."""
    frame = answers[at]
    match how:
        case "flip":
            where = by % (8 * len(frame))
            changed = bytearray(frame)
            changed[where // 8] ^= 1 << where % 8
            frame = bytes(changed)
        case "cut":
            frame = frame[: by % len(frame)]
        case "replay":
            frame = answers[by]
        case "twice":
            frame += frame
        case "forge":
            # A plain osdp_RAW, its checksum right, in the place of what was said: 26 bits of the forger's own.
            frame = reply(ASKED[at], bytes([0x50, 0, 1, 26, 0]) + by.to_bytes(5, "big")[1:])
    return [*answers[:at], frame, *answers[at + 1 :]]


@settings(max_examples=2, deadline=None)
@given(TAMPERINGS)
@example(("replay", 0, 0))
@example(("forge", CARD_AT, 0x12345678))
@example(("replay", CARD_AT, CARD_AT - 1))
@example(("flip", CARD_AT, 8 * 12))
def test_whoever_changes_what_a_reader_says_brings_no_card_of_his_own(tampering: tuple[str, int, int]) -> None:
    """The state machine of a bus, from the first question to a card, with one answer flipped, cut, replayed, doubled or
    forged at any step: what comes is the recorded card once, or nothing."""
    answers = tampered(ANSWERED, *tampering)
    wire = Wire(lambda frame: answers[at] if (at := len(wire.asked) - 1) < len(ASKED) and frame == ASKED[at] else b"")
    bus = Bus(wire, [(0, KEY)], {0}, lambda _count: b"\0\0\0\7")
    said: list[Event] = []
    # Unchanged, the conversation goes on to its card however busy the machine is.
    end = time.monotonic() + (0.4 if answers != ANSWERED else 20.0)
    while time.monotonic() < end and len(wire.asked) <= len(ASKED):
        said += bus.turn()
        time.sleep(0.002)
    bus.close()
    cards = [(event.bits, event.data.hex()) for event in said if event.said is Said.CARD]
    assert cards in ([], [(26, "864383c0")])
    assert cards or answers != ANSWERED
    if answers[CARD_AT] != ANSWERED[CARD_AT] and tampering[0] != "twice":
        assert cards == []

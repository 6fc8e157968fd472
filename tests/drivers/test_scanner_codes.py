"""What a scanner sends, cut into codes: pure, by example and by anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.scanner.codes import MAX_CODE_BYTES, UNKNOWN, Codes, Found, Repeats, named
from drivers.scanner.keys import LOST, Keyboard
from drivers.simulators.scanner import event, typed
from drivers.us_keys import RECORD

MS = 1_000_000
GAP = 300 * MS
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def whole(found: list[Found]) -> list[bytes | None]:
    return [one.data for one in found]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_an_enter_of_any_kind_ends_a_code(end: bytes) -> None:
    codes = Codes(GAP)
    assert whole(codes.feed(b"475" + end + b"LIB-1" + end, 0)) == [b"475", b"LIB-1"]
    assert not codes.waiting


def test_a_code_in_pieces_is_one() -> None:
    codes = Codes(GAP)
    assert codes.feed(b"475", 0) == []
    assert codes.look(GAP - 1) == []
    assert whole(codes.feed(b"0001\r", GAP - 1)) == [b"4750001"]


def test_what_stops_before_its_enter_is_torn_and_takes_nothing_along() -> None:
    codes = Codes(GAP)
    codes.feed(b"4750", 0)
    assert codes.look(GAP) == [Found(None, "it stopped before its Enter")]
    assert whole(codes.feed(b"LIB-1\r", GAP + 1)) == [b"LIB-1"]


def test_torn_is_found_also_when_only_the_next_code_shows_it() -> None:
    codes = Codes(GAP)
    codes.feed(b"4750", 0)
    assert whole(codes.feed(b"LIB-1\r", 2 * GAP)) == [None, b"LIB-1"]


def test_by_silence_a_pause_ends_a_code() -> None:
    codes = Codes(GAP, by_silence=True)
    assert codes.feed(b"4750001", 0) == []
    assert whole(codes.look(GAP)) == [b"4750001"]


def test_missing_characters_spoil_their_code_alone() -> None:
    codes = Codes(GAP)
    found = codes.feed(b"47" + LOST + b"50\rLIB-1\r", 0)
    assert found == [Found(None, "characters are missing"), Found(b"LIB-1")]


@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_what_is_held_is_bounded_and_so_is_what_is_told(pieces: list[bytes]) -> None:
    codes = Codes(GAP)
    for at, piece in enumerate(pieces):
        for found in codes.feed(piece, at):
            assert found.data is None or 0 < len(found.data) <= MAX_CODE_BYTES
            assert found.data is None or not {*found.data} & {0, 10, 13}
    assert len(codes._held) <= MAX_CODE_BYTES


@given(st.lists(PRINTABLE.filter(bool), max_size=5), st.randoms(use_true_random=False))
def test_however_it_is_cut_the_same_codes_come_out(texts: list[str], chance: object) -> None:
    stream = b"".join(text.encode() + b"\r" for text in texts)
    codes = Codes(GAP)
    found: list[bytes | None] = []
    while stream:
        size = chance.randint(1, len(stream))  # type: ignore[attr-defined]
        found += whole(codes.feed(stream[:size], 0))
        stream = stream[size:]
    assert found == [text.encode() for text in texts]


SENT = st.lists(
    st.tuples(PRINTABLE.filter(bool).map(str.strip).filter(bool), st.sampled_from(["enter", "pause"])), max_size=6
)
"""Codes as somebody scans them, each with what comes after it."""


@given(SENT, st.booleans(), st.booleans(), st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 20))
def test_a_scanner_s_life_is_codes_that_are_whole_or_torn_whatever_the_pace(
    sent: list[tuple[str, str]], typed_by_keys: bool, by_silence: bool, sizes: list[int], gaps_ms: int
) -> None:
    """The state machine of a line, from the port's bytes or a keyboard's events on, in pieces of any size with waits
    that are shorter than `gap_ms` within a code: Enter ends a code, a pause ends or tears one, and no code takes
    anything of another's along."""
    codes, keyboard = Codes(GAP, by_silence=by_silence), Keyboard()
    found: list[bytes | None] = []
    wanted: list[bytes | None] = []
    now, pieces = 0, 0
    for text, after in sent:
        characters = text + ("\r" if after == "enter" else "")
        stream = typed(characters) if typed_by_keys else characters.encode()
        while stream:
            size = sizes[pieces % len(sizes)]
            pieces += 1
            piece, stream = stream[:size], stream[size:]
            heard = keyboard.feed(piece) if typed_by_keys else piece
            now += min(gaps_ms * MS, GAP // 50)
            # As the driver does it: what has begun is looked at when nothing came of it.
            found += whole(codes.feed(heard, now) if heard else [])
        if after == "pause":
            now += GAP
            found += whole(codes.look(now))
            wanted.append(text.encode() if by_silence else None)
        else:
            wanted.append(text.encode())
    assert found == wanted
    assert not codes.waiting


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 2500)), min_size=1, max_size=30))
def test_a_sight_is_reported_once_for_as_long_as_it_lasts(seen: list[tuple[bytes, int]]) -> None:
    """Of two reports of one code in a row, what lies between is a pause of the time that was set, at least once."""
    repeats, now = Repeats(1000 * MS), 0
    longest, last = 0, b""
    for data, wait in seen:
        now += wait * MS
        longest = max(longest, wait)
        if repeats.is_new(data, now):
            assert data != last or longest >= 1000
            last, longest = data, 0
        else:
            assert data == last
            assert wait < 1000


@pytest.mark.parametrize(
    ("sent", "symbology", "data"),
    [
        (b"]C1ABC", "code-128", b"ABC"),
        (b"]Q1https://x", "qr", b"https://x"),
        (b"]E04750001112223", "ean-13", b"4750001112223"),
        (b"]E412345670", "ean-8", b"12345670"),
        (b"]X9abc", UNKNOWN, b"abc"),
        (b"plain", UNKNOWN, b"plain"),
        (b"]", UNKNOWN, b"]"),
    ],
)
def test_an_aim_identifier_names_the_symbology(sent: bytes, symbology: str, data: bytes) -> None:
    assert named(sent, aim=True) == (symbology, data)


def test_without_the_option_nothing_is_taken_for_an_identifier() -> None:
    assert named(b"]C1ABC", aim=False) == (UNKNOWN, b"]C1ABC")


def test_the_same_again_is_new_after_its_time_and_another_at_once() -> None:
    repeats = Repeats(1000 * MS)
    told = [repeats.is_new(data, at * MS) for data, at in ((b"a", 0), (b"a", 900), (b"a", 1800), (b"b", 1810))]
    assert told == [True, False, False, True], "as long as it is seen, it is the same sight"
    assert repeats.is_new(b"b", 2810 * MS)


@given(PRINTABLE)
def test_every_character_is_typed_and_understood(text: str) -> None:
    assert Keyboard().feed(typed(text)) == text.encode()


@given(PRINTABLE, st.integers(1, 100))
def test_records_may_come_in_pieces_of_any_size(text: str, size: int) -> None:
    keyboard, events = Keyboard(), typed(text)
    assert b"".join(keyboard.feed(events[at : at + size]) for at in range(0, len(events), size)) == text.encode()


def test_a_key_that_is_held_down_is_one_character() -> None:
    repeated = event(1, 30, 1) + event(1, 30, 2) * 5 + event(1, 30, 0)
    assert Keyboard().feed(repeated) == b"a"


def test_events_that_the_kernel_dropped_are_told_and_shift_is_let_go() -> None:
    keyboard = Keyboard()
    assert keyboard.feed(event(1, 42, 1) + event(1, 30, 1) + event(0, 3, 0) + event(1, 30, 1)) == b"A" + LOST + b"a"


@given(st.binary(max_size=RECORD.size * 20))
def test_no_records_do_more_than_be_passed_over(data: bytes) -> None:
    keyboard = Keyboard()
    typed_out = keyboard.feed(data)
    assert len(typed_out) <= len(data) // RECORD.size
    assert len(keyboard._rest) < RECORD.size

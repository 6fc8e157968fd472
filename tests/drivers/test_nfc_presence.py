"""Which looks make a new presentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.nfc.presence import RELEASE_LOOKS, Presence, same
from drivers.nfc.several import uids_in

A, B = b"\x04aaaaaa", b"\x04bbbbbb"
uids = st.sampled_from([A, B, b"\x08\x01\x02\x03", b"\x08\x0a\x0b\x0c", None])


def test_a_kept_card_is_new_again_after_three_looks_without_it() -> None:
    presence = Presence()
    presence.keep(A)
    for _ in range(RELEASE_LOOKS):
        presence.look(None)
    assert presence.look(A)


def test_two_looks_without_it_are_a_flicker() -> None:
    presence = Presence()
    presence.keep(A)
    for _ in range(RELEASE_LOOKS - 1):
        presence.look(None)
    assert not presence.look(A)


def test_a_card_that_was_not_kept_stays_to_be_read() -> None:
    """A torn read is not kept: the next look tries again."""
    presence = Presence()
    assert [presence.look(A), presence.look(A)] == [True, True]


def test_two_cards_seen_in_turn_are_reported_once_each() -> None:
    assert _reported([A, B] * 10) == [A, B]


def test_a_phone_that_draws_a_new_random_uid_at_each_look_is_one_card() -> None:
    assert len(_reported([bytes([8, 1, 2, number]) for number in range(10)])) == 1


@given(st.lists(uids, max_size=60))
def test_a_card_is_never_reported_twice_without_three_looks_without_it(looks: list[bytes | None]) -> None:
    presence, last = Presence(), dict[bytes, int]()
    for number, uid in enumerate(looks):
        new = presence.look(uid)
        if uid is None:
            assert not new
            continue
        card = b"\x08" if uid[0] == 8 else uid
        away = number - last[card] - 1 if card in last else RELEASE_LOOKS
        assert new == (away >= RELEASE_LOOKS)
        presence.keep(uid)
        last[card] = number


def test_of_a_crowd_nothing_is_read_until_the_field_was_empty() -> None:
    presence = Presence()
    presence.crowd()
    looks = [A, B, None, None, A, None, None, None, A]
    assert [presence.look(uid) for uid in looks] == [False] * 8 + [True]


@given(st.lists(uids, max_size=60))
def test_after_a_crowd_three_looks_in_a_row_are_empty_before_a_card_is_new(looks: list[bytes | None]) -> None:
    presence, empty = Presence(), 0
    presence.crowd()
    for uid in looks:
        new = presence.look(uid)
        assert new == (uid is not None and empty >= RELEASE_LOOKS)
        empty = empty + 1 if uid is None or empty >= RELEASE_LOOKS else 0


def test_a_phone_that_has_drawn_another_uid_may_be_the_same() -> None:
    assert same(b"\x08\x01\x02\x03", b"\x08\x0a\x0b\x0c")
    assert same(A, A)
    assert not same(A, B)
    assert not same(A, b"\x08\x01\x02\x03")


ONE, TWO = bytes.fromhex("01 0044 00 07 04616161616161"), bytes.fromhex("02 0004 20 04 08010203")


@pytest.mark.parametrize(
    ("answer", "uids"),
    [
        (b"\x00", []),
        (b"\x01" + ONE, [A]),
        (b"\x02" + ONE + TWO, [A, b"\x08\x01\x02\x03"]),
        (b"\x02" + ONE, [A]),
        (b"\x02" + ONE + TWO[:-1], [A]),
        (b"\x09" + ONE + TWO + ONE, [A, b"\x08\x01\x02\x03"]),
        (b"", []),
    ],
)
def test_an_answer_names_the_cards_in_the_field(answer: bytes, uids: list[bytes]) -> None:
    assert uids_in(answer) == uids


@given(st.binary(max_size=60))
def test_any_answer_names_two_cards_at_most(answer: bytes) -> None:
    found = uids_in(answer)
    assert len(found) <= 2
    assert all(uid in answer for uid in found)


def _reported(looks: list[bytes]) -> list[bytes]:
    presence, reported = Presence(), []
    for uid in looks:
        if presence.look(uid):
            reported.append(uid)
            presence.keep(uid)
    return reported

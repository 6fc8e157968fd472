"""Which looks make a new presentation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.nfc.presence import RELEASE_LOOKS, Presence

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


def _reported(looks: list[bytes]) -> list[bytes]:
    presence, reported = Presence(), []
    for uid in looks:
        if presence.look(uid):
            reported.append(uid)
            presence.keep(uid)
    return reported

"""Check characters: ISO/IEC 7064 MOD 37,36."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartplace_tools.labels.check import check_character, is_checked

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ids = st.text(alphabet=ALPHABET, min_size=1, max_size=32)


def test_the_published_example_of_the_global_release_identifier() -> None:
    """The GRid standard's own example, A1-2425G-ABC1234002-M, uses the same system."""
    assert check_character("A1-2425G-ABC1234002") == "M"


def test_hyphens_and_small_letters_do_not_count() -> None:
    assert check_character("desk-01") == check_character("DESK01")


@given(ids)
def test_an_id_with_its_check_character_is_right(identifier: str) -> None:
    assert is_checked(identifier + check_character(identifier))


@given(ids, st.data())
def test_every_wrong_character_is_found(identifier: str, data: st.DataObject) -> None:
    full = identifier + check_character(identifier)
    at = data.draw(st.integers(0, len(full) - 1))
    other = data.draw(st.sampled_from(ALPHABET.replace(full[at], "")))
    assert not is_checked(full[:at] + other + full[at + 1 :])


@given(ids.filter(lambda text: len(text) >= 2), st.data())
def test_every_swap_of_neighbours_is_found(identifier: str, data: st.DataObject) -> None:
    full = identifier + check_character(identifier)
    at = data.draw(st.integers(0, len(full) - 2))
    swapped = full[:at] + full[at + 1] + full[at] + full[at + 2 :]
    assert is_checked(swapped) == (swapped == full)


@pytest.mark.parametrize("identifier", ["", "-", "desk 01", "ķēde", "a_b", "١٢٣"])
def test_what_is_no_id_has_no_check_character(identifier: str) -> None:
    with pytest.raises(ValueError, match="an id"):
        check_character(identifier)
    assert not is_checked(identifier)

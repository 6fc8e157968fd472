"""Text for a code page: letters that it has, plain forms of those that it lacks, length in bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.fiscal.text import TextRefused, is_code_page, printable


def test_latvian_letters_as_they_are_where_the_code_page_has_them() -> None:
    assert printable("Grāmata ķļņģ", "cp1257", 42) == "Grāmata ķļņģ".encode("cp1257")


@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "ascii"])
def test_plain_letters_where_it_lacks_them(encoding: str) -> None:
    assert printable("āčģīķļņšūž ĀČĢĪĶĻŅŠŪŽ ąęėįųū", encoding, 42) == b"acgiklnsuz ACGIKLNSUZ aeeiuu"


def test_quotes_dashes_and_signs_have_plain_forms() -> None:
    assert printable("„Šokolāde“ – 2 €…", "ascii", 42) == b'"Sokolade" - 2 EUR...'


def test_decomposed_letters_are_composed_first() -> None:
    assert printable("a\u0304", "cp1257", 42) == "ā".encode("cp1257")


def test_length_is_counted_in_bytes_after_encoding() -> None:
    assert len(printable("€" * 14, "ascii", 42)) == 42
    with pytest.raises(TextRefused, match="45 bytes"):
        printable("€" * 15, "ascii", 42)


@pytest.mark.parametrize(
    ("encoding", "good"), [("cp1257", True), ("cp775", True), ("utf-16", False), ("cp037", False), ("nope", False)]
)
def test_code_page_has_to_be_one(encoding: str, good: bool) -> None:
    assert is_code_page(encoding) is good


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["cp1257", "cp1251", "cp775", "ascii", "utf-8"]))
def test_any_text_is_printable_or_refused(text: str, encoding: str) -> None:
    try:
        encoded = printable(text, encoding, 42)
    except TextRefused:
        return
    assert 1 <= len(encoded) <= 42
    assert min(encoded) >= 0x20

"""A slip as the lines of a non-fiscal document."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.slip import Align, Slip, SlipCode, SlipPart, SlipText
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.slips import MOST_LINES, slip_lines


def lines(*parts: SlipPart, encoding: str = "cp1257", width: int = 20) -> tuple[bytes, ...]:
    return slip_lines(Slip("s", parts), encoding, width)


def test_long_text_is_wrapped_at_words_and_an_empty_line_stays() -> None:
    assert lines(SlipText("one two three four five six\n\nend")) == (b"one two three four", b"five six", b" ", b"end")


def test_text_is_set_left_right_and_in_the_middle() -> None:
    assert lines(SlipText("ab", align=Align.RIGHT), width=6) == (b"    ab",)
    assert lines(SlipText("ab", align=Align.CENTRE), width=6) == (b"  ab",)
    assert lines(SlipText("ab"), width=6) == (b"ab",)


def test_code_is_its_text() -> None:
    assert lines(SlipCode("https://x.example/" + "a" * 20)) == (b"https://x.example/aa", b"a" * 18)


def test_what_cannot_be_printed_is_named() -> None:
    with pytest.raises(Refusal) as caught:
        lines(SlipText("fine"), SlipText("日本"))
    assert (caught.value.reason, caught.value.where) == (Reason.BAD_TEXT, "parts[1].text")
    with pytest.raises(Refusal) as caught:
        lines(SlipCode("日"))
    assert caught.value.where == "parts[0].data"


def test_russian_is_printed_in_latin_letters_where_the_code_page_has_none() -> None:
    text = "Съешь ещё этих мягких булок. Щука"
    assert lines(SlipText(text), width=60) == (b"Sieesh' eshche etikh miagkikh bulok. Shchuka",)
    assert lines(SlipText(text), encoding="cp1251", width=60) == (text.encode("cp1251"),)
    assert lines(SlipText("Ж" * 12), width=8) == (b"ZhZhZhZh", b"ZhZhZhZh", b"ZhZhZhZh")


def test_slip_has_so_many_lines_at_most() -> None:
    assert len(lines(SlipText("x\n" * 99 + "x"), SlipText("x\n" * 99 + "x"))) == MOST_LINES
    with pytest.raises(Refusal) as caught:
        lines(SlipText("x\n" * 100), SlipText("x\n" * 99 + "x"))
    assert (caught.value.reason, caught.value.where) == (Reason.TOO_LARGE, "parts[1]")


def test_letter_that_becomes_several_stays_on_the_paper() -> None:
    assert lines(SlipText("€" * 10), encoding="cp437", width=10) == (b"EUREUREURE",)


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(Align), st.integers(8, 48))
def test_any_slip_is_printed_within_the_paper_or_refused(text: str, align: Align, width: int) -> None:
    try:
        printed = lines(SlipText(text, align=align), width=width)
    except Refusal:
        return
    assert printed
    assert all(0 < len(line) <= width and min(line) >= 0x20 for line in printed)

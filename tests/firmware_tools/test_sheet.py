"""Layouts, lettering and what does not fit."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartplace_tools.labels.code import SMALLEST_MODULE_MM, qr_code
from smartplace_tools.labels.errors import BadTable
from smartplace_tools.labels.layout import A4_HEIGHT, A4_WIDTH, LAYOUTS, Layout
from smartplace_tools.labels.lettering import BUILT_IN, Lettering, choose
from smartplace_tools.labels.sheet import MM_PER_POINT, Placed, height_mm, place
from smartplace_tools.labels.table import Label

ASCII_ONLY = Lettering(BUILT_IN, None, None)


def half_em(text: str, size: float) -> float:
    """A font in which every letter is half as wide as high."""
    return len(text) * size * MM_PER_POINT / 2


def on(layout: str, *labels: Label, first: int = 0) -> tuple[Placed, ...]:
    return place(labels, LAYOUTS[layout], ASCII_ONLY, half_em, first)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_all_labels_of_a_layout_stand_on_the_page_and_apart(layout: Layout) -> None:
    cells = [layout.cell(position) for position in range(layout.per_sheet)]
    assert len({(round(cell.left, 2), round(cell.top, 2)) for cell in cells}) == layout.per_sheet
    assert min(cell.left for cell in cells) >= -0.001
    assert max(cell.left + cell.width for cell in cells) <= A4_WIDTH + 0.001
    assert min(cell.top for cell in cells) >= -0.001
    assert max(cell.top + cell.height for cell in cells) <= A4_HEIGHT + 0.001
    for one, other in pairwise(cells):
        assert other.left >= one.left + one.width - 0.001 or other.top >= one.top + one.height - 0.001


def test_a_part_used_sheet_is_gone_on_with_and_the_next_begins_at_its_corner() -> None:
    labels = [Label(line, f"desk-{line:02}", "Galds", "x") for line in range(2, 6)]
    placed = on("3x8", *labels, first=22)
    assert [(one.sheet, one.position) for one in placed] == [(0, 22), (0, 23), (1, 0), (1, 1)]


def test_the_id_is_printed_in_capitals_with_its_check_character() -> None:
    [placed] = on("3x8", Label(2, "desk-01", "Desk", "x"))
    assert placed.id_lines == ("DESK-01 / V",)


def test_a_long_id_breaks_behind_a_hyphen() -> None:
    [placed] = on("5x13", Label(2, "locker-001", "1", "x"))
    assert placed.id_lines == ("LOCKER-", "001 / U")


@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.text(alphabet="abcdefghij ", min_size=1, max_size=120).filter(str.strip),
    st.from_regex(r"[a-z0-9]{2,15}-[a-z0-9]{1,15}", fullmatch=True),
)
def test_whatever_is_placed_keeps_to_its_label(layout: str, text: str, identifier: str) -> None:
    try:
        [one] = on(layout, Label(2, identifier, text, "x"))
    except BadTable:
        return
    right = one.cell.left + one.cell.width
    assert one.text_left >= one.code_side.left + one.code_side.width
    assert all(one.text_left + half_em(line, one.text_size) <= right for line in one.text_lines)
    assert all(one.text_left + half_em(line, one.id_size) <= right for line in one.id_lines)
    assert height_mm(one.text_lines, one.text_size) + height_mm(one.id_lines, one.id_size) <= one.cell.height
    assert " ".join(one.text_lines) == " ".join(text.split())


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        (Label(7, "desk-01", "word " * 200, "x"), "text of 1000 characters does not fit"),
        (Label(7, "desk-01", "x" * 90, "x"), "text of 90 characters does not fit"),
        (Label(7, "d" * 32, "Desk", "x"), "id of 32 characters is too wide"),
        (Label(7, "desk-01", "Desk", "y" * 400), "payload of 400 characters needs squares of 0."),
        (Label(7, "desk-01", "Desk", "y" * 4000), "payload of 4000 characters fits into no QR code"),
        (Label(7, "desk-01", "机", "x"), "no letter for '机' \\(U\\+673A\\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(label: Label, complaint: str) -> None:
    with pytest.raises(BadTable, match=f"line 7: {complaint}"):
        on("5x13", label)


def test_a_larger_label_takes_what_a_smaller_one_refuses() -> None:
    label = Label(2, "desk-01", "Desk", "y" * 500)
    with pytest.raises(BadTable, match="--layout"):
        on("3x8", label)
    assert on("2x4", label)


def test_squares_are_as_large_as_promised_up_to_the_last_character_that_fits() -> None:
    side = 29.9
    longest = bisect_left(range(1, 1000), True, key=lambda length: not _fits("y" * length, side))
    squares = len(qr_code("y" * longest, side)) + 8
    assert side / squares >= SMALLEST_MODULE_MM
    assert not _fits("y" * (longest + 1), side)


def _fits(payload: str, side: float) -> bool:
    try:
        qr_code(payload, side)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("Ģederta iela, šķūnis", "Gederta iela, skunis"),
        ("Ąžuolų gatvė", "Azuolu gatve"),
        ("Ёжик Щука объявление", "Ezhik Shchuka obyavlenie"),
        ("„jā“ – nē…", '"ja" - ne...'),
    ],
)
def test_without_a_font_letters_lose_their_marks(text: str, spelt: str) -> None:
    assert ASCII_ONLY.spell(text) == spelt


def test_a_font_that_has_the_letter_leaves_it_alone() -> None:
    assert Lettering("any", None, frozenset(map(ord, "ašķ"))).spell("šķ") == "šķ"


def test_a_machine_without_fonts_falls_back_to_the_built_in_one() -> None:
    assert choose(None, ()) == ASCII_ONLY


def test_a_font_file_that_is_none_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ttf"
    wrong.write_bytes(b"this is no font")
    with pytest.raises(BadTable, match=r"wrong\.ttf.*--font"):
        choose(wrong)

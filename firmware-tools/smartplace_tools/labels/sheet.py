"""Places labels on sheets: everything that is to be drawn, measured and refused before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smartplace_tools.labels.check import check_character
from smartplace_tools.labels.code import qr_code
from smartplace_tools.labels.errors import BadTable
from smartplace_tools.labels.layout import PADDING, Layout, Rect
from smartplace_tools.labels.lettering import Lettering
from smartplace_tools.labels.table import Label

Width = Callable[[str, float], float]
"""Width in mm of a text at a size in points."""

MM_PER_POINT = 25.4 / 72
LINE_SPACING = 1.2
TEXT_SIZES = (24.0, 20.0, 16.0, 14.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0)
"""Points, the largest that fits is taken; under 6 nobody reads it at arm's length."""
ID_SIZES_ONE_LINE, ID_SIZES_TWO_LINES = (9.0, 8.0), (9.0, 8.0, 7.0, 6.0)
"""Ids of one sheet look alike; a long one is broken behind a hyphen before it gets small."""
QR_SHARE = 0.5
"""Of a label's width at most for the code, the rest for people."""
GAP = 1.5
"""Millimetres between code and text, beyond the code's own quiet zone."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One label ready to be drawn. `id_lines` hold the id in capitals, a slash and its check character."""

    label: Label
    sheet: int
    position: int
    cell: Rect
    code: tuple[tuple[bool, ...], ...]
    code_side: Rect
    text_left: float
    text_size: float
    text_lines: tuple[str, ...]
    id_size: float
    id_lines: tuple[str, ...]
    check: str
    respelt: bool


def place(
    labels: Sequence[Label], layout: Layout, lettering: Lettering, width: Width, first: int = 0
) -> tuple[Placed, ...]:
    """Each label at its position, the first sheet from position `first` on.

    Raises BadTable with the line of each label whose payload or text does not fit.
    """
    placed: list[Placed] = []
    complaints: list[str] = []
    for number, label in enumerate(labels, first):
        sheet, position = divmod(number, layout.per_sheet)
        try:
            placed.append(_place(label, sheet, position, layout, lettering, width))
        except ValueError as error:
            complaints.append(f"line {label.line}: {error}")
    if complaints:
        raise BadTable(complaints)
    return tuple(placed)


def _place(label: Label, sheet: int, position: int, layout: Layout, lettering: Lettering, width: Width) -> Placed:
    cell = layout.cell(position)
    inner = cell.inset(PADDING)
    side = min(inner.height, inner.width * QR_SHARE)
    code = qr_code(label.payload, side)
    left = inner.left + side + GAP
    room = inner.left + inner.width - left
    check = check_character(label.id)
    id_size, id_lines = _fit_id(f"{label.id.upper()} / {check}", room, width)
    text = lettering.spell(label.text)
    sizes = [size for size in TEXT_SIZES if size <= layout.largest_text]
    size, lines = _fit(text, sizes, room, inner.height - height_mm(id_lines, id_size), width)
    return Placed(
        label=label,
        sheet=sheet,
        position=position,
        cell=cell,
        code=code,
        code_side=Rect(inner.left, inner.top + (inner.height - side) / 2, side, side),
        text_left=left,
        text_size=size,
        text_lines=lines,
        id_size=id_size,
        id_lines=id_lines,
        check=check,
        respelt=text != label.text,
    )


def height_mm(lines: Sequence[str], size: float) -> float:
    """Height of lines of text at a size in points."""
    return len(lines) * size * MM_PER_POINT * LINE_SPACING


def _fit_id(text: str, room: float, width: Width) -> tuple[float, tuple[str, ...]]:
    for size in ID_SIZES_ONE_LINE:
        if width(text, size) <= room:
            return size, (text,)
    hyphens = [at for at, character in enumerate(text, 1) if character == "-"]
    for size in ID_SIZES_TWO_LINES:
        for at in reversed(hyphens):
            if max(width(text[:at], size), width(text[at:], size)) <= room:
                return size, (text[:at], text[at:])
    advice = "shorten it, put a hyphen in its middle, or take larger labels (--layout)"
    raise ValueError(f"id of {len(text) - 4} characters is too wide for this label; {advice}")


def _fit(text: str, sizes: Sequence[float], room: float, height: float, width: Width) -> tuple[float, tuple[str, ...]]:
    """The largest size at which the text fits, and its lines."""
    for size in sizes:
        lines = _wrap(text, room, size, width)
        if lines is not None and height_mm(lines, size) <= height:
            return size, lines
    raise ValueError(f"text of {len(text)} characters does not fit on this label; shorten it or take larger labels")


def _wrap(text: str, room: float, size: float, width: Width) -> tuple[str, ...] | None:
    """Lines broken at spaces, or None when one word alone is too wide."""
    lines: list[str] = []
    for word in text.split():
        if width(word, size) > room:
            return None
        if lines and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return tuple(lines)

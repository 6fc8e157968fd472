"""Draws placed labels into a PDF. The same input gives the same bytes, so that two runs can be compared."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from smartplace_tools.labels.code import QUIET_ZONE
from smartplace_tools.labels.layout import A4_HEIGHT, A4_WIDTH, PADDING
from smartplace_tools.labels.lettering import Lettering
from smartplace_tools.labels.sheet import LINE_SPACING, MM_PER_POINT, Placed, Width, height_mm

BASELINE = 0.8
"""Of a line's height lies above the baseline, accents included; the rest is for descenders."""


def measure(lettering: Lettering) -> Width:
    """The width function of the sheet's font."""

    def width(text: str, size: float) -> float:
        points: float = pdfmetrics.stringWidth(text, lettering.font, size)
        return points * MM_PER_POINT

    return width


def draw(placed: Sequence[Placed], lettering: Lettering) -> bytes:
    """The finished PDF, one A4 page per sheet."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(A4_WIDTH * mm, A4_HEIGHT * mm), pageCompression=1, invariant=1)
    canvas.setTitle("Labels")
    canvas.setCreator("smartplace tools labels")
    for _sheet, labels in groupby(placed, lambda one: one.sheet):
        for label in labels:
            _draw_code(canvas, label)
            _draw_text(canvas, label, lettering)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw_code(canvas: Canvas, label: Placed) -> None:
    """One path for the whole code: squares drawn one by one show hairlines between them."""
    area = label.code_side
    module = area.width / (len(label.code) + 2 * QUIET_ZONE)
    path = canvas.beginPath()
    for row, squares in enumerate(label.code):
        bottom = A4_HEIGHT - area.top - (row + 1 + QUIET_ZONE) * module
        column = 0
        for dark, run in groupby(squares):
            length = len(tuple(run))
            if dark:
                left = area.left + (column + QUIET_ZONE) * module
                path.rect(left * mm, bottom * mm, length * module * mm, module * mm)
            column += length
    canvas.drawPath(path, stroke=0, fill=1)


def _draw_text(canvas: Canvas, label: Placed, lettering: Lettering) -> None:
    """The text from the label's upper edge down, the id with its check character on its lower edge."""
    inner = label.cell.inset(PADDING)
    lower = inner.top + inner.height - height_mm(label.id_lines, label.id_size)
    _draw_lines(canvas, lettering, label.text_left, inner.top, label.text_size, label.text_lines)
    _draw_lines(canvas, lettering, label.text_left, lower, label.id_size, label.id_lines)


def _draw_lines(
    canvas: Canvas, lettering: Lettering, left: float, top: float, size: float, lines: Sequence[str]
) -> None:
    canvas.setFont(lettering.font, size)
    for number, line in enumerate(lines):
        baseline = top + (number + BASELINE) * size * MM_PER_POINT * LINE_SPACING
        canvas.drawString(left * mm, (A4_HEIGHT - baseline) * mm, line)

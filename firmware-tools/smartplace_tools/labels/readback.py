"""Reads a finished PDF as a camera would: renders its pages and decodes every label where it should be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pypdfium2
import zxingcpp
from PIL.Image import Image

from smartplace_tools.labels.errors import NotReadable
from smartplace_tools.labels.layout import Rect
from smartplace_tools.labels.sheet import Placed

DPI = 300
"""An office printer's resolution: what does not read at it would not read on paper."""


def read_back(pdf: bytes, placed: Sequence[Placed]) -> int:
    """Decode each label from the PDF's own pixels; returns how many were read.

    Guaranteed on return: every label's area holds exactly one QR code and it says exactly the payload.
    Raises NotReadable with the line and place of each label for which that is not so.
    """
    complaints: list[str] = []
    document = pypdfium2.PdfDocument(pdf)
    try:
        sheets = [(sheet, list(labels)) for sheet, labels in groupby(placed, lambda one: one.sheet)]
        if len(document) != len(sheets):
            raise NotReadable(f"the PDF has {len(document)} pages for {len(sheets)} sheets")
        for sheet, labels in sheets:
            page = document[sheet]
            picture = page.render(scale=DPI / 72, grayscale=True).to_pil()
            page.close()
            for label in labels:
                complaint = _complaint(picture, label)
                if complaint:
                    where = f"sheet {sheet + 1}, label {label.position + 1}"
                    complaints.append(f"line {label.label.line} ({label.label.id}): {complaint} on {where}")
    finally:
        document.close()
    if complaints:
        raise NotReadable("\n".join(complaints))
    return len(placed)


def _complaint(picture: Image, label: Placed) -> str | None:
    found = zxingcpp.read_barcodes(picture.crop(_pixels(label.cell)), text_mode=zxingcpp.TextMode.Plain)
    if len(found) != 1:
        return f"{len(found)} codes read instead of one"
    return None if found[0].text == label.label.payload else "the code says something else than the payload"


def _pixels(area: Rect) -> tuple[int, int, int, int]:
    scale = DPI / 25.4
    left, top = area.left * scale, area.top * scale
    right, bottom = (area.left + area.width) * scale, (area.top + area.height) * scale
    return max(0, round(left)), max(0, round(top)), round(right), round(bottom)

"""Sheets of self-adhesive labels on A4, as their makers print on the box: size, number, gaps. Millimetres."""

from __future__ import annotations

from dataclasses import dataclass

A4_WIDTH, A4_HEIGHT = 210.0, 297.0

PADDING = 2.0
"""Kept free inside each label: office printers feed a sheet up to 2 mm off."""


@dataclass(frozen=True, slots=True)
class Rect:
    """Millimetres from the sheet's left and upper edge."""

    left: float
    top: float
    width: float
    height: float

    def inset(self, by: float) -> Rect:
        return Rect(self.left + by, self.top + by, self.width - 2 * by, self.height - 2 * by)


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of sheet. The labels stand in the middle of the page, as on every sheet listed here."""

    name: str
    columns: int
    rows: int
    width: float
    height: float
    gap_x: float = 0.0
    gap_y: float = 0.0
    largest_text: float = 12.0
    """Points."""

    @property
    def per_sheet(self) -> int:
        return self.columns * self.rows

    @property
    def margin_x(self) -> float:
        return (A4_WIDTH - self.columns * self.width - (self.columns - 1) * self.gap_x) / 2

    @property
    def margin_y(self) -> float:
        return (A4_HEIGHT - self.rows * self.height - (self.rows - 1) * self.gap_y) / 2

    def cell(self, position: int) -> Rect:
        """The label at `position` (0 is the upper left one, then along the row)."""
        row, column = divmod(position, self.columns)
        left = self.margin_x + column * (self.width + self.gap_x)
        top = self.margin_y + row * (self.height + self.gap_y)
        return Rect(left, top, self.width, self.height)


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("3x8", 3, 8, 63.5, 33.9, gap_x=2.5),
        Layout("3x8-full", 3, 8, 70.0, 36.0),
        Layout("3x7", 3, 7, 63.5, 38.1, gap_x=2.5),
        Layout("2x7", 2, 7, 99.1, 38.1, gap_x=2.5),
        Layout("2x4", 2, 4, 99.1, 67.7, gap_x=2.5, largest_text=24.0),
        Layout("5x13", 5, 13, 38.1, 21.2, gap_x=2.5),
    )
}

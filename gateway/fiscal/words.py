"""What people are told while it is not known how a work ended: what to look at, and what to do then."""

from __future__ import annotations

from gateway.fiscal.rows import WorkRow
from gateway.model.errors import NotReady
from gateway.model.fiscal import PrintOutcome

READ_BACK = (
    "Do not sell it again yet: it is read back from the printer when that answers again. "
    "Ask again with the same key, or look at the paper"
)
"""Of a work whose printer went away in the middle."""

_NAMES = {
    "receipt": "receipt",
    "reversal": "receipt of a refund",
    "x": "X report",
    "z": "Z report",
    "cash": "slip of a movement of cash",
}


def name_of(row: WorkRow) -> str:
    """`receipt 4f…`, for people."""
    return f"{_NAMES.get(row.kind, row.kind)} {row.key}"


def look_at(row: WorkRow, last_number: str = "") -> str:
    """Exactly what to look at on the paper, and what to type then. `last_number`: the device's last document now."""
    before = f" after number {row.baseline.number}" if row.baseline.number else ""
    now = f" (the printer's last number is {last_number} now)" if last_number else ""
    return (
        f"Look at the printer's paper{before}{now} for the {name_of(row)}: its key stands there as `Nr. {row.key}`. "
        f"Is it there and complete: `smartplace till settle {row.key} --printed NUMBER --by NAME`, with its number. "
        f"Is it not, or cancelled: `smartplace till settle {row.key} --not-printed --by NAME`, then sell it again"
    )


def in_doubt(row: WorkRow) -> NotReady:
    """Why nothing fiscal is begun on this device now."""
    last = _last_of(row.said)
    said = f"; its last document was {row.baseline.number or 'not told'} before it"
    seen = f" and is {last} now" if last else ""
    return NotReady(
        f"it is not known how the {name_of(row)} ended{said}{seen}",
        look_at(row, last),
        where=row.device,
        code="printer_in_doubt",
    )


def _last_of(said: PrintOutcome | None) -> str:
    return said.number if said is not None else ""

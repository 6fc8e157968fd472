"""What people are told while it is not known how a work ended: what to look at, and what to do then."""

from __future__ import annotations

from gateway.fiscal.rows import WorkRow
from gateway.model.errors import NotReady
from gateway.model.fiscal import CashWork, ReportWork
from gateway.model.money import euros

Z_DUE = "Print the Z report: 24 hours after the first receipt since the last one the printer sells no more"
Z_SEEN = "The printer has printed a Z report that nobody here asked for: see who did it, and count the drawer"

_ITS_TIME = " (and `--time 2026-11-27T10:02:41` with the time that stands there: a refund may have to name it)"
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


def _mark(row: WorkRow) -> str:
    """By what it is known on paper."""
    match row.work:
        case ReportWork() | None if row.kind in ("x", "z"):
            return ""
        case CashWork(cents=cents):
            return f" of {euros(cents)}"
    return f": its key stands there as `Nr. {row.key}`"


def other_device(row: WorkRow) -> str:
    """Another printer stands at this name by now: nothing that it says is of this work."""
    begun_on = f" {row.baseline.serial}" if row.baseline.serial else ""
    return (
        f"Connect the printer{begun_on} again that it was begun on: it is read back from it then. Only if that cannot "
        f"be: {look_at(row)}"
    )


def look_at(row: WorkRow, last_number: str = "") -> str:
    """Exactly what to look at on the paper, and what to type then. `last_number`: the device's last document now."""
    before = f" after number {row.baseline.number}" if row.baseline.number else ""
    now = f" (the printer's last number is {last_number} now)" if last_number else ""
    return (
        f"Look at the printer's paper{before}{now} for the {name_of(row)}{_mark(row)}. "
        f"Is it there and complete: `smartplace till settle {row.key} --printed NUMBER --by NAME`, with its number"
        f"{_ITS_TIME if row.kind == 'receipt' else ''}. "
        f"Is it not, or cancelled: `smartplace till settle {row.key} --not-printed --by NAME`, then do it again"
    )


def settle(row: WorkRow) -> str:
    """What to type when somebody has looked at the paper."""
    return f"smartplace till settle {row.key} (--printed NUMBER | --not-printed) --by NAME"


def not_read_yet(row: WorkRow) -> str:
    """Of a work whose printer went away in the middle, before it could be asked."""
    return (
        "Do not sell it again yet: it is read back from the printer when that answers again; ask again with the same "
        f"key. Only if the printer does not come back: {look_at(row)}"
    )


def advice_on(row: WorkRow) -> str:
    """What to look at and to type, with the device's last number as it was when it was asked."""
    said = row.said
    return said.advice if said is not None and f"till settle {row.key}" in said.advice else not_read_yet(row)


def in_doubt(row: WorkRow) -> NotReady:
    """Why nothing fiscal is begun on this device now."""
    return NotReady(
        f"it is not known how the {name_of(row)} ended; the printer's last document was "
        f"{row.baseline.number or 'not told'} before it",
        advice_on(row),
        where=row.device,
        code="printer_in_doubt",
    )


def not_wanted(row: WorkRow) -> NotReady:
    """Its turn came when who asked for it did not want it any more."""
    what = f"the {name_of(row)} waited longer for its turn than it was to"
    return NotReady(what, "Nothing was printed: ask again under another key", where=row.device, code="not_wanted")


def z_overdue(device: str, hours: float) -> NotReady:
    """A fiscal device refuses to sell; better before anything is recorded."""
    return NotReady(
        f"the last Z report is {hours:.0f} hours of selling ago: the printer sells no more",
        "Print the Z report: `smartplace till report z`, or at the printer itself",
        where=device,
        code="z_overdue",
    )

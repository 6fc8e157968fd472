"""The receipt that is given back, as a printer asks for it: number, time and fiscal memory, out of what is known here
and of what a person has read from its paper. Pure."""

from __future__ import annotations

from collections.abc import Collection

from gateway.fiscal.rows import WorkRow
from gateway.model.errors import Conflict
from gateway.model.fiscal import PrintOutcome, Reversal, ReversalReason, with_seconds
from gateway.model.till_bodies import FiscalOutcomeBody
from gateway.stations.refund_words import ReadFromPaper

ALWAYS = ("number",)
"""What any printer asks for."""
_ON_PAPER = {
    "number": "its number as `paper.number`",
    "device_time": "its date and time as `paper.device_time` (2026-11-27T10:02:41)",
    "fiscal_memory": "the number of its fiscal memory as `paper.fiscal_memory`",
}


def original(
    ended: PrintOutcome | FiscalOutcomeBody | None,
    row: WorkRow | None,
    read: ReadFromPaper | None,
    why: ReversalReason,
    needs: Collection[str],
) -> Reversal:
    """`ended`: how its printing ended; `row`: its work, while that is kept; `needs`: what the printer asks for.

    Raises `Conflict`: `paper_needed` (it is not known here and was not told, and says what to read from the paper),
    `paper_differs` (what was told is not what is known)."""
    known = {"number": "", "device_time": "", "fiscal_memory": ""}
    if ended is not None:
        known |= {field: getattr(ended, field) for field in known}
    if row is not None:
        # The step that closed it was stored before its outcome was; and which memory it is in, before it was begun.
        known["number"] = known["number"] or row.number
        known["fiscal_memory"] = known["fiscal_memory"] or row.baseline.fiscal_memory
    if read is not None:
        known |= {field: _agreed(field, known[field], getattr(read, field)) for field in known}
    if missing := [_ON_PAPER[field] for field in known if not known[field] and field in {*ALWAYS, *needs}]:
        raise Conflict(
            "the printer asks for more of the receipt that is given back than is known here",
            f"Read from its paper, and ask again with {', '.join(missing)}; or give it back on the device by hand, and "
            "tell its `fiscal_number`",
            code="paper_needed",
        )
    return Reversal(known["number"], why, known["device_time"], known["fiscal_memory"])


def _agreed(field: str, known: str, read: str) -> str:
    told = with_seconds(read) if field == "device_time" else read
    if not known or not read:
        return known or told
    same = known.lstrip("0") == read.lstrip("0") if field != "device_time" else known.startswith(read)
    if not same:
        raise Conflict(
            f"`paper.{field}` is {read}, and this receipt has {known}",
            "Look whether it is the paper of this receipt; leave out what is known",
            code="paper_differs",
        )
    return known

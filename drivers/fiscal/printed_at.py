"""When a receipt was printed that is known to be, out of the device's own journal: a reversal has to name the time that
stands on its paper, and the device's clock tells it only right after the close. Pure course.

What the journal says is believed only where it says it of this very receipt: its number, its kind, and its amount and
fiscal memory where they are told.
"""

from __future__ import annotations

from drivers.fiscal.dialect import Dialect
from drivers.fiscal.moves import Course, Lost
from drivers.fiscal.operations import ReadDocument
from drivers.fiscal.plan import Plan
from drivers.fiscal.said import Document, Identity, merged
from drivers.fiscal.standing import told

LINES_BESIDE = 32
"""Lines in a journal's record of a receipt besides those of its items: head, rates, sums, payments, times."""


def printed_at(work: Plan, dialect: Dialect, identity: Identity, number: str) -> Course[str]:
    """The time on the paper of this receipt; empty where the device does not tell it, for whatever reason: the receipt
    is no less printed."""
    if not _is_number(number):
        return ""
    for way in range(dialect.family.document_ways):
        document = yield from _document(work, number, way)
        if isinstance(document, Lost):
            return ""
        if document is not None:
            return document.device_time if _is_this(work, identity, number, document) else ""
    return ""


def _document(work: Plan, number: str, way: int) -> Course[Document | Lost | None]:
    """All parts together. None when the device refuses one of them."""
    parts: list[Document] = []
    for part in range(len(work.progress) + LINES_BESIDE):
        found = yield from told(ReadDocument(number, part, way), Document)
        if found is None or isinstance(found, Lost):
            return found
        parts.append(found)
        if found.ended:
            break
    return merged(parts)


def _is_this(work: Plan, identity: Identity, number: str, document: Document) -> bool:
    memories = {document.fiscal_memory, identity.fiscal_memory} - {""}
    return (
        _is_number(document.number)
        and int(document.number) == int(number)
        and document.reversal in (None, work.reversal)
        and document.amount_cents in (None, work.total_cents)
        and len(memories) < 2
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()

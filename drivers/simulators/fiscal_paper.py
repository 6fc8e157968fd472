"""The paper of a simulated fiscal printer: finished documents, as a person reads them, kept in a text file.

A document is written in one piece and forced to disk when it ends: a killed simulator loses the receipt that is
open, and nothing that was closed. A torn last document is skipped when the file is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

_HEAD = re.compile(r"DOCUMENT (\d{7}) ([a-z]+) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d) Z(\d+)")
_END = re.compile(r"(CLOSED|CANCELLED) (\d{7})")
_TOTAL = re.compile(r"TOTAL (-?)(\d+)\.(\d\d)")
_PAID = re.compile(r"PAID ([a-z_0-9]+) (\d+)\.(\d\d)")
_VAT = re.compile(r"VAT ([A-H]) (\d+)\.(\d\d) (\d+)\.(\d\d)")
KEY_LINE = "Nr. "


class Kind(StrEnum):
    SALE = "sale"
    REVERSAL = "reversal"
    SLIP = "slip"
    X = "x"
    Z = "z"
    CASH = "cash"
    COPY = "copy"


class VatSum(msgspec.Struct, frozen=True):
    """What one VAT letter has in a receipt: cents, VAT included, and the VAT in them."""

    letter: str
    gross: int
    vat: int


class Document(msgspec.Struct, frozen=True):
    """One finished document. `closed` is True, or "cancelled" when it was cancelled; `lines` is the paper; `payments`
    are means and cents given; the total of a movement of cash is negative when it was taken out. `z_number` is the
    last Z report when it was printed, of a Z report its own. `device_time` is the device's clock."""

    number: str
    kind: Kind
    key: str
    lines: tuple[str, ...]
    total_cents: int
    payments: tuple[tuple[str, int], ...]
    closed: Literal[True, "cancelled"]
    vat: tuple[VatSum, ...] = ()
    z_number: int = 0
    device_time: str = ""

    @property
    def fiscal(self) -> bool:
        """A receipt that counts: sold or given back, and not cancelled."""
        return self.kind in (Kind.SALE, Kind.REVERSAL) and self.closed is True


def money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def key_of(lines: tuple[str, ...] | list[str]) -> str:
    """What the first line that begins with `Nr. ` goes on with."""
    return next((line.removeprefix(KEY_LINE) for line in lines if line.startswith(KEY_LINE)), "")


class Paper:
    """All finished documents, the oldest first; in `path` too, when there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.documents: list[Document] = []

    def load(self) -> None:
        """Read what earlier runs printed."""
        if self._path is not None and self._path.exists():
            self.documents = list(read(self._path.read_text("utf-8")))

    def add(self, document: Document) -> None:
        """Print to the end: on disk when this returns."""
        self.documents.append(document)
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text(document))
            file.flush()
            os.fsync(file.fileno())


def text(document: Document) -> str:
    """The document as it stands in the file. Lines of the receipt are indented: no text can look like more."""
    head = f"DOCUMENT {document.number} {document.kind} {document.device_time} Z{document.z_number}"
    body = [f"  {line}" for line in document.lines]
    paid = [f"PAID {means} {money(cents)}" for means, cents in document.payments]
    vat = [f"VAT {sums.letter} {money(sums.gross)} {money(sums.vat)}" for sums in document.vat]
    word = "CLOSED" if document.closed is True else "CANCELLED"
    end = [f"TOTAL {money(document.total_cents)}", *paid, *vat, f"{word} {document.number}", ""]
    return "\n".join([head, *body, *end]) + "\n"


def read(paper: str) -> Iterator[Document]:
    """The finished documents on this paper."""
    head: re.Match[str] | None = None
    lines, total, payments, vat = list[str](), 0, list[tuple[str, int]](), list[VatSum]()
    for row in paper.split("\n"):
        if row.startswith("  "):
            lines.append(row[2:])
        elif found := _HEAD.fullmatch(row):
            head, lines, total, payments, vat = found, [], 0, [], []
        elif found := _TOTAL.fullmatch(row):
            total = int(found[1] + found[2] + found[3])
        elif found := _PAID.fullmatch(row):
            payments.append((found[1], int(found[2] + found[3])))
        elif found := _VAT.fullmatch(row):
            vat.append(VatSum(found[1], int(found[2] + found[3]), int(found[4] + found[5])))
        elif (found := _END.fullmatch(row)) and head is not None and found[2] == head[1] and head[2] in set(Kind):
            closed: Literal[True, "cancelled"] = "cancelled" if found[1] == "CANCELLED" else True
            yield Document(
                head[1], Kind(head[2]), key_of(lines), tuple(lines), total, tuple(payments), closed,
                vat=tuple(vat), z_number=int(head[4]), device_time=head[3],
            )  # fmt: skip
            head = None

"""The paper of a simulated fiscal printer: finished documents, as a person reads them, kept in a text file.

A document is written in one piece and forced to disk when it ends, so that a killed simulator loses the
receipt that is open, and nothing that was closed. A torn last document is skipped when the file is read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import msgspec

_HEAD = re.compile(r"DOCUMENT (\d{7})")
_END = re.compile(r"(CLOSED|CANCELLED) (\d{7})")
_TOTAL = re.compile(r"TOTAL (-?\d+)\.(\d\d)")
_PAID = re.compile(r"PAID ([A-Za-z]) (\d+)\.(\d\d)")
KEY_LINE = "Nr. "


class Document(msgspec.Struct, frozen=True):
    """One finished document. `closed` is True, or "cancelled" when it was cancelled; `lines` is the paper."""

    number: str
    key: str
    lines: tuple[str, ...]
    total_cents: int
    payments: tuple[tuple[str, int], ...]
    closed: Literal[True, "cancelled"]


def money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def finish(number: str, lines: list[str], total: int, payments: list[tuple[str, int]], *, cancelled: bool) -> Document:
    """The document that these lines make; its key is the first line that begins with `Nr. `."""
    key = next((line.removeprefix(KEY_LINE) for line in lines if line.startswith(KEY_LINE)), "")
    return Document(number, key, tuple(lines), total, tuple(payments), "cancelled" if cancelled else True)


class Paper:
    """All finished documents, the oldest first; in `path` too, when there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.documents: list[Document] = []

    def load(self) -> None:
        """Read what earlier runs printed."""
        if self._path is not None and self._path.exists():
            self.documents = read(self._path.read_text("utf-8"))

    def add(self, document: Document) -> None:
        """Print to the end: on disk when this returns."""
        self.documents.append(document)
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text(document))
            file.flush()
            os.fsync(file.fileno())

    @property
    def last_number(self) -> int:
        return int(self.documents[-1].number) if self.documents else 0


def text(document: Document) -> str:
    """The document as it stands in the file. Lines of the receipt are indented: no text can look like more."""
    head = [f"DOCUMENT {document.number}"]
    body = [f"  {line}" for line in document.lines]
    paid = [f"PAID {letter} {money(cents)}" for letter, cents in document.payments]
    word = "CLOSED" if document.closed is True else "CANCELLED"
    end = [f"TOTAL {money(document.total_cents)}", *paid, f"{word} {document.number}", ""]
    return "\n".join([*head, *body, *end]) + "\n"


def read(paper: str) -> list[Document]:
    """The finished documents on this paper."""
    documents: list[Document] = []
    number, lines, total, payments = "", list[str](), 0, list[tuple[str, int]]()
    for row in paper.split("\n"):
        if row.startswith("  "):
            lines.append(row[2:])
        elif found := _HEAD.fullmatch(row):
            number, lines, total, payments = found[1], [], 0, []
        elif found := _TOTAL.fullmatch(row):
            total = int(found[1] + found[2])
        elif found := _PAID.fullmatch(row):
            payments.append((found[1], int(found[2] + found[3])))
        elif (found := _END.fullmatch(row)) and found[2] == number:
            documents.append(finish(number, lines, total, payments, cancelled=found[1] == "CANCELLED"))
            number = ""
    return documents

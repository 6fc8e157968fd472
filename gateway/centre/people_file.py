"""Files of holders and cards, row by row: CSV or JSON with clear ids, or with digests as an export writes them.

What a file does not say stays as it is: a column or field that is missing says nothing, an empty cell of a column that
is there says "none" (of a standing: nothing). Faults are told by row, never by what stands in it: in a file without
its first row, or with shifted columns, anything may be a card id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, BinaryIO, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.contents import Code, DigestHex, Ms, Standing

MAX_JSON = 256 * 1024 * 1024
"""Bytes of a JSON file, which is read as one; a city of 100,000 has about 25 million. CSV has no limit."""
MAX_LINE = 64 * 1024
"""Bytes of a line of CSV."""
ADVICE = "See docs/centre.md, Holders"

HolderId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,64}$(?!\n)")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,16}$(?!\n)")]
Time = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(max_length=40)]
T = TypeVar("T")


class Action(StrEnum):
    SET = "set"
    END = "end"
    """In a delta: end this card, or, in a row without one, the holder."""


class CardId(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which card: kind with its clear id (`gateway.centre.holders`), or its digest. `repr` hides the id."""

    kind: CredentialKind
    id: Annotated[str, msgspec.Meta(max_length=256)] = ""
    issuer: Annotated[str, msgspec.Meta(max_length=256)] = ""
    digest: DigestHex = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind})"


class CardRow(CardId, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A card and what is said of it. From `replaced_by` on: as an export writes it."""

    standing: Standing | UnsetType = UNSET
    from_ms: Ms | UnsetType = UNSET
    until_ms: Ms | UnsetType = UNSET
    first: Time | UnsetType = msgspec.field(default=UNSET, name="from")
    until: Time | UnsetType = UNSET
    """The same as `from_ms` and `until_ms`, for people (`gateway.centre.people_times`)."""
    temporary: bool | UnsetType = UNSET
    replaced_by: DigestHex | UnsetType | None = UNSET
    issued_here: bool = False
    blocked_ms: Ms = 0
    ended_ms: Ms = 0


class HolderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A holder by opaque id, and what is said of it. `residence` (declared) and `born` are for rules that ask where
    somebody lives and how old they are."""

    holder: HolderId
    action: Action = Action.SET
    entitlements: tuple[Annotated[str, msgspec.Meta(max_length=96)], ...] | UnsetType = UNSET
    language: Language | UnsetType | None = UNSET
    residence: Code | UnsetType | None = UNSET
    born: date | UnsetType | None = UNSET
    ended_ms: Ms = 0
    credentials: tuple[CardRow, ...] = ()


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The old card, and the one that takes its place."""

    old: CardId
    new: CardId


Row = tuple[str, T]
"""Where it stands, for people, and what it says."""

_ID = ("kind", "id", "issuer", "digest")
_CARD = (*_ID, "standing", "from_ms", "until_ms", "from", "until", "temporary", "replaced_by", "issued_here")
_CARD_ALL = (*_CARD, "blocked_ms", "ended_ms")
_FACTS = ("language", "residence", "born")
"""Of a holder: one value, or none."""
COLUMNS = ("holder", "action", "entitlements", *_FACTS, "holder_ended_ms", *_CARD_ALL)
_NUMBERS = frozenset(("from_ms", "until_ms", "from", "until", "blocked_ms", "ended_ms", "holder_ended_ms"))
_FLAGS = frozenset(("temporary", "issued_here"))
_NEW = tuple(f"new_{name}" for name in _ID)


def read_holders(source: BinaryIO) -> Iterator[Row[HolderRow]]:
    """Holders of a file. CSV: one row a card, a holder may have several. Raises `InputRefused` at the bad row."""
    return read_rows(source, HolderRow, COLUMNS, _holder_of)


def read_cards(source: BinaryIO) -> Iterator[Row[CardId]]:
    """Cards of a file with the columns kind, id, issuer or kind, digest. Raises `InputRefused`."""
    return read_rows(source, CardId, _ID, lambda cells: {name: cell for name, cell in cells.items() if cell})


def read_replacements(source: BinaryIO) -> Iterator[Row[Replacement]]:
    """Pairs of cards: kind, id, issuer or digest of the old one, the same with `new_` before it. Raises
    `InputRefused`."""
    return read_rows(source, Replacement, (*_ID, *_NEW), _pair_of)


def read_rows(
    source: BinaryIO,
    kind: type[T],
    columns: tuple[str, ...],
    make: Callable[[dict[str, str]], object],
    advice: str = ADVICE,
) -> Iterator[Row[T]]:
    """A file of another kind, read the same way: a JSON list of `kind`, or CSV with these columns, of which `make`
    makes one from stripped cells. Raises `InputRefused` at the bad row, with `advice`: where its format is written."""
    try:
        yield from _rows(source, kind, columns, make)
    except InputRefused as refused:
        refused.advice = refused.advice or advice
        raise


def _rows(
    source: BinaryIO, kind: type[T], columns: tuple[str, ...], make: Callable[[dict[str, str]], object]
) -> Iterator[Row[T]]:
    buffered = io.BufferedReader(source) if not isinstance(source, io.BufferedReader) else source  # type: ignore[type-var]
    head = buffered.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if head == b"[":
        yield from _json(buffered, kind)
        return
    if head == b"{":
        raise InputRefused("a JSON object where a list belongs")
    yield from _csv(_lines(buffered), kind, columns, make)


def _lines(source: BinaryIO) -> Iterator[str]:
    number = 0
    while line := source.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise InputRefused("a line without an end", where=f"line {number}")
        try:
            yield line.removeprefix(b"\xef\xbb\xbf").decode() if number == 1 else line.decode()
        except UnicodeDecodeError as error:
            raise _fault(error, f"line {number}") from None


def _json(source: BinaryIO, kind: type[T]) -> Iterator[Row[T]]:
    data = source.read(MAX_JSON + 1).removeprefix(b"\xef\xbb\xbf")
    if len(data) > MAX_JSON:
        raise InputRefused("more than 256 MB of JSON", "Give it as CSV")
    try:
        parts = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputRefused("not a JSON list in UTF-8") from None
    for number, part in enumerate(parts, start=1):
        try:
            yield f"item {number}", msgspec.json.decode(part, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _fault(error, f"item {number}") from None


def _csv(
    lines: Iterable[str], kind: type[T], columns: tuple[str, ...], make: Callable[[dict[str, str]], object]
) -> Iterator[Row[T]]:
    reader = csv.DictReader(lines, strict=True)
    number = 1
    try:
        names = reader.fieldnames or ()
        if not names or len(set(names)) != len(names) or not set(names) <= set(columns):
            known = ", ".join(columns)
            raise InputRefused("the first row does not name the columns", f"Each once, of: {known}", where="row 1")
        for number, cells in enumerate(reader, start=2):
            if None in cells or None in cells.values():
                raise InputRefused("has not as many fields as the first row", where=f"row {number}")
            stripped = {name: cell.strip() for name, cell in cells.items()}
            yield f"row {number}", msgspec.convert(make(stripped), kind, strict=False)
    except csv.Error:
        raise InputRefused("not CSV: quotes or line ends are wrong", where=f"after row {number}") from None
    except msgspec.ValidationError as error:
        raise _fault(error, f"row {number}") from None


def _fault(error: Exception, where: str) -> InputRefused:
    """What is wrong, by the path of the field: msgspec repeats no values there, but names of unknown fields."""
    if isinstance(error, UnicodeDecodeError):
        return InputRefused("not in UTF-8", where=where)
    path = str(error).partition(" - at ")[2].strip("`").removeprefix("$").lstrip(".")
    return InputRefused(f"wrong, unknown or missing: {path or 'a field'}", where=where)


def _holder_of(cells: dict[str, str]) -> dict[str, object]:
    said: dict[str, object] = {"holder": cells.get("holder", "")}
    if cells.get("action"):
        said["action"] = cells["action"]
    if "entitlements" in cells:
        said["entitlements"] = cells["entitlements"].split()
    said |= {name: cells[name] or None for name in _FACTS if name in cells}
    if cells.get("holder_ended_ms"):
        said["ended_ms"] = cells["holder_ended_ms"]
    card = {name: _cell(name, cells[name]) for name in _CARD_ALL if name in cells}
    if any(cells.get(name) for name in _CARD_ALL):
        said["credentials"] = [{name: value for name, value in card.items() if value is not UNSET}]
    return said


def _cell(name: str, cell: str) -> object:
    """An empty cell is none, open, no; what has no such word is not said."""
    if cell:
        return cell
    if name in _NUMBERS:
        return 0 if name not in ("from", "until") else UNSET
    if name in _FLAGS:
        return False
    return None if name == "replaced_by" else UNSET


def _pair_of(cells: dict[str, str]) -> dict[str, object]:
    old = {name: cells[name] for name in _ID if cells.get(name)}
    return {"old": old, "new": {name: cells[f"new_{name}"] for name in _ID if cells.get(f"new_{name}")}}

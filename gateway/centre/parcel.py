"""A message of entries opened: what can be stored, what will never be, and what cannot even be told by number.

One bad entry does not cost its neighbours: a batch that does not open as a whole is opened entry by entry.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.entry import Entry, EntryId, Stream
from gateway.model.errors import InputRefused
from gateway.wire.envelope import MAX_BATCH_ENTRIES, Hex, decode_batch, join_batch

_INT64 = 2**63


class Refusal(msgspec.Struct, frozen=True):
    """An entry that will never be stored, by its number, with the reason."""

    id: EntryId
    reason: str


class Parcel(msgspec.Struct, frozen=True):
    """`poison`: why some of it could be told by no number; empty when all could."""

    gateway: str
    entries: list[Entry]
    refusals: list[Refusal] = []
    poison: str = ""


class _Numbered(msgspec.Struct):
    """The least that an event must say to be refused by its number."""

    epoch: Hex
    seq: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


_numbered = msgspec.json.Decoder(_Numbered)
_pieces = msgspec.json.Decoder(list[msgspec.Raw])


def open_parcel(city: str, gateway: str, stream: Stream, payload: bytes) -> Parcel:
    """What a message on a gateway's topic of this stream holds. Never fails: bad input is an answer, too."""
    try:
        entries = decode_batch(city, gateway, stream, payload)
    except InputRefused as refused:
        return _piecemeal(city, gateway, stream, payload, refused)
    if all(_storable(entry) for entry in entries):
        return Parcel(gateway, entries)
    return _sorted(gateway, entries, [], "")


def _piecemeal(city: str, gateway: str, stream: Stream, payload: bytes, whole: InputRefused) -> Parcel:
    try:
        pieces = _pieces.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Parcel(gateway, [], poison=whole.what)
    if not 1 <= len(pieces) <= 4 * MAX_BATCH_ENTRIES:
        return Parcel(gateway, [], poison=whole.what)
    entries: list[Entry] = []
    refusals: list[Refusal] = []
    poison = ""
    for piece in pieces:
        raw = bytes(piece)
        try:
            entries += decode_batch(city, gateway, stream, join_batch([raw]))
        except InputRefused as refused:
            entry_id = _number(gateway, stream, raw)
            if entry_id is None:
                poison = refused.what
            else:
                refusals.append(Refusal(entry_id, refused.what))
    return _sorted(gateway, entries, refusals, poison)


def _sorted(gateway: str, entries: list[Entry], refusals: list[Refusal], poison: str) -> Parcel:
    refusals += [Refusal(e.header.id, "its clocks or its boot id cannot be kept") for e in entries if not _storable(e)]
    return Parcel(gateway, [entry for entry in entries if _storable(entry)], refusals, poison)


def _storable(entry: Entry) -> bool:
    """Whether its clocks fit 64-bit integers, and its boot id a text of PostgreSQL."""
    at = entry.header.at
    return at.wall_ms < _INT64 and at.mono_ns < _INT64 and "\0" not in at.boot


def _number(gateway: str, stream: Stream, raw: bytes) -> EntryId | None:
    try:
        numbered = _numbered.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return EntryId(gateway, numbered.epoch, stream, numbered.seq)

"""A registry as it is written: canonical lines, so that its SHA-256 names it, however it came about.

    {"key_id":…,"holders":H,"credentials":C}
    H lines, one holder each (`RegistryHolder`), in the order of their ids
    C lines, one credential each (`RegistryCredential`), in the order of their digests

Each line is JSON as msgspec writes the type (fields in their order, defaults left out, no blanks) and ends with a line
feed; order is that of code points. A gateway reads it piece by piece and never holds it whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeVar

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire.contents import KeyId, RegistryContent, RegistryCredential, RegistryDelta, RegistryHolder

MAX_LINE = 16 * 1024
"""Bytes. A holder with 256 entitlements has about 9,000."""
MAX_ROWS = 4_000_000
Rows = Annotated[int, msgspec.Meta(ge=0, le=MAX_ROWS)]
T = TypeVar("T")


class RegistryHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: how many lines follow."""

    key_id: KeyId
    holders: Rows
    credentials: Rows


Line = RegistryHeader | RegistryHolder | RegistryCredential


def write(
    key_id: str,
    counts: tuple[int, int],
    holders: Iterable[RegistryHolder],
    credentials: Iterable[RegistryCredential],
) -> Iterator[bytes]:
    """The lines of a registry whose holders and credentials come in their order."""
    encode = msgspec.json.encode
    yield encode(RegistryHeader(key_id, *counts)) + b"\n"
    for holder in holders:
        yield encode(holder) + b"\n"
    for credential in credentials:
        yield encode(credential) + b"\n"


def encode(content: RegistryContent) -> bytes:
    """The one written form of a registry, whatever the order it is given in."""
    counts = len(content.holders), len(content.credentials)
    holders = sorted(content.holders, key=lambda holder: holder.id)
    credentials = sorted(content.credentials, key=lambda credential: credential.digest)
    return b"".join(write(content.key_id, counts, holders, credentials))


def name(lines: Iterable[bytes]) -> str:
    """SHA-256 of these lines, in hex."""
    whole = hashlib.sha256()
    for line in lines:
        whole.update(line)
    return whole.hexdigest()


def read(pieces: Iterable[bytes]) -> Iterator[Line]:
    """Header, holders, credentials from content in pieces of any size.

    Raises `InputRefused` at the line that is not what it should be: out of order, twice there, missing.
    """
    lines = _lines(pieces)
    header = _decode(next(lines, b""), RegistryHeader, 1)
    yield header
    previous = ""
    for at in range(2, header.holders + 2):
        holder = _decode(next(lines, b""), RegistryHolder, at)
        if holder.id <= previous:
            raise InputRefused(f"registry, line {at}: out of order, or there twice", code="bundle_content")
        previous = holder.id
        yield holder
    previous = ""
    for at in range(header.holders + 2, header.holders + header.credentials + 2):
        credential = _decode(next(lines, b""), RegistryCredential, at)
        if credential.digest <= previous:
            raise InputRefused(f"registry, line {at}: out of order, or there twice", code="bundle_content")
        previous = credential.digest
        yield credential
    if next(lines, None) is not None:
        raise InputRefused("registry: more lines than its first one says", code="bundle_content")


def decode(content: bytes) -> RegistryContent:
    """A whole registry in memory: for the centre, not for a gateway. Raises `InputRefused`."""
    lines = list(read((content,)))
    return RegistryContent(
        "".join(line.key_id for line in lines[:1] if isinstance(line, RegistryHeader)),
        tuple(line for line in lines if isinstance(line, RegistryHolder)),
        tuple(line for line in lines if isinstance(line, RegistryCredential)),
    )


def difference(old: RegistryContent, new: RegistryContent) -> RegistryDelta:
    """The delta that leads from one to the other. Raises `InputRefused` when they were made with different keys."""
    if old.key_id != new.key_id:
        raise InputRefused(
            f"made with card keys {old.key_id!r} and {new.key_id!r}", "Publish the whole registry under a new key"
        )
    people_before = {holder.id: holder for holder in old.holders}
    cards_before = {card.digest: card for card in old.credentials}
    people = {holder.id for holder in new.holders}
    cards = {card.digest for card in new.credentials}
    return RegistryDelta(
        new.key_id,
        tuple(holder for holder in new.holders if people_before.get(holder.id) != holder),
        tuple(card for card in new.credentials if cards_before.get(card.digest) != card),
        tuple(sorted(people_before.keys() - people)),
        tuple(sorted(cards_before.keys() - cards)),
    )


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        lines = (held + piece).split(b"\n")
        held = lines.pop()
        if len(held) > MAX_LINE:
            raise InputRefused("registry: a line without an end", code="bundle_content")
        yield from lines
    if held:
        raise InputRefused("registry: cut off", code="bundle_content")


def _decode(line: bytes, kind: type[T], at: int) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"registry, line {at}: {error}", code="bundle_content") from error

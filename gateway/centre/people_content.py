"""Registry and blocked cards in the written form in which bundles carry them.

Both are canonical: the same content has the same bytes, so that its SHA-256 names it.

registry   one JSON document a line, each ended by a line feed: a header with the counts, holders by id, credentials by
           digest, in the order of code points; fields in their order, defaults left out
blocks     one JSON document, digests in their order
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from gateway.centre.people_out import Blocked
from gateway.wire.contents import RegistryContent

MAX_BLOCKED = 900
"""Cards in one list: it travels whole. Older ones are in the registries by then."""


class _Header(msgspec.Struct, frozen=True):
    key_id: str
    holders: int
    credentials: int


class _Blocks(msgspec.Struct, frozen=True):
    key_id: str
    digests: tuple[str, ...]


def registry_lines(content: RegistryContent) -> Iterator[bytes]:
    """The one written form of a registry, whatever the order it is given in."""
    encode = msgspec.json.encode
    yield encode(_Header(content.key_id, len(content.holders), len(content.credentials))) + b"\n"
    for holder in sorted(content.holders, key=lambda holder: holder.id):
        yield encode(holder) + b"\n"
    for credential in sorted(content.credentials, key=lambda credential: credential.digest):
        yield encode(credential) + b"\n"


def write_registry(content: RegistryContent, out: IO[bytes]) -> str:
    """Returns its SHA-256 in hex."""
    name = hashlib.sha256()
    for line in registry_lines(content):
        name.update(line)
        out.write(line)
    return name.hexdigest()


def write_blocks(key_id: str, blocked: Sequence[Blocked], out: IO[bytes]) -> str:
    """Returns its SHA-256 in hex."""
    content = msgspec.json.encode(_Blocks(key_id, tuple(sorted(card.digest for card in blocked))))
    out.write(content)
    return hashlib.sha256(content).hexdigest()

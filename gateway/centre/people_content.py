"""Registry and blocked cards out of the store, in the written form in which bundles carry them.

Both are canonical: the same content has the same bytes, so that its SHA-256 names it (`gateway.wire.registry`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from gateway.centre.people_out import Blocked
from gateway.wire import registry
from gateway.wire.contents import MAX_BLOCKED, Blocks, RegistryContent

__all__ = ["MAX_BLOCKED", "registry_lines", "write_blocks", "write_registry"]


def registry_lines(content: RegistryContent) -> Iterator[bytes]:
    """The one written form of a registry, whatever the order it is given in, line by line."""
    holders = sorted(content.holders, key=lambda holder: holder.id)
    credentials = sorted(content.credentials, key=lambda credential: credential.digest)
    return registry.write(content.key_id, (len(holders), len(credentials)), holders, credentials)


def write_registry(content: RegistryContent, out: IO[bytes]) -> str:
    """Returns its SHA-256 in hex."""
    name = hashlib.sha256()
    for line in registry_lines(content):
        name.update(line)
        out.write(line)
    return name.hexdigest()


def write_blocks(key_id: str, blocked: Sequence[Blocked], out: IO[bytes]) -> str:
    """Returns its SHA-256 in hex."""
    content = msgspec.json.encode(Blocks(key_id, tuple(sorted(card.digest for card in blocked))))
    out.write(content)
    return hashlib.sha256(content).hexdigest()

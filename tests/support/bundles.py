"""Bundles handed over as a person at the gateway does it: announced, then chunk by chunk what is missing."""

from __future__ import annotations

import msgspec

from gateway.sync.bundles import Bundles
from gateway.wire.bundle import MAX_WHOLE, SignedBundle, read_manifest
from gateway.wire.chunks import CHUNK_BYTES


async def hand_over(bundles: Bundles, bundle: SignedBundle) -> None:
    """Raises what the gateway has against it."""
    content, sha256 = bundle.content or b"", read_manifest(bundle.manifest).sha256
    if len(content) > MAX_WHOLE:
        bundle = msgspec.structs.replace(bundle, content=None)
    for index in await bundles.hand_over(msgspec.json.encode(bundle)):
        await bundles.put_chunk(sha256, index, content[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])

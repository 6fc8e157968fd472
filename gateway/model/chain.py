"""The chain over commitments: cuts and edits show, erasure still works.

digest = H(previous, header, H(salt ‖ body)), SHA-256 over length-prefixed parts: each part is preceded by its
length as 8 bytes, big endian, so that no two different lists of parts give the same input.
The gateway computes it when it stores an entry, the centre computes it again when it takes the entry in.
"""

from __future__ import annotations

import hashlib

from gateway.model.entry import Header, Stream


def _hash(*parts: bytes) -> bytes:
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def genesis(gateway: str, epoch: str, stream: Stream) -> bytes:
    """What stands before the first entry of a stream."""
    return _hash(b"smartplace chain 1", gateway.encode(), epoch.encode(), stream.encode())


def commitment(salt: bytes, body: bytes) -> bytes:
    """H(salt ‖ body): stays when body and salt are forgotten."""
    return hashlib.sha256(salt + body).digest()


def digest(previous: bytes, header: Header, committed: bytes) -> bytes:
    """The chain's next link."""
    entry, at = header.id, header.at
    fields = (
        entry.gateway,
        entry.epoch,
        entry.stream,
        str(entry.seq),
        header.kind,
        str(at.wall_ms),
        str(at.mono_ns),
        at.boot,
        at.quality,
    )
    return _hash(previous, *(field.encode() for field in fields), committed)

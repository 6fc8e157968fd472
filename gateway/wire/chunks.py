"""Large contents in pieces: what a gateway asks for, and the pieces as they come.

Content is addressed by its SHA-256 and cut into chunks of `CHUNK_BYTES`, the last one shorter. Nothing large is sent to
anyone who has not asked: the gateway says what it wants (`Want`, JSON), each chunk is one message:

    32 bytes   SHA-256 of the whole content
     4 bytes   number of the chunk, from 0, big-endian
     rest      its bytes

A chunk proves nothing by itself; the content is judged as a whole, by its hash.
"""

from __future__ import annotations

import struct
from typing import Annotated

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire.bundle import MAX_CONTENT, BundleKind, Hash

CHUNK_BYTES = 120 * 1024
"""With its header below 128 kB, which every broker takes."""
MAX_CHUNKS = -(-MAX_CONTENT // CHUNK_BYTES)
MAX_ASKED = 8
"""Chunks that one message may ask for."""
_HEADER = struct.Struct(">32sI")
HEADER_BYTES = _HEADER.size

Index = Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHUNKS)]


class WantChunks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chunks", tag_field="want"):
    """These chunks of this content, please."""

    sha256: Hash
    chunks: Annotated[tuple[Index, ...], msgspec.Meta(min_length=1, max_length=MAX_ASKED)]


class WantWhole(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="whole", tag_field="want"):
    """The delta that was announced does not fit what is in force here: the whole registry, please."""

    kind: BundleKind


Want = WantChunks | WantWhole
_want: msgspec.json.Decoder[Want] = msgspec.json.Decoder(Want)


class Chunk(msgspec.Struct, frozen=True):
    """One piece. `data` is a view into the message: copy it to keep it."""

    sha256: str
    index: int
    data: memoryview


def decode_want(payload: bytes) -> Want:
    """What a gateway asks for. Raises `InputRefused`."""
    try:
        return _want.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a wish for chunks: {error}") from error


def encode_chunk(sha256: str, index: int, data: bytes) -> bytes:
    return _HEADER.pack(bytes.fromhex(sha256), index) + data


def decode_chunk(payload: bytes) -> Chunk:
    """A chunk from its message. Raises `InputRefused` for what can be none."""
    if not _HEADER.size < len(payload) <= _HEADER.size + CHUNK_BYTES:
        raise InputRefused(f"{len(payload)} bytes are no chunk")
    sha256, index = _HEADER.unpack_from(payload)
    if index >= MAX_CHUNKS:
        raise InputRefused(f"no content has a chunk {index}")
    return Chunk(sha256.hex(), index, memoryview(payload)[_HEADER.size :])


def count(size: int) -> int:
    """How many chunks content of this size has."""
    return -(-size // CHUNK_BYTES)


def size_of(size: int, index: int) -> int:
    """Bytes of this chunk of content of this size."""
    return min(CHUNK_BYTES, size - index * CHUNK_BYTES)

"""Chunks and wishes: what is none is refused, whatever its bytes are."""

from __future__ import annotations

import contextlib
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import chunks
from gateway.wire.bundle import MAX_CONTENT, BundleKind
from gateway.wire.chunks import CHUNK_BYTES, MAX_CHUNKS, WantChunks, WantWhole, decode_chunk, decode_want, encode_chunk

SHA = hashlib.sha256(b"x").hexdigest()


@given(st.binary(min_size=1, max_size=300), st.integers(0, MAX_CHUNKS - 1))
def test_a_chunk_travels_as_it_is(data: bytes, index: int) -> None:
    found = decode_chunk(encode_chunk(SHA, index, data))
    assert (found.sha256, found.index, bytes(found.data)) == (SHA, index, data)


def test_a_message_with_a_chunk_stays_below_128_kb() -> None:
    assert len(encode_chunk(SHA, 0, bytes(CHUNK_BYTES))) < 128_000


@given(st.integers(1, MAX_CONTENT))
def test_the_chunks_of_a_content_are_all_of_it(size: int) -> None:
    sizes = [chunks.size_of(size, index) for index in range(chunks.count(size))]
    assert sum(sizes) == size
    assert all(0 < one <= CHUNK_BYTES for one in sizes)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(36),
        encode_chunk(SHA, MAX_CHUNKS, b"x"),
        encode_chunk(SHA, 2**32 - 1, b"x"),
        encode_chunk(SHA, 0, bytes(CHUNK_BYTES + 1)),
    ],
)
def test_what_can_be_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused):
        decode_chunk(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_chunk_or_refused(payload: bytes) -> None:
    with contextlib.suppress(InputRefused):
        assert decode_chunk(payload).index < MAX_CHUNKS


@given(st.lists(st.integers(0, MAX_CHUNKS - 1), min_size=1, max_size=8))
def test_a_wish_travels_as_it_is(indexes: list[int]) -> None:
    for wish in (WantChunks(SHA, tuple(indexes)), WantWhole(BundleKind.REGISTRY)):
        assert decode_want(msgspec.json.encode(wish)) == wish


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[" * 100_000,
        b"\xff",
        b'{"want":"everything"}',
        b'{"want":"whole","kind":"weather"}',
        b'{"want":"chunks","sha256":"%s","chunks":[]}' % SHA.encode(),
        b'{"want":"chunks","sha256":"%s","chunks":[0,1,2,3,4,5,6,7,8]}' % SHA.encode(),
        b'{"want":"chunks","sha256":"%s","chunks":[-1]}' % SHA.encode(),
        b'{"want":"chunks","sha256":"%s","chunks":[%d]}' % (SHA.encode(), MAX_CHUNKS),
        b'{"want":"chunks","sha256":"ABC","chunks":[0]}',
        b'{"want":"chunks","sha256":"%s","chunks":[0],"more":1}' % SHA.encode(),
    ],
)
def test_what_is_no_wish_is_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused):
        decode_want(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_wish_or_refused(payload: bytes) -> None:
    with contextlib.suppress(InputRefused):
        decode_want(payload)

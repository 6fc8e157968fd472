"""The chain over commitments: computed here by hand, so that any other program can."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId, EntryKind, Header, Stream

HEADER = Header(
    EntryId("museum-1", "a1", Stream.RECEIPT, 7), EntryKind.ADMISSION, Stamp(1000, 2000, "boot", ClockQuality.RTC)
)


@dataclass
class Parts:
    """Length-prefixed parts, written down independently."""

    data: bytes = b""

    def add(self, *parts: bytes) -> Parts:
        for part in parts:
            self.data += len(part).to_bytes(8, "big") + part
        return self

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.data).digest()


def test_a_digest_by_hand() -> None:
    fields = (b"museum-1", b"a1", b"receipt", b"7", b"admission", b"1000", b"2000", b"boot", b"rtc")
    assert chain.digest(b"p" * 32, HEADER, b"c" * 32) == Parts().add(b"p" * 32, *fields, b"c" * 32).hash


def test_a_genesis_by_hand() -> None:
    wanted = Parts().add(b"smartplace chain 1", b"museum-1", b"a1", b"receipt").hash
    assert chain.genesis("museum-1", "a1", Stream.RECEIPT) == wanted


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=50))
def test_a_commitment_by_hand(salt: bytes, body: bytes) -> None:
    assert chain.commitment(salt, body) == hashlib.sha256(salt + body).digest()


def test_no_two_lists_of_parts_share_an_input() -> None:
    assert chain.genesis("ab", "c", Stream.RECEIPT) != chain.genesis("a", "bc", Stream.RECEIPT)


def test_streams_start_apart() -> None:
    assert len({chain.genesis("g", "e", stream) for stream in Stream}) == len(Stream)

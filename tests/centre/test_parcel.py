"""Messages opened: one bad entry costs none of its neighbours, and nothing at all can make the centre fall."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.centre.parcel import open_parcel
from gateway.centre.store import Store
from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, Stream
from tests.centre.chains import CITY, EPOCH, GATEWAY, batch, chain_of
from tests.support.clock import FakeClock


def opened(payload: bytes, stream: Stream = Stream.RECEIPT) -> tuple[list[int], list[int], bool]:
    """Numbers taken, numbers refused, and whether some could not be told."""
    parcel = open_parcel(CITY, GATEWAY, stream, payload)
    refused = [refusal.id.seq for refusal in parcel.refusals]
    return [entry.header.id.seq for entry in parcel.entries], refused, bool(parcel.poison)


def test_a_good_batch_is_taken_whole() -> None:
    assert opened(batch(chain_of(5))) == ([1, 2, 3, 4, 5], [], False)


def test_one_edited_entry_is_refused_by_its_number_alone() -> None:
    payload = batch(chain_of(3)).replace(b'{"n":2}', b'{"n":9}')
    assert opened(payload) == ([1, 3], [2], False)


def test_an_entry_without_a_usable_number_is_poison() -> None:
    events = msgspec.json.decode(batch(chain_of(3)))
    events[1]["seq"] = "two"
    assert opened(msgspec.json.encode(events)) == ([1, 3], [], True)


def test_an_entry_of_another_gateway_is_refused() -> None:
    assert opened(batch(chain_of(1, gateway="thief-1"))) == ([], [1], False)


def test_an_entry_of_another_stream_is_refused() -> None:
    assert opened(batch(chain_of(1)), Stream.AUDIT) == ([], [1], False)


def test_clocks_that_fit_no_store_are_refused() -> None:
    (entry,) = chain_of(1)
    header = msgspec.structs.replace(entry.header, at=Stamp(1, 2**63, "b" * 32, ClockQuality.GUESS))
    digest = chain.digest(entry.previous, header, entry.commitment)
    late = msgspec.structs.replace(entry, header=header, digest=digest)
    assert opened(batch([late])) == ([], [1], False)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'[{"seq":1}]'])
def test_what_is_no_batch_is_poison(payload: bytes) -> None:
    assert opened(payload) == ([], [], True)


@given(st.binary(max_size=300))
def test_any_bytes_are_poison_or_entries(payload: bytes) -> None:
    open_parcel(CITY, GATEWAY, Stream.RECEIPT, payload)


def mangled(entry: Entry, rng: random.Random) -> bytes:
    """A batch with one thing wrong, at any place and of any type."""
    (event,) = msgspec.json.decode(batch([entry]))
    name = rng.choice([*event, "commitment", "surprise"])
    odd: list[object] = [None, True, -1, 0, 1, 2**31 - 1, 2**63, 2**70, 1.5, "", "\0", "é", "9" * 19, "Aa==", [], {}]
    event[name] = rng.choice([*odd, EPOCH, event.get("digest")])
    return msgspec.json.encode([event])


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
@example(random.Random(1))
def test_an_entry_with_anything_wrong_is_stored_or_refused_and_never_more(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "mangled.db", FakeClock())
    store.open()
    parcels = [open_parcel(CITY, GATEWAY, Stream.RECEIPT, mangled(chain_of(1)[0], rng)) for _ in range(5)]
    taken = store.take_parcels(parcels)
    store.close()
    told = sum(len(parcel.entries) + len(parcel.refusals) for parcel in parcels)
    assert taken.stored + taken.duplicates + taken.conflicts + taken.refused <= told
    assert all(parcel.entries or parcel.refusals or parcel.poison for parcel in parcels)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_flipped_byte_never_brings_in_another_entry(data: st.DataObject) -> None:
    good = chain_of(2)
    payload = bytearray(batch(good))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    parcel = open_parcel(CITY, GATEWAY, Stream.RECEIPT, bytes(payload))
    assert {entry.digest for entry in parcel.entries} <= {entry.digest for entry in good}


def test_the_store_keeps_nothing_of_a_refused_entry(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.db", FakeClock())
    store.open()
    payload = batch(chain_of(1)).replace(b'{"n":1}', b'{"secret":1}')
    store.take_parcels([open_parcel(CITY, GATEWAY, Stream.RECEIPT, payload)])
    store.close()
    assert b"secret" not in (tmp_path / "c.db").read_bytes()

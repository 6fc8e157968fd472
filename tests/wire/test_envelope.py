"""Entries on the wire: out and back byte for byte, and no change on the way that is not refused."""

from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from gateway.model.errors import InputRefused
from gateway.wire.envelope import MAX_BATCH_ENTRIES, decode_batch, encode_entry, join_batch

CITY, GATEWAY, EPOCH = "jelgava", "museum-1", "a1" * 8


def entry(
    seq: int = 1,
    body: bytes = b'{"a":1}',
    *,
    salt: bytes = bytes(16),
    previous: bytes = bytes(32),
    stream: Stream = Stream.RECEIPT,
    kind: EntryKind = EntryKind.RECEIPT,
    at: Stamp | None = None,
) -> Entry:
    stamp = at if at is not None else Stamp(1_795_424_400_001, 10**15, "b" * 32, ClockQuality.NTP)
    header = Header(EntryId(GATEWAY, EPOCH, stream, seq), kind, stamp)
    committed = chain.commitment(salt, body)
    return Entry(header, previous, committed, chain.digest(previous, header, committed), salt, body)


def forgotten(whole: Entry) -> Entry:
    return msgspec.structs.replace(whole, salt=None, body=None)


def decode(payload: bytes, stream: Stream = Stream.RECEIPT, gateway: str = GATEWAY, city: str = CITY) -> list[Entry]:
    return decode_batch(city, gateway, stream, payload)


def batch(*entries: Entry) -> bytes:
    return join_batch([encode_entry(CITY, each) for each in entries])


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
stamps = st.builds(
    Stamp,
    st.integers(0, 2**42),
    st.integers(0, 2**62),
    st.text("0123456789abcdef", max_size=32),
    st.sampled_from(ClockQuality),
)


@given(
    values, st.integers(1, 2**31 - 1), st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32), stamps
)
def test_out_and_back_byte_for_byte(value: object, seq: int, salt: bytes, previous: bytes, at: Stamp) -> None:
    whole = entry(seq, msgspec.json.encode(value), salt=salt, previous=previous, at=at)
    assert decode(batch(whole)) == [whole]
    assert decode(batch(forgotten(whole))) == [forgotten(whole)]


@pytest.mark.parametrize("body", [b"null", b"0", b'""', b"{}", b'{"a": 1,  "b":\t[ ]\n}', '{"ā":"\\u0101"}'.encode()])
def test_the_bodys_own_spelling_is_kept(body: bytes) -> None:
    (back,) = decode(batch(entry(body=body)))
    assert back.body == body


def test_a_forgotten_entry_goes_up_as_its_commitment() -> None:
    (event,) = json.loads(batch(forgotten(entry())))
    assert "data" not in event
    assert "salt" not in event
    assert event["commitment"]


def test_an_event_reads_as_cloudevents_1_0() -> None:
    (event,) = json.loads(batch(entry(7)))
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
    assert event["id"] == f"museum-1/{EPOCH}/receipt/7"
    assert event["source"] == "urn:smartplace:jelgava:museum-1"
    assert event["type"] == "smartplace.receipt.receipt"
    assert event["time"] == "2026-11-23T09:00:00.001Z"
    assert event["data"] == {"a": 1}
    assert all(name.isalnum() and name.islower() for name in event)


def test_a_batch_keeps_its_order() -> None:
    entries = [entry(seq) for seq in range(1, MAX_BATCH_ENTRIES + 1)]
    assert decode(batch(*entries)) == entries


@pytest.mark.parametrize(
    "address",
    [{"stream": Stream.AUDIT}, {"gateway": "museum-2"}, {"city": "siauliai"}],
)
def test_an_entry_on_anothers_topic_is_refused(address: dict[str, str]) -> None:
    parts = {"city": CITY, "gateway": GATEWAY, "stream": Stream.RECEIPT, **address}
    with pytest.raises(InputRefused):
        decode_batch(parts["city"], parts["gateway"], Stream(parts["stream"]), batch(entry()))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("epoch", "b2" * 8),
        ("seq", 2),
        ("seq", 0),
        ("seq", 2**31),
        ("wallms", "1795424400002"),
        ("wallms", "-1"),
        ("wallms", 1795424400001),
        ("mono", "1"),
        ("boot", "c" * 32),
        ("timeq", "guess"),
        ("timeq", "perfect"),
        ("type", "smartplace.receipt.void"),
        ("type", "smartplace.receipt.unheard_of"),
        ("type", "smartplace.audit.receipt"),
        ("specversion", "2.0"),
        ("id", "museum-1/x/receipt/1"),
        ("source", "urn:smartplace:jelgava:museum-2"),
        ("previous", "A" * 43 + "="),
        ("previous", "AA=="),
        ("digest", "A" * 43 + "="),
        ("digest", "no base64"),
        ("salt", "B" * 22 + "=="),
        ("salt", ""),
        ("commitment", "A" * 43 + "="),
        ("data", {"a": 2}),
        ("data", None),
    ],
)
def test_a_change_of_what_it_says_is_refused(attribute: str, value: object) -> None:
    (event,) = json.loads(batch(entry()))
    with pytest.raises(InputRefused):
        decode(json.dumps([{**event, attribute: value}]).encode())


@pytest.mark.parametrize(
    "attribute",
    ["id", "source", "type", "epoch", "seq", "wallms", "mono", "boot", "timeq", "previous", "digest", "salt", "data"],
)
def test_nothing_that_is_needed_may_be_missing(attribute: str) -> None:
    (event,) = json.loads(batch(entry()))
    del event[attribute]
    with pytest.raises(InputRefused):
        decode(json.dumps([event]).encode())


@given(st.data())
def test_a_changed_byte_is_refused_or_changes_nothing(data: st.DataObject) -> None:
    whole = entry(body=b'{"who":"h-1","cents":1250}')
    payload = bytearray(batch(whole))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputRefused):
        assert decode(bytes(payload)) == [whole]


@given(st.binary(max_size=200) | values.map(msgspec.json.encode))
def test_any_payload_is_decoded_or_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused):
        decode(payload)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"[" * 100_000, b"[" + b"{}," * 300 + b"{}]", b"\xff\xfe"])
def test_what_is_no_batch_is_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused):
        decode(payload)

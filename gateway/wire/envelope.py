"""Entries as events: CloudEvents 1.0, structured JSON, always the batch form (one entry is a batch of one).

The stored body is the event's `data` byte for byte; salt, previous and digest travel beside it, so that the
receiver computes the chain again. Integers that may pass 31 bits are strings (CloudEvents 1.0, type system).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from gateway.model.errors import InputRefused

CONTENT_TYPE = "application/cloudevents-batch+json"
MAX_BATCH_BYTES = 64 * 1024
"""A batch stays below this where its first entry alone does not pass it: every broker takes it."""
MAX_BATCH_ENTRIES = 64

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,32}$(?!\n)")]
Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,64}$(?!\n)")]
Base64 = Annotated[str, msgspec.Meta(max_length=64)]
Decimal = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}$(?!\n)")]


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry on the wire. Attributes that CloudEvents does not know are extensions of ours."""

    id: Annotated[str, msgspec.Meta(max_length=128)]
    source: Annotated[str, msgspec.Meta(max_length=128)]
    type: Annotated[str, msgspec.Meta(max_length=64)]
    time: str
    epoch: Hex
    seq: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    wallms: Decimal
    mono: Decimal
    boot: Annotated[str, msgspec.Meta(max_length=64)]
    timeq: ClockQuality
    previous: Base64
    digest: Base64
    commitment: Base64 = ""
    """Only for a forgotten entry, in the place of salt and data."""
    salt: Base64 = ""
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Event])


def encode_entry(city: str, entry: Entry) -> bytes:
    """One entry as one event (JSON object)."""
    header = entry.header
    entry_id, at = header.id, header.at
    wall = datetime.fromtimestamp(at.wall_ms / 1000, UTC)
    event = {
        "specversion": "1.0",
        "id": str(entry_id),
        "source": f"urn:smartplace:{city}:{entry_id.gateway}",
        "type": f"smartplace.{entry_id.stream}.{header.kind}",
        "time": wall.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "epoch": entry_id.epoch,
        "seq": entry_id.seq,
        "wallms": str(at.wall_ms),
        "mono": str(at.mono_ns),
        "boot": at.boot,
        "timeq": at.quality,
        "previous": _b64(entry.previous),
        "digest": _b64(entry.digest),
    }
    if entry.body is None or entry.salt is None:
        event["commitment"] = _b64(entry.commitment)
    else:
        event["salt"] = _b64(entry.salt)
        event["data"] = msgspec.Raw(entry.body)
    return _encoder.encode(event)


def join_batch(events: Sequence[bytes]) -> bytes:
    """Events as one batch: a JSON array."""
    return b"[" + b",".join(events) + b"]"


def decode_batch(city: str, gateway: str, stream: Stream, payload: bytes) -> list[Entry]:
    """The entries of a batch that `gateway` published on the topic of `stream`.

    Guarantee: ids, stream and digests agree with the topic and with each other, or `InputRefused` says what
    does not. Whether the chain joins what is already stored is the receiver's business.
    """
    try:
        events = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a batch of events: {error}", where=f"{gateway}/{stream}") from error
    if not 1 <= len(events) <= 4 * MAX_BATCH_ENTRIES:
        raise InputRefused(f"a batch of {len(events)} events", where=f"{gateway}/{stream}")
    return [_entry(city, gateway, stream, event) for event in events]


def _entry(city: str, gateway: str, stream: Stream, event: Event) -> Entry:
    entry_id = EntryId(gateway, event.epoch, stream, event.seq)
    where = str(entry_id)
    prefix = f"smartplace.{stream}."
    if event.id != where or event.source != f"urn:smartplace:{city}:{gateway}":
        raise InputRefused(f"event {event.id!r} does not belong to its topic", where=where)
    if not event.type.startswith(prefix) or event.specversion != "1.0":
        raise InputRefused(f"type {event.type!r} does not belong to its topic", where=where)
    try:
        kind = EntryKind(event.type.removeprefix(prefix))
        stamp = Stamp(int(event.wallms), int(event.mono), event.boot, event.timeq)
        previous, digest = _unb64(event.previous), _unb64(event.digest)
        salt = _unb64(event.salt) if event.salt else None
        stated = _unb64(event.commitment) if event.commitment else None
    except ValueError as error:
        raise InputRefused(str(error), where=where) from error
    body = bytes(event.data) if event.data else None
    if (salt is None) != (body is None) or (stated is None) == (body is None):
        raise InputRefused("needs either salt and data, or a commitment", where=where)
    committed = chain.commitment(salt, body) if salt is not None and body is not None else stated
    header = Header(entry_id, kind, stamp)
    if committed is None or len(previous) != 32 or chain.digest(previous, header, committed) != digest:
        raise InputRefused("its digest is not that of its content", where=where)
    return Entry(header, previous, committed, digest, salt, body)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error

"""What goes beside entries: acks, birth and last will. JSON, decoded strictly.

No message relies on MQTT 5, on retained wildcards or on shared subscriptions.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from gateway.model.entry import Stream
from gateway.model.errors import InputRefused
from gateway.wire.envelope import Hex

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""As in events. Larger numbers are nobody's, and would not fit a store."""
T = TypeVar("T")


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """The centre's word: of this stream and epoch all entries through `through` are stored, but for `missing`
    ranges (inclusive) that are to be sent again; `refused` will never be stored and are kept in quarantine."""

    stream: Stream
    epoch: Hex
    through: Seq
    missing: Annotated[tuple[tuple[Seq, Seq], ...], msgspec.Meta(max_length=1024)] = ()
    refused: Annotated[tuple[Seq, ...], msgspec.Meta(max_length=1024)] = ()


class Acks(msgspec.Struct, frozen=True):
    """What travels on the ack topic: one word per stream that has news."""

    acks: Annotated[tuple[Ack, ...], msgspec.Meta(max_length=64)]


class OlderEpoch(msgspec.Struct, frozen=True, omit_defaults=True):
    """An epoch before the present one, whose file still has entries without the centre's ack."""

    epoch: Hex
    last: dict[Stream, Seq] = {}
    through: dict[Stream, Seq] = {}


MAX_OLDER = 16
"""Epochs before the present one that a birth names."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Birth (`online`) and death (last will, or said at a clean stop). Both carry the same session id: a death
    of another session is late and means nothing. `last` is the newest seq per stream, `bundles` the numbers in
    force: from both the centre knows what is owed to whom."""

    online: bool
    session: str
    epoch: Hex
    boot: str = ""
    version: str = ""
    last: dict[Stream, Seq] = {}
    through: dict[Stream, Seq] = {}
    bundles: dict[str, int] = {}
    older: Annotated[tuple[OlderEpoch, ...], msgspec.Meta(max_length=MAX_OLDER)] = ()
    """Epochs that still drain, the oldest first; of more than that the oldest."""


def encode(message: msgspec.Struct) -> bytes:
    """A message as JSON."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[T], where: str) -> T:
    """A message of this kind, or `InputRefused` that says what is wrong with it."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a {kind.__name__}: {error}", where=where) from error

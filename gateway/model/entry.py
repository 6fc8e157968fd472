"""The durable record's words: streams, kinds of entries, and what identifies an entry."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.clock import Stamp


class Stream(StrEnum):
    """An entry's class: decides its promise and its lane (docs/ledger.md)."""

    RECEIPT = "receipt"
    IDENTIFICATION = "identification"
    AUDIT = "audit"
    DOCUMENT = "document"
    TELEMETRY = "telemetry"


FIRST_LANE = (Stream.RECEIPT, Stream.IDENTIFICATION, Stream.AUDIT)
BULK_LANE = (Stream.DOCUMENT, Stream.TELEMETRY)


class EntryKind(StrEnum):
    """What an entry says. The value is part of the wire (`type` of the event)."""

    # receipt
    RECEIPT = "receipt"
    ADMISSION = "admission"
    OPENED = "opened"
    PASSED = "passed"
    VOID = "void"
    WALKED = "walked"
    REFUND = "refund"
    FISCAL_WORK = "fiscal_work"
    FISCAL_STEP = "fiscal_step"
    FISCAL_OUTCOME = "fiscal_outcome"
    # identification
    IDENTIFICATION = "identification"
    REFUSAL = "refusal"
    FLOOD = "flood"
    # audit
    BUNDLE_APPLIED = "bundle_applied"
    BUNDLE_REFUSED = "bundle_refused"
    BUNDLE_RETURNED = "bundle_returned"
    DROPPED = "dropped"
    STARTED = "started"
    EPOCH_BEGAN = "epoch_began"
    SALVAGED = "salvaged"
    CHECKPOINT = "checkpoint"
    ERASURE = "erasure"
    SECURITY = "security"
    MESSAGE_REFUSED = "message_refused"
    COMMAND = "command"
    ANCHOR = "anchor"
    OVERRIDE = "override"
    FIRE_ALARM = "fire_alarm"
    INSIDE_SET = "inside_set"
    CARD_REQUEST = "card_request"
    Z_SEEN = "z_seen"
    Z_DUE = "z_due"
    # telemetry
    HEALTH = "health"


class EntryId(msgspec.Struct, frozen=True, order=True):
    """Identity of an entry for ever."""

    gateway: str
    epoch: str
    stream: Stream
    seq: int

    def __str__(self) -> str:
        return f"{self.gateway}/{self.epoch}/{self.stream}/{self.seq}"


def entry_name(entry: EntryId) -> str:
    """How what this gateway keeps of an entry's effects names it: quotas that it spends, a pass that it uses up."""
    return f"{entry.epoch}/{entry.stream}/{entry.seq}"


class Header(msgspec.Struct, frozen=True):
    """What of an entry outlives `forget`: holds no personal data."""

    id: EntryId
    kind: EntryKind
    at: Stamp


class Entry(msgspec.Struct, frozen=True):
    """An entry as it is stored and sent. `digest` = H(previous, header, H(salt ‖ body)); `body` and `salt`
    are None once the entry is forgotten, `commitment` = H(salt ‖ body) stays."""

    header: Header
    previous: bytes
    commitment: bytes
    digest: bytes
    salt: bytes | None
    body: bytes | None


class NewEntry(msgspec.Struct, frozen=True):
    """An entry on its way into the ledger. `body` is the exact JSON that will be stored and sent."""

    stream: Stream
    kind: EntryKind
    body: bytes

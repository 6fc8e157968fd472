"""What came from outside and was refused, into the audit stream: one entry for the first, then one for each tenfold."""

from __future__ import annotations

import logging
from collections import Counter
from enum import StrEnum

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import MessageRefusedBody, SecurityBody
from gateway.model.entry import EntryKind, NewEntry, Stream

log = logging.getLogger("sync")


class Suspicion(StrEnum):
    """Messages that no centre in order would send: `what` of a `security` entry."""

    ACK_UNKNOWN_EPOCH = "ack_unknown_epoch"
    ACK_NEVER_SENT = "ack_never_sent"
    ACK_WENT_BACK = "ack_went_back"
    ACK_MISSING_ABOVE = "ack_missing_above"
    ACK_REFUSED_ABOVE = "ack_refused_above"
    COMMAND_NOT_OURS = "command_not_ours"
    COMMAND_FLOOD = "command_flood"


class Notes:
    """Counts, so that a flood fills neither the card nor the log."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._refused = 0
        self._suspicions: Counter[Suspicion] = Counter()

    def refused(self, topic: str, reason: str) -> None:
        """A message that is none."""
        self._refused += 1
        if is_told(self._refused):
            log.warning("message refused on %s: %s", topic, reason)
            self._ledger.ride(refused_entry(topic, reason[:300], self._refused))

    def suspect(self, what: Suspicion, where: str) -> None:
        """A message that is well formed and cannot be true, or is not for us."""
        self._suspicions[what] += 1
        if is_told(count := self._suspicions[what]):
            log.warning("refused: %s: %s", what, where)
            body = SecurityBody(what=what, source=where[:300], count=count)
            self._ledger.ride(NewEntry(Stream.AUDIT, EntryKind.SECURITY, msgspec.json.encode(body)))


def refused_entry(source: str, reason: str, count: int = 1) -> NewEntry:
    """An entry for the audit stream."""
    body = MessageRefusedBody(source=source, reason=reason, count=count)
    return NewEntry(Stream.AUDIT, EntryKind.MESSAGE_REFUSED, msgspec.json.encode(body))


def is_told(count: int) -> bool:
    """Whether a flood that has come to this count is told now: the first, then each tenfold."""
    return str(count).rstrip("0") == "1"

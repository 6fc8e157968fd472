"""What is kept of a task in the table `answer`, and how it is amended when its work has ended."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.api.netfp import codes
from gateway.api.netfp.words import Message, encode
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.fiscal import PrintOutcome

OWNER = "netfp"
"""As the journal knows this face; also the first part of its answers' keys."""


def answer_key(task_id: str) -> str:
    """Under which its row stands."""
    return f"{OWNER}/{task_id}"


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task's row: the work's key (none for a call that is no work), what is told beside the outcome, and the answer
    once there is one."""

    key: str = ""
    messages: tuple[Message, ...] = ()
    result: Raw | UnsetType = UNSET


class AmendTask(msgspec.Struct, frozen=True):
    """Effect: a task's answer says how its work ended. An answer that is gone (14 days) stays gone."""

    key: str
    kind: str
    outcome: PrintOutcome

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT body FROM answer WHERE key=?", (self.key,)).fetchone()
        if row is None:
            return
        kept = msgspec.json.decode(row[0], type=Kept)
        said = encode(codes.of_outcome(self.outcome, self.kind, kept.messages))
        body = msgspec.json.encode(msgspec.structs.replace(kept, result=Raw(said)))
        db.execute("UPDATE answer SET body=? WHERE key=?", (body, self.key))

"""From any older schema of ledger.db to the present one: numbered steps, each one transaction. Loaded only when needed.

A step is never changed once it was released: files of every version must come through all that follow it.
"""

from __future__ import annotations

import logging
import sqlite3

from gateway.ledger import schema, tables

log = logging.getLogger("ledger")

STEPS: dict[int, tuple[str, ...]] = {
    1: tables.STATE_2,
    2: tables.STATE_3,
    3: tables.STATE_4,
    4: tables.STATE_5,
    5: tables.STATE_6,
    6: tables.STATE_7,
    7: (*tables.STATE_8, *tables.STATE_8_TILL),
}
"""Schema → the statements that lead to the next one."""


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring the file from `version` to `schema.SCHEMA`. A cut leaves the version before the step or the one after it.

    Raises `sqlite3.Error` when the disk refuses; the step's changes are undone then.
    """
    for number in range(version, schema.SCHEMA):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in STEPS[number]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version={number + 1}")
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        log.info("ledger.db: schema %d is now %d", number, number + 1)

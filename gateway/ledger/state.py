"""State tables from the file of one epoch into that of the next. Whatever never goes back takes the greater of all that
is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.ledger.peek import UNREADABLE
from gateway.model.entry import Stream

OWN = frozenset({"meta", "stream", "quarantine", "gap", *(stream.value for stream in Stream)})
"""Tables that belong to one file. All others are state, whoever added them."""

RISING = {
    "sun_counter": "{0}.counter",
    "bundle": "max({0}.highest, {0}.number)",  # a person may have gone back: `number` alone says nothing
    "bundle_key": "{0}.retired",
    "pass_used": "{0}.proof_s",
    "returned": "{0}.quantity",
    "quota_beyond": "{0}.grace + {0}.over",
}
"""Tables whose rows never go back, and what says so of a row."""

SPENT_IN_COPIES = frozenset(
    (
        *("quota_life", "quota_request", "quota_lease", "quota_hold", "quota_void", "quota_denied", "quota_handed"),
        *("card_counter", "card_use"),
    )
)
"""Tables whose rows may have been used up since a copy was made: never taken over from what may be one. Without them a
gateway begins a new life (docs/quotas.md), and the centre counts the leases of the old one as spent. What is owed to
cards may have been given since, too."""

DOUBTED_IN_COPIES = {"fiscal": "UPDATE fiscal SET point='closing' WHERE outcome=''"}
"""What is done to a table that comes from a copy: a receipt that was to be printed when the copy was made may have been
printed since. It is read back from the printer, or a person looks; it is not taken for one that was never sent."""


def state_tables(db: sqlite3.Connection) -> list[str]:
    """Names of the state tables of a file."""
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    return sorted({name for (name,) in rows} - OWN)


def take_over(
    new: sqlite3.Connection,
    old: sqlite3.Connection,
    *,
    doubt: bool = False,
    copy: bool = False,
    tables: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Copy every state table, or these, on `new`'s open transaction. Returns those that could not be read whole; of
    each of them what could be read is taken. `doubt`: the file is damaged; a table whose pages do not fit is not
    believed. `copy`: it may not be the newest state; what may have been used up since is left out."""
    unread: list[str] = []
    for table in state_tables(new) if tables is None else tables:
        if copy and table in SPENT_IN_COPIES:
            continue
        try:
            if doubt and old.execute(f"PRAGMA integrity_check('{table}')").fetchone()[0] != "ok":
                unread.append(table)
                if table not in RISING:
                    # Half a table of quotes or answers would book twice; half a table of counters is better than none.
                    continue
            whole = _copy(new, old, table)
            if copy and table in DOUBTED_IN_COPIES:
                new.execute(DOUBTED_IN_COPIES[table])
        except UNREADABLE:
            whole = False
        if not whole and table not in unread:
            unread.append(table)
    return tuple(unread)


def raise_from(new: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """Only what never goes back, from a further file: for a copy that may be older or newer."""
    for table in RISING:
        try:
            _copy(new, other, table)
        except UNREADABLE:
            continue  # It is one more witness, not the source.


def _copy(new: sqlite3.Connection, old: sqlite3.Connection, table: str) -> bool:
    columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    known = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    shared = [column for column in columns if column in known]
    if not shared:
        return False
    names, places = ", ".join(shared), ", ".join("?" * len(shared))
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"
    if (rising := RISING.get(table)) is None:
        insert += " ON CONFLICT DO NOTHING"
    else:
        sets = ", ".join(f"{column}=excluded.{column}" for column in shared)
        insert += f" ON CONFLICT DO UPDATE SET {sets} WHERE {rising.format('excluded')} > {rising.format(table)}"
    whole = True
    cursor = old.execute(f"SELECT {names} FROM {table}")
    while True:
        try:
            row = cursor.fetchone()
        except UNREADABLE:
            return False
        if row is None:
            return whole
        try:
            new.execute(insert, row)
        except sqlite3.IntegrityError:
            whole = False  # A damaged row has a value of another type than the table holds.

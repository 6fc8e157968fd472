"""What SQLite and PostgreSQL share and the common language of SQLAlchemy has not: `ON CONFLICT`, keys in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Delete, Select, Table, bindparam, tuple_
from sqlalchemy.dialects import postgresql, sqlite

KEYS = 500
"""Keys that one statement asks for."""


def insert(db: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows `ON CONFLICT`."""
    return sqlite.insert(table) if db.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(db: Connection, table: Table, *replaced: str, **computed: Any) -> sqlite.Insert | postgresql.Insert:
    """INSERT, or where the primary key is there already: take over the columns `replaced`, and compute others."""
    statement = insert(db, table)
    values = {name: statement.excluded[name] for name in replaced}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_={**values, **computed})


def insert_new(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """INSERT those of these rows (alike in their columns) whose keys are new, in this order; how many that were.

    PostgreSQL gets them as one statement with one binary array a column: it plans, parses and answers once, not once a
    row, and the driver escapes nothing. Both are given to the driver as they are: this is the one hot place.
    """
    names = list(rows[0])
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if db.dialect.name == "postgresql":
        arrays = ", ".join(f"unnest(%b::{table.c[name].type.compile(db.dialect)}[])" for name in names)
        values = tuple([row[name] for row in rows] for name in names)
        return db.exec_driver_sql(f"{into} SELECT {arrays} ON CONFLICT DO NOTHING", values).rowcount
    marks = ", ".join("?" * len(names))
    ready = [tuple(row.values()) for row in rows]
    keeping = {"preserve_rowcount": True}
    return db.exec_driver_sql(f"{into} VALUES ({marks}) ON CONFLICT DO NOTHING", ready, keeping).rowcount


def rows_of(
    db: Connection, statement: Select[*tuple[Any, ...]], table: Table, keys: Iterable[Sequence[object]]
) -> Iterator[Any]:
    """The rows of `statement` whose first key columns (gateway, epoch, stream, then seq if given) are among `keys`."""
    waiting = iter(keys)
    while some := [tuple(key) for key in islice(waiting, KEYS)]:
        columns = [table.c.gateway, table.c.epoch, table.c.stream, *([table.c.seq] if len(some[0]) == 4 else [])]
        yield from db.execute(statement.where(tuple_(*columns).in_(some)))


def delete_of(table: Table, *names: str) -> Delete:
    """DELETE by these columns; give it rows with the same names, each led by an underscore."""
    return table.delete().where(*(table.c[name] == bindparam(f"_{name}") for name in names))

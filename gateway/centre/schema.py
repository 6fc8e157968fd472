"""Schema of the store: made, or brought here from an older one by numbered steps, each one transaction.

A step is never changed once it was released: stores of every version must come through all that follow it. SQLite
keeps the number in `PRAGMA user_version`, PostgreSQL (which begins with schema 2) in table `meta`.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, inspect, select

from gateway.centre import tables
from gateway.centre.database import Database, no_store
from gateway.centre.people_tables import PEOPLE
from gateway.centre.quota_tables import QUOTAS
from gateway.centre.sql import upsert
from gateway.model.errors import LedgerError
from gateway.wire.topics import SHARDS

VERSION = 4
_ANY = 0x5350
"""Of PostgreSQL's advisory lock: one worker at a time prepares the store."""


def prepare(database: Database) -> None:
    """Migrate the tables or, with `makes`, make them. Raises `NotFound` where nothing is there and nothing is made, and
    `LedgerError` for what is no store, or one of a newer version."""
    try:
        while True:
            with database.begin() as db:
                if database.is_postgresql:
                    db.execute(select(func.pg_advisory_xact_lock(_ANY)))
                version = version_of(db)
                if version == 0 and not database.makes:
                    raise no_store(database.where)
                if version == 0:
                    _create(db)
                elif version in STEPS:
                    STEPS[version](db)
                    set_version(db, version + 1)
                else:
                    _check(version)
                    return
    except LedgerError as error:
        error.where = error.where or database.where
        raise


def check(db: Connection, where: str) -> None:
    """For readers. Raises `NotFound` when there is nothing, `LedgerError` when it is of another version."""
    if not (version := version_of(db)):
        raise no_store(where)
    _check(version)


def version_of(db: Connection) -> int:
    """0: there is nothing yet."""
    if db.dialect.name == "sqlite":
        version = int(db.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version == 0 and db.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
            raise LedgerError("schema 0: not a store of the centre", "Name another file")
        return version
    if not inspect(db).has_table("meta"):
        return 0
    found = db.execute(select(tables.meta.c.number).where(tables.meta.c.name == "schema")).scalar()
    return int(found or 0)


def _check(version: int) -> None:
    if version != VERSION:
        advice = "Run the centre on it once" if version < VERSION else "Use the version that wrote it"
        raise LedgerError(f"schema {version}, this version knows {VERSION}", advice)


def _create(db: Connection) -> None:
    tables.metadata.create_all(db, tables=tables.SCHEMA_1)
    _add_2(db)
    _to_3(db)
    set_version(db, VERSION)


def _to_2(db: Connection) -> None:
    db.exec_driver_sql("ALTER TABLE gateways ADD COLUMN heard TEXT")
    db.exec_driver_sql("ALTER TABLE bundles RENAME TO bundles_1")
    _add_2(db)
    # No gateway takes what was signed before; the numbers are used for good.
    db.exec_driver_sql(
        "INSERT INTO bundles (kind, target, number, base, created_ms, sha256, size, manifest, signature) "
        "SELECT kind, target, number, 0, created_ms, '', 0, x'', '' FROM bundles_1"
    )
    db.exec_driver_sql("DROP TABLE bundles_1")


def _add_2(db: Connection) -> None:
    tables.metadata.create_all(db, tables=(*tables.SCHEMA_2, *PEOPLE))
    db.execute(tables.leases.insert(), [{"shard": shard, "worker": "", "fence": 0} for shard in range(SHARDS)])


def _to_3(db: Connection) -> None:
    tables.metadata.create_all(db, tables=QUOTAS)


def _to_4(db: Connection) -> None:
    # A store of schema 1 has them already: its step to 2 makes the holders' tables as they are today.
    there = {column["name"] for column in inspect(db).get_columns("holders")}
    for name in ("residence", "born"):
        if name not in there:
            db.exec_driver_sql(f"ALTER TABLE holders ADD COLUMN {name} TEXT")


def set_version(db: Connection, version: int) -> None:
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(f"PRAGMA user_version={version:d}")
    else:
        db.execute(upsert(db, tables.meta, "number"), {"name": "schema", "number": version})


STEPS: dict[int, Callable[[Connection], None]] = {1: _to_2, 2: _to_3, 3: _to_4}
"""Schema → the step that leads to the next one."""

"""Where the store is: its schema on both databases, older files, what is refused, and where the password is not."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, Inspector, MetaData, create_engine, inspect

from gateway.centre import schema
from gateway.centre.database import Database
from gateway.centre.people_log import Change
from gateway.centre.query import Query
from gateway.centre.store import Store
from gateway.model.entry import Stream
from gateway.model.errors import ConfigurationError, LedgerError, NotFound
from gateway.wire.messages import Ack
from tests.centre import people
from tests.centre.chains import EPOCH, GATEWAY, chain_of
from tests.support.clock import FakeClock
from tests.support.postgres import PASSWORD, Postgres

DATA = Path(__file__).parent.parent / "data"
OLDER = range(1, schema.VERSION)


def file_of(version: int, path: Path) -> None:
    """A store that the program of this schema wrote: five receipts with a gap, a refused number, a conflict, another
    gateway, a birth, a bundle."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript((DATA / f"centre-schema-{version}.sql").read_text(encoding="utf-8"))
    db.close()


def opened(where: str | Path) -> Store:
    store = Store(where, FakeClock())
    store.open()
    return store


def shape(where: Path) -> dict[str, list[object]]:
    """Tables with their columns and keys. (A row id is never null, however it was declared.)"""
    with looking(f"sqlite:///{where}") as engine:
        return _shape(inspect(engine))


@contextmanager
def looking(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _shape(looked: Inspector) -> dict[str, list[object]]:
    return {
        table: [
            *((c["name"], str(c["type"]), c["nullable"] and c["name"] != "arrival") for c in looked.get_columns(table)),
            tuple(looked.get_pk_constraint(table)["constrained_columns"]),
            *(tuple(unique["column_names"]) for unique in looked.get_unique_constraints(table)),
            *(str(index["name"]) for index in looked.get_indexes(table)),
        ]
        for table in looked.get_table_names()
    }


@pytest.mark.parametrize("version", OLDER)
def test_an_older_file_is_brought_here_and_goes_on(version: int, tmp_path: Path) -> None:
    path = tmp_path / "centre.db"
    file_of(version, path)
    with pytest.raises(LedgerError, match="Run the centre on it once"):
        Query(path).counts()
    store = opened(path)
    (word,) = store.take(chain_of(4)[2:]).acks[GATEWAY]
    assert word == Ack(Stream.RECEIPT, EPOCH, 6, (), (6,))
    store.close()
    query = Query(path)
    assert [row.seq for row in query.events(gateway=GATEWAY)] == [1, 2, 5, 3, 4]
    assert [row.seq for row in query.events(gateway="school-1")] == [1, 2]
    assert (query.counts().conflicts, query.counts().bundles) == (1, {"rules/*": 7})
    assert query.gateways()[0].online
    assert [lease.worker for lease in query.leases()] == [""] * 16


@pytest.mark.parametrize("version", OLDER)
def test_an_older_file_ends_with_the_tables_of_a_new_one(version: int, tmp_path: Path) -> None:
    file_of(version, tmp_path / "old.db")
    opened(tmp_path / "old.db").close()
    opened(tmp_path / "new.db").close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


def test_holders_of_schema_3_keep_what_they_had_and_take_more(tmp_path: Path) -> None:
    file_of(3, tmp_path / "centre.db")
    with people.store(str(tmp_path / "centre.db")) as brought:
        living, ended = brought.rows()
        assert (living.entitlements, living.language, len(living.credentials)) == (("pupil", "resident"), "lv", 2)
        assert (living.residence, living.born, bool(ended.ended_ms)) == (None, None, True)
        said = "holder,residence,born\nh-1,jelgava,1946-11-24\n"
        assert brought.take(said, delta=True).changes == {Change.CHANGED: 1}
        assert brought.rows()[0].residence == "jelgava"


def test_a_postgresql_store_of_schema_3_is_brought_here(city: str) -> None:
    with people.store(city) as made:
        made.take("holder,entitlements\nh-1,pupil\n")
        with made.database.begin() as db:
            db.exec_driver_sql("ALTER TABLE holders DROP COLUMN residence, DROP COLUMN born")
            schema.set_version(db, 3)
    with pytest.raises(LedgerError, match="Run the centre on it once"):
        Query(city).counts()
    with people.store(city) as brought:
        assert [(row.entitlements, row.residence) for row in brought.rows()] == [(("pupil",), None)]
        assert brought.take("holder,born\nh-1,1946-11-24\n", delta=True).changes == {Change.CHANGED: 1}
        with brought.database.begin() as db:
            assert schema.version_of(db) == schema.VERSION


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    path = tmp_path / "centre.db"
    file_of(1, path)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE leases (something_else)")
    other.close()
    with pytest.raises(LedgerError):
        opened(path)
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA user_version").fetchone() == (1,)
    assert other.execute("SELECT 1 FROM sqlite_master WHERE name='commands'").fetchone() is None
    other.close()


def test_both_databases_have_the_same_tables(city: str, tmp_path: Path) -> None:
    opened(city).close()
    opened(tmp_path / "centre.db").close()
    there = columns(city.replace("postgresql:", "postgresql+psycopg:"))
    assert there == columns(f"sqlite:///{tmp_path / 'centre.db'}")


def columns(url: str) -> dict[str, list[str]]:
    found = MetaData()
    with looking(url) as engine:
        found.reflect(engine)
    return {table.name: list(table.columns.keys()) for table in found.sorted_tables}


def test_a_store_of_a_newer_schema_is_refused(where: str) -> None:
    store = opened(where)
    with store.database.begin() as db:
        schema.set_version(db, 9)
    store.close()
    with pytest.raises(LedgerError, match="schema 9"):
        opened(where)
    with pytest.raises(LedgerError, match="schema 9"):
        Query(where).counts()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "centre.db"
    path.write_bytes(b"not a database, certainly not " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        opened(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE pictures (of_cats)")
    other.close()
    with pytest.raises(LedgerError, match="not a store"):
        opened(path)


def test_where_nothing_is_a_reader_makes_nothing(where: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no store here"):
        Query(where).counts()
    assert not (tmp_path / "centre.db").exists()


def test_a_file_is_made_for_its_owner_only_and_so_are_its_log_and_its_index(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = opened(str(tmp_path / "centre.db"))
    finally:
        os.umask(before)
    store.alarm("museum-1", "poison", "")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("centre.db", "centre.db-wal", "centre.db-shm"), 0o600)
    store.close()
    (tmp_path / "centre.db").chmod(0o640)
    opened(str(tmp_path / "centre.db")).close()
    assert stat.S_IMODE((tmp_path / "centre.db").stat().st_mode) == 0o640, "whoever has let others read it is not asked"


def test_a_file_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be made: No such file or directory"):
        opened(str(tmp_path / "none" / "centre.db"))


def test_a_failing_disk_stores_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "centre.db"
    store = opened(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("ALTER TABLE strands RENAME TO away")
    with pytest.raises(LedgerError, match="cannot store"):
        store.take(chain_of(3))
    blocker.execute("ALTER TABLE away RENAME TO strands")
    blocker.close()
    assert Query(path).events() == []
    assert store.take(chain_of(3)).stored == 3
    store.close()


# PostgreSQL ----------------------------------------------------------------------------------------------


def test_a_commit_waits_for_the_disk_whatever_the_server_says(server: Postgres) -> None:
    with server.database() as url:
        name = url.partition("@/")[2].partition("?")[0]
        server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        store = opened(url)
        with store.database.begin() as db:
            assert db.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        store.close()


def test_without_fsync_nothing_is_stored(server: Postgres) -> None:
    with server.database() as url:
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")
        try:
            server.wait_for("SELECT current_setting('fsync') = 'off'")
            with pytest.raises(LedgerError, match="fsync=off"):
                opened(url)
        finally:
            server.execute("ALTER SYSTEM RESET fsync")
            server.execute("SELECT pg_reload_conf()")
            server.wait_for("SELECT current_setting('fsync') = 'on'")


def test_the_password_is_in_a_file_and_nowhere_else(
    server: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    with server.database() as socket:
        url = server.tcp(socket)
        store = Store(url, FakeClock(), secret)
        store.open()
        assert store.take(chain_of(2)).stored == 2
        assert len(Query(url, secret).events()) == 2
        assert PASSWORD not in store.database.where
        store.close()
        secret.write_text("wrong-" + PASSWORD)
        with pytest.raises(LedgerError) as refused:
            Store(url, FakeClock(), secret).open()
        assert PASSWORD not in str(refused.value)
        assert "password authentication failed" in str(refused.value)
    assert PASSWORD not in caplog.text


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("x")
    secret.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Store("postgresql://centre@127.0.0.1:1/none", FakeClock(), secret).open()


@pytest.mark.parametrize("url", ["postgresql://centre:hidden1@h/d", "postgresql://h/d?password=hidden1"])
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no place in the URL") as refused:
        Store(url, FakeClock()).open()
    assert "hidden1" not in str(refused.value)
    assert "hidden1" not in Database(url).where


def test_another_machine_is_reached_with_its_certificate_verified() -> None:
    assert Database("postgresql://centre@db.example.org/city")._url().query["sslmode"] == "verify-full"
    assert "sslmode" not in Database("postgresql://centre@127.0.0.1/city")._url().query
    assert "sslmode" not in Database("postgresql://centre@/city?host=/run/postgresql")._url().query


def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(LedgerError, match="Check that PostgreSQL runs"):
        Store("postgresql://centre@127.0.0.1:1/city", FakeClock()).open()


def test_the_gateway_itself_never_loads_a_database_of_the_centre() -> None:
    program = "import sys, gateway.daemon, gateway.cli.main; print({'sqlalchemy', 'psycopg'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "set()"

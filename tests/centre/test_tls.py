"""The way to a PostgreSQL on another machine: encrypted, and only to the one that is meant (libpq, SSL support)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.centre.database import Database
from gateway.centre.query import Query
from gateway.centre.store import Store
from gateway.model.errors import LedgerError
from tests.centre.chains import chain_of
from tests.support.certificate import certificate
from tests.support.clock import FakeClock
from tests.support.postgres import PASSWORD, Postgres, made

HOST = "db.example.test"
"""In the certificate; reached by its number (`hostaddr`), so that no name has to be known here."""


class City:
    """A server that speaks TLS, and the file that vouches for it."""

    def __init__(self, server: Postgres, authority: Path, name: str) -> None:
        self.authority = authority
        self._where = f"{server.port}/{name}?hostaddr=127.0.0.1"

    def url(self, host: str = HOST, authority: Path | None = None, mode: str = "") -> str:
        return f"postgresql://centre@{host}:{self._where}&sslrootcert={authority or self.authority}{mode}"


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    with made() as server:
        authority = server.encrypt(HOST)
        server.start()
        with server.database() as url:
            yield City(server, authority, url.partition("@/")[2].partition("?")[0])


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(PASSWORD)
    return file


def test_another_machine_is_asked_for_its_certificate_unless_the_url_says_otherwise(city: City, password: Path) -> None:
    store = Store(city.url(), FakeClock(), password)
    store.open()
    store.take(chain_of(3))
    with store.database.begin() as db:
        assert db.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar_one() is True
    store.close()
    assert len(Query(city.url(), password).events()) == 3


@pytest.mark.parametrize("mode", ["", "&sslmode=verify-full"])
def test_one_that_somebody_else_vouches_for_is_not_spoken_to(
    city: City, password: Path, tmp_path: Path, mode: str
) -> None:
    other = certificate(tmp_path, HOST).certificate
    with pytest.raises(LedgerError, match="certificate verify failed") as failed:
        _touch(city.url(authority=other, mode=mode), password)
    assert PASSWORD not in str(failed.value)


def test_one_of_another_name_is_not_spoken_to(city: City, password: Path) -> None:
    with pytest.raises(LedgerError, match=r"other\.example\.test"):
        _touch(city.url(host="other.example.test"), password)


def test_without_an_authority_the_systems_own_are_asked(city: City, password: Path) -> None:
    url = city.url().partition("&sslrootcert")[0]
    with pytest.raises(LedgerError, match="certificate verify failed"):
        _touch(url, password)


def _touch(url: str, password: Path) -> None:
    database = Database(url, password, read_only=True)
    try:
        with database.begin() as db:
            db.execute(text("SELECT 1"))
    finally:
        database.close()

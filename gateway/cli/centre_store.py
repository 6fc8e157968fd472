"""Which store a verb works on, and how it is opened. No verb makes one but `smartplace centre run`: a slip of the pen
in a path would become a new store, and what was sold or imported into it would be nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from gateway.centre.database import Database
    from gateway.centre.query import Query
    from gateway.centre.settings import Settings
    from gateway.centre.store import Store

F = TypeVar("F", bound=Callable[..., Any])
CONFIG = Path("/etc/smartplace/centre.json")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SMARTPLACE_CENTRE_CONFIG",
    default=CONFIG,
    show_default=True,
    show_envvar=True,
    help="The centre's settings: they name the store.",
)


def store_options(command: F) -> F:
    """Where the store is: what the settings say, or `--store` with `--password-file`."""
    for option in (
        click.option("--password-file", type=click.Path(path_type=Path), help="With --store: PostgreSQL's password."),
        click.option("--store", help="SQLite file, or postgresql://USER@HOST/DATABASE, instead of the settings'."),
        config_option,
    ):
        command = option(command)
    return command


def query_of(config: Path, store: str | None, password_file: Path | None) -> Query:
    """The store that the options name, for reading."""
    where = store_of(config, store, password_file)
    from gateway.centre.query import Query

    return Query(*where)


def centre_of(config: Path) -> tuple[Settings, tuple[str, Path | None]]:
    """The centre's settings, and its store with the file of its password. Raises `ConfigurationError`."""
    check_installed()
    from gateway.centre import settings

    given = settings.load(config)
    return given, (given.store, settings.store_password(given))


def store_of(config: Path, store: str | None, password_file: Path | None) -> tuple[str, Path | None]:
    """The store that the options name, and the file with its password."""
    if store is not None:
        check_installed()
        return store, password_file
    return centre_of(config)[1]


def check_installed() -> None:
    """Raises `NotFound` when the centre's extra is not installed."""
    try:
        import gateway.centre.program  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in ("sqlalchemy", "psycopg"):
            raise
        from gateway.model.errors import NotFound

        advice = "pip install 'smartplace-gateway[centre]'"
        raise NotFound("the centre's packages are not installed", advice, where="smartplace centre") from error


@contextmanager
def opened(config: Path, store: str | None, password_file: Path | None) -> Iterator[Store]:
    """The store as a worker has it, migrated when it needs it. Raises `NotFound` or `LedgerError`."""
    from gateway.centre.store import Store
    from gateway.model.clock import SystemClock

    named, password = store_of(config, store, password_file)
    found = Store(named, SystemClock(), password, makes=False)
    found.open()
    try:
        yield found
    finally:
        found.close()


@contextmanager
def writing(config: Path, store: str | None, password_file: Path | None) -> Iterator[Database]:
    """The store, to be written, migrated when it needs it. Raises `NotFound` or `LedgerError`."""
    where = store_of(config, store, password_file)
    from gateway.centre import schema
    from gateway.centre.database import Database

    database = Database(*where)
    try:
        schema.prepare(database)
        yield database
    finally:
        database.close()


@contextmanager
def looking(config: Path, store: str | None, password_file: Path | None) -> Iterator[Any]:
    """A connection to the store, for reading. Raises `NotFound` or `LedgerError`."""
    where = store_of(config, store, password_file)
    from gateway.centre.database import Database
    from gateway.centre.people_log import reading

    database = Database(*where, read_only=True)
    try:
        with reading(database) as connection:
            yield connection
    finally:
        database.close()

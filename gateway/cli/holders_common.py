"""What the verbs for holders and cards share. Clear card ids come from a file or from standard input, never from the
command line, which every user of the machine can read; and they are never repeated."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from gateway.cli.exits import BadFile
from gateway.cli.output import document, talk
from gateway.model.errors import ConfigurationError, InputRefused

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gateway.centre.database import Database
    from gateway.centre.people_log import Done
    from gateway.centre.people_staging import CardKey

F = TypeVar("F", bound=Callable[..., Any])
PROGRESS_S = 2.0
STDIN = Path("-")

officer_option = click.option("--as", "officer", required=True, help="Who does this: kept in the log.")
zone_option = click.option("--zone", help="Zone of days and times without one, such as Europe/Riga.")
file_argument = click.argument("file", type=click.Path(path_type=Path))


def key_options(command: F) -> F:
    """The city's card key."""
    for option in (
        click.option("--card-key-id", default="", help="Its id, as the gateways have it. Default: the store's."),
        click.option("--card-key", type=click.Path(path_type=Path), help="The city's card key (hex, mode 0600)."),
    ):
        command = option(command)
    return command


def card_key(database: Database, file: Path | None, key_id: str) -> CardKey:
    """The key to hash with, under its id. Raises `ConfigurationError` for a file that is none, or an id that nobody
    has told yet."""
    from gateway.centre.people_key import key_id_of
    from gateway.centre.people_log import reading
    from gateway.centre.people_staging import CardKey
    from gateway.identity.keys import read_secret
    from gateway.wire.credentials import KEY_BYTES

    if not key_id:
        with reading(database) as connection:
            key_id = key_id_of(connection)
    if not key_id:
        raise ConfigurationError(
            "the card key has no id yet", "Give it, as the gateways have it", where="--card-key-id"
        )
    return CardKey(key_id, None if file is None else read_secret(file, KEY_BYTES, "--card-key"))


@contextmanager
def given(file: Path, *, clear_ids: bool = True) -> Iterator[BinaryIO]:
    """The file, or standard input for `-`. Whatever is refused within is a fault of this file (`BadFile`). `clear_ids`:
    it may hold ids of cards; a person is told when others may read it."""
    name = "standard input" if file == STDIN else str(file)
    try:
        with _opened(file, clear_ids) as source:
            yield source
    except InputRefused as refused:
        if refused.where.startswith("--"):
            raise
        where = f"{name}: {refused.where}" if refused.where else name
        raise BadFile(refused.what, refused.advice, where=where) from None


def zone_of(name: str | None) -> ZoneInfo | None:
    """Raises `click.BadParameter`."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"{name!r} is no zone, such as Europe/Riga") from error


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Progress:
    """How far it is, on stderr, once in a while."""

    def __init__(self, mono: Callable[[], float] = time.monotonic) -> None:
        self._mono = mono
        self._said = mono()

    def __call__(self, what: str, done: int) -> None:
        now = self._mono()
        if now - self._said >= PROGRESS_S:
            self._said = now
            talk(f"{what}: {done}")


def tell(done: Done, as_json: bool, **more: Any) -> None:
    """What was changed."""
    changes = {str(what): count for what, count in done.changes.items()}
    if as_json:
        document(operation=done.operation, changes=changes, **more)
        return
    for name, value in more.items():
        click.echo(f"{name} read: {value}")
    if not changes:
        click.echo("all is so already, nothing was changed")
        return
    click.echo(f"operation {done.operation}")
    for what, count in changes.items():
        click.echo(f"{what}: {count}")


@contextmanager
def output(out: Path) -> Iterator[IO[bytes]]:
    """A file for its owner only, there whole or not at all. Raises `BadFile`."""
    partial = out.with_name(f"{out.name}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                yield file
            os.replace(partial, out)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadFile(f"cannot write: {error.strerror}", where=str(out)) from error


@contextmanager
def _opened(file: Path, clear_ids: bool) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        # Without the name: who gave a card's id for it must not see it again in a log.
        what = f"the file cannot be read: {error.strerror}"
        raise BadFile(what, "Name a file, or - for standard input; card ids are never arguments") from None
    with source:
        if clear_ids and stat.S_IMODE(os.fstat(source.fileno()).st_mode) & 0o077:
            talk(f"others may read {file}, and it may hold card ids: chmod 600 it, and delete it afterwards")
        yield source

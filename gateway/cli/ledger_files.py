"""`smartplace ledger backup`, `restore`, `drop`: whole files of the record."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.cli.common import LEDGER, as_json, config_option, state_folder
from gateway.cli.output import document, patience, size


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@config_option
def backup(file: Path, as_json: bool, config: Path) -> None:
    """Copy the ledger, as it is at one moment, into the new file FILE; also while the gateway runs.

    The copy holds personal data: keep it as such. Where it lies is remembered, so that `forget` reaches it.
    """
    import msgspec

    from gateway.ledger.backup import back_up
    from gateway.ledger.files import Disk, Names

    with patience("copying"):
        made = back_up(Names(state_folder(config) / LEDGER), file, Disk())
    if as_json:
        document(**msgspec.to_builtins(made))
    else:
        click.echo(f"{made.path}: epoch {made.epoch} of {made.gateway}, {size(made.bytes)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@config_option
def restore(file: Path, as_json: bool, config: Path) -> None:
    """Take the backup FILE in. The gateway must not run.

    What it holds is sent on under its own epoch, and a new epoch begins: numbers that were given since the backup are
    not given twice. A ledger that is there is not lost: it goes on as an older epoch or is set aside.
    """
    from gateway.config.load import load
    from gateway.ledger.backup import restore as take_in
    from gateway.ledger.files import Disk, Names
    from gateway.model.clock import SystemClock

    loaded = load(config)
    loaded.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with stopped(loaded.state), patience("restoring"):
        gateway = loaded.configuration.gateway
        names = Names(loaded.state / LEDGER)
        told = take_in(names, gateway.id, file, SystemClock(vouched=gateway.clock == "vouched").stamp(), Disk())
    if as_json:
        document(done=list(told))
    else:
        click.echo("\n".join(told))


@click.command()
@click.argument("epoch")
@as_json
@config_option
def drop(epoch: str, as_json: bool, config: Path) -> None:
    """Delete the file of the older EPOCH, of which the centre has everything. The gateway must not run.

    Drained files also go by themselves, 400 days after their newest entry.
    """
    from gateway.ledger.files import Disk, Names
    from gateway.ledger.older import OlderEpoch, remove
    from gateway.ledger.peek import meta_of
    from gateway.model.errors import NotFound

    folder = state_folder(config)
    names = Names(folder / LEDGER)
    path = next((path for path in names.all_older() if path == names.older(epoch)), None)
    if path is None:
        raise NotFound(f"there is no older epoch {epoch[:64]!r}", "See: smartplace ledger verify", where=str(folder))
    with stopped(folder):
        older = OlderEpoch(path, meta_of(path).get("gateway", ""))
        older.start()
        try:
            remove(older, Disk())
        finally:
            older.stop()
    if as_json:
        document(epoch=epoch, dropped=True)
    else:
        click.echo(f"{path.name} is deleted")


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """The state folder for us alone. Raises `Conflict` while the gateway runs. What root makes in it is handed to the
    folder's owner, or the gateway could not use it."""
    from gateway.model.errors import Conflict

    before = os.umask(0o077)
    lock = os.open(folder / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            advice = "Stop it first: systemctl stop smartplace-gateway"
            raise Conflict("the gateway runs", advice, where=str(folder), code="already_running") from error
        yield
    finally:
        _hand_over(folder)
        os.close(lock)
        os.umask(before)


def _hand_over(folder: Path) -> None:
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for file in folder.iterdir():
            if file.stat().st_uid == 0:
                os.chown(file, owner.st_uid, owner.st_gid)

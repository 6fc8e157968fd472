"""`smartplace quota`: a box that is replaced on purpose gives back what it holds of quotas. The daemon does it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.confirm import confirm
from gateway.cli.exits import BadFile
from gateway.cli.output import counted, document, patience, talk
from gateway.model.errors import InputRefused

ANSWER_S = 60.0
"""For one commit, on a card that is slow or nearly full."""
SIZE_MAX = 128 * 1024
"""Bytes of FILE: a message of the wire has no more (`gateway.wire.quota.MAX_BYTES`)."""

file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def quota() -> None:
    """A box that is replaced: hand over what it holds of quotas, and bring that to the new one (docs/quotas.md)."""


@quota.command(name="hand-over")
@file_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@daemon_options
def hand_over(file: Path, yes: bool, as_json: bool, config: Path, socket: Path | None) -> None:
    """Close all that this gateway holds of quotas, for good, and write its signed last word to the new FILE.

    Afterwards it gives nothing that needs a quota. FILE names no person and no card. Typed again, it writes the same
    word. Exit code 5 when FILE is there already, or this user may not; nothing is closed then.
    """
    daemon = client(config, socket)
    if os.path.lexists(file):
        raise _there(file)
    if not yes:
        confirm("Close all that this gateway holds of quotas, for good?")
    with patience("closing"), _new_file(file) as out:
        word = daemon.post("/v1/quota/hand-over", answer_s=ANSWER_S)
        out.write(json.dumps(word).encode() + b"\n")
    life, leases = word["incarnation"], len(word["closed"])
    if as_json:
        document(file=str(file), life=life, leases=leases)
        return
    click.echo(f"{file}: the last word of life {life}, with {counted(leases, 'lease')} closed")
    talk("when `smartplace status` says that 0 wait for the centre, stop this gateway, and bring FILE to the new box")


@quota.command()
@file_argument
@as_json
@daemon_options
def bring(file: Path, as_json: bool, config: Path, socket: Path | None) -> None:
    """Give this gateway the last word in FILE of the box that it replaces, to be sent to the centre.

    What that one had not used is free again when the centre has it; FILE may be brought twice, or late. Exit code 5
    when it is no last word of this gateway's; nothing has changed then.
    """
    try:
        with file.open("rb") as source:
            word = source.read(SIZE_MAX + 1)
    except OSError as error:
        what = error.strerror or str(error)
        raise BadFile(what, "Give the file that the old box wrote", where=str(file)) from error
    if len(word) > SIZE_MAX:
        raise BadFile("it is larger than any hand-over", "Give the file that the old box wrote", where=str(file))
    with patience(f"bringing {file}"):
        leases = client(config, socket).post("/v1/quota/bring", word, answer_s=ANSWER_S)["leases"]
    if as_json:
        document(file=str(file), leases=leases)
        return
    click.echo(f"{counted(leases, 'lease')}: kept here, and sent until the centre has it")


@contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that was not there, for its owner only; on disk with the block's end, or not there again. It is made
    before anything is closed: so most of what could go wrong with it does so in time."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise _there(file) from error
    except OSError as error:
        raise BadFile(f"cannot write: {error.strerror}", "Nothing was closed", where=str(file)) from error
    try:
        with open(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        file.unlink(missing_ok=True)
        advice = "All is closed. Type it again, with a FILE elsewhere: it is the same word"
        raise BadFile(f"cannot write: {error.strerror}", advice, where=str(file)) from error
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # Its name, too; not every stick can, and the word can be had again.
        _sync_folder(file.absolute().parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _there(file: Path) -> InputRefused:
    return InputRefused("it is there already", "Give another name; nothing is overwritten", where=str(file))

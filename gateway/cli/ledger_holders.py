"""`smartplace ledger forget` and `export`: what the record holds of one person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import LEDGER, SOCKET, as_json, config_option, state_folder
from gateway.cli.confirm import confirm
from gateway.cli.ledger_files import stopped
from gateway.cli.output import document, patience, talk

if TYPE_CHECKING:
    from gateway.ledger.forget import Forgotten

FORGET_S = 600.0
"""Every file is read through; a large one may be written anew."""


@click.command()
@click.argument("holder")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@config_option
def forget(holder: str, yes: bool, as_json: bool, config: Path) -> None:
    """Erase what this gateway holds of HOLDER: bodies of entries, state, cache, backups. It cannot be undone.

    Headers and digests of the entries stay, and with them the proof that nothing was cut out. Works while the gateway
    runs, and when it does not. The centre has to forget on its own.
    """
    from gateway.ledger.erase import check_id
    from gateway.model.errors import Conflict

    check_id(holder)
    folder = state_folder(config)
    if not yes:
        confirm(f"Erase everything of {holder} for ever?")
    with patience("erasing"):
        try:
            told = _forget_here(folder, holder)
        except Conflict:
            from gateway.cli.client import Client

            told = Client(folder / SOCKET).post("/v1/ledger/forget", {"holder": holder}, answer_s=FORGET_S)
    if as_json:
        document(**told)
    else:
        click.echo(f"{sum(told['entries'].values())} entries, {told['rows']} rows, {told['copies']} copies")
    for path in told.get("beyond_reach", ()):
        talk(f"a backup is not where it was made: {path}. Find it and delete it")


@click.command()
@click.argument("holder")
@click.option("--json", "_as_json", is_flag=True, help="It is one JSON document in any case.")
@config_option
def export(holder: str, _as_json: bool, config: Path) -> None:
    """Everything that this gateway holds of HOLDER, as one JSON document: for a person who asks. Only reads."""
    import msgspec

    from gateway.ledger.export import export as gather
    from gateway.ledger.files import Names
    from gateway.model.errors import NotFound

    names = Names(state_folder(config) / LEDGER)
    if not names.present.is_file():
        raise NotFound("there is no ledger", "Give --config", where=str(names.present))
    with patience("reading"):
        told = gather([*names.all_older(), names.present], names.folder / "cache.db", holder)
    document(**msgspec.to_builtins(told))


def _forget_here(folder: Path, holder: str) -> dict[str, Any]:
    """Without a daemon. Raises `Conflict` when one runs, `NotFound` when there is no ledger."""
    import asyncio

    import msgspec

    from gateway.ledger.checkpoint import load_signer
    from gateway.ledger.files import Disk
    from gateway.ledger.forget import forget as erase
    from gateway.ledger.ledger import Ledger
    from gateway.ledger.peek import meta_of
    from gateway.model.clock import SystemClock
    from gateway.model.errors import NotFound

    async def run() -> Forgotten:
        signer = load_signer(folder / "ledger.key", Disk())
        ledger = Ledger(folder / LEDGER, meta_of(folder / LEDGER)["gateway"], SystemClock(), signer=signer)
        ledger.start()
        try:
            return await erase(ledger, folder / "cache.db", holder)
        finally:
            await ledger.stop()

    if not (folder / LEDGER).is_file():
        raise NotFound("there is no ledger", "Give --config", where=str(folder / LEDGER))
    with stopped(folder):
        told = msgspec.to_builtins(asyncio.run(run()))
    return dict(json.loads(json.dumps(told)))

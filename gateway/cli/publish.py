"""`smartplace centre publish`: a signed bundle into the store, from where the workers send it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.centre_store import centre_of, config_option, opened
from gateway.cli.common import as_json
from gateway.cli.exits import BadFile, Exit
from gateway.cli.output import Cell, counted, document, patience, table, talk
from gateway.model.errors import InputRefused

if TYPE_CHECKING:
    from gateway.centre.publisher import Published
    from gateway.centre.query import Query
    from gateway.centre.shelf import Unreached
    from gateway.wire.bundle import SignedBundle

LOOK_S = 0.2
"""Between two questions to the store, while it is waited for."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--delta", "deltas", type=click.Path(path_type=Path), multiple=True, help="A delta that leads to it; repeatable."
)
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=0.0, help="Seconds to wait until gateways have it in force."
)
@as_json
@config_option
def publish(file: Path, deltas: tuple[Path, ...], wait: float, as_json: bool, config: Path) -> None:
    """Publish the signed bundle in FILE: the centre's workers tell whoever is online, the others at their next birth.

    With --wait: exit code 7 when a gateway that is online did not confirm it in time. Who was not reached is listed.
    """
    with patience("reading the bundle"):
        bundle, leading = _read(file), [_read(delta) for delta in deltas]
    published, query = _publish(config, bundle, leading)
    manifest = published.manifest
    missing = _waited(query, published, wait) if wait else None
    late = [row for row in missing or [] if row.online]
    if as_json:
        import msgspec

        told = {"kind": manifest.kind, "number": manifest.number, "target": manifest.target}
        rows = None if missing is None else msgspec.to_builtins(missing)
        document(**told, sha256=manifest.sha256, online=list(published.online), unreached=rows)
    else:
        click.echo(
            f"{manifest.kind} {manifest.number} for {_everyone(manifest.target)} is published; "
            f"of its gateways online: {len(published.online)}"
        )
        if missing is not None:
            _show(missing)
    if late:
        raise SystemExit(Exit.TIMED_OUT)


def _publish(config: Path, bundle: SignedBundle, deltas: Sequence[SignedBundle]) -> tuple[Published, Query]:
    settings, where = centre_of(config)
    from gateway.centre.publisher import Publisher
    from gateway.centre.query import Query
    from gateway.centre.settings import trusted_keys

    trusted = trusted_keys(settings)
    with opened(config, None, None) as store:
        # A worker of another process finds the note that is left for it with its next beat.
        return Publisher(settings.city, trusted, store, lambda: None).publish(bundle, deltas), Query(*where)


def _read(file: Path) -> SignedBundle:
    from gateway.centre.publisher import read_bundle

    try:
        return read_bundle(file)
    except InputRefused as refused:
        raise BadFile(refused.what, refused.advice, where=refused.where) from None


def _waited(query: Query, published: Published, wait: float) -> list[Unreached]:
    """Who of its gateways has not confirmed it, when all that are online have, or the time is over."""
    until = time.monotonic() + wait
    said = -1
    while True:
        missing = [row for row in query.unreached() if _lacks(row, published)]
        online = sum(row.online for row in missing)
        if not online or time.monotonic() >= until:
            return missing
        if online != said:
            talk(f"waiting for {counted(online, 'gateway')}")
            said = online
        time.sleep(LOOK_S)


def _lacks(row: Unreached, published: Published) -> bool:
    from gateway.centre.shelf import EVERYONE

    manifest = published.manifest
    mine = manifest.target in (EVERYONE, row.gateway)
    return mine and row.kind is manifest.kind and row.told < manifest.number


def _show(missing: list[Unreached]) -> None:
    if not missing:
        click.echo("all have it in force")
        return
    lines: list[list[Cell]] = [["not reached", "", "in force"]]
    for row in missing:
        online: Cell = ("online", "green") if row.online else ("offline", "red")
        lines.append([row.gateway, online, str(row.told or "-")])
    table(lines)


def _everyone(target: str) -> str:
    from gateway.centre.shelf import EVERYONE

    return "all" if target == EVERYONE else target

"""`smartplace inside`: how many persons are inside, and setting it when the sensors have miscounted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.output import document, table


@click.command()
@click.option("--set", "persons", type=click.IntRange(0, 1_000_000), help="From now on so many are inside.")
@click.option("--area", default="place", show_default=True, help="The area that is set.")
@as_json
@daemon_options
def inside(persons: int | None, area: str, as_json: bool, config: Path, socket: Path | None) -> None:
    """How many persons are inside each area, by its gates' sensors. With --set: staff has counted, and it is on record.

    Exit code 4: no gate has this area; 5: this user may not set it.
    """
    daemon = client(config, socket)
    if persons is not None:
        from urllib.parse import quote

        done = daemon.post(f"/v1/areas/{quote(area, safe='')}/inside", {"persons": persons})
        if as_json:
            document(**done)
        else:
            click.echo(f"{done['area']}: {done['persons']} inside from now on, {done['before']} were counted")
        return
    areas = areas_of(daemon.get("/v1/status"))
    if as_json:
        document(areas=areas)
    elif not areas:
        click.echo("no gate here counts who is inside")
    else:
        table([[one["area"], counted_inside(one)] for one in areas])


def areas_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Each area once, from the answer of /v1/status."""
    found = {one["inside"]["area"]: one["inside"] for one in told.get("stations", ()) if one.get("inside")}
    return [found[area] for area in sorted(found)]


def counted_inside(told: dict[str, Any]) -> str:
    """`12 inside`, or `12 of 50 inside`."""
    limit = f" of {told['capacity']}" if told.get("capacity") else ""
    return f"{told.get('persons', 0)}{limit} inside"

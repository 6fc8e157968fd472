"""`smartplace centre alarms`: what a person should look at. Each has its row in docs/centre.md."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.centre import gateway_option, when
from gateway.cli.centre_store import query_of, store_options
from gateway.cli.common import as_json
from gateway.cli.output import Cell, document, patience, table, talk


@click.command()
@gateway_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@as_json
@store_options
def alarms(gateway: str | None, limit: int, as_json: bool, **where: Any) -> None:
    """What a person should look at (docs/centre.md says what to do), the newest last; each with how often it came."""
    import msgspec

    with patience("reading the store"):
        rows = query_of(**where).alarms(gateway, limit)
    if as_json:
        document(alarms=[msgspec.to_builtins(row) for row in rows])
    else:
        lines: list[list[Cell]] = [["last", "first", "times", "gateway", "alarm", "detail"]]
        for row in rows:
            times = when(row.last_ms), when(row.first_ms), str(row.count)
            lines.append([*times, row.gateway or "-", (row.what, "red"), row.detail])
        table(lines)
    if len(rows) == limit:
        talk(f"the newest {limit} are shown: --limit")

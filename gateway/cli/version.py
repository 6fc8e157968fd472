"""`smartplace version`."""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.common import as_json
from gateway.cli.output import document, table


@click.command()
@as_json
def version(as_json: bool) -> None:
    """Version of the program, of the formats that it speaks, and of what it rests on."""
    import platform
    import sqlite3

    from drivers.contract.core import CONTRACT
    from gateway.ledger.schema import SCHEMA

    found = {
        "smartplace": __version__,
        "driver_contract": CONTRACT,
        "ledger_schema": SCHEMA,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
    }
    if as_json:
        document(**found)
    else:
        table([[name.replace("_", " "), str(value)] for name, value in found.items()])

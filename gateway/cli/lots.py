"""`smartplace centre lots`: what holders have bought of prepaid quotas, sold here or in the file of whoever sells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.centre import when
from gateway.cli.centre_store import centre_of, looking, store_options, writing
from gateway.cli.common import as_json
from gateway.cli.holders_common import (
    Progress,
    file_argument,
    given,
    now_ms,
    officer_option,
    tell,
    zone_of,
    zone_option,
)
from gateway.cli.output import Cell, document, patience, table, talk
from gateway.model.errors import InputRefused

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gateway.centre.lots import Sold

LIMIT = 1000


@click.group()
def lots() -> None:
    """Units that holders have bought: a lot each, with its end."""


@lots.command()
@click.option("--holder", required=True, help="Who bought it, by the id of the import.")
@click.option("--key", required=True, help="The prepaid quota, as rules name it.")
@click.option("--units", type=click.IntRange(min=1), required=True, help="How many units.")
@click.option("--expires", metavar="DATE", required=True, help="Last day (2027-05-31), or time, or never.")
@click.option("--id", "lot", help="The seller's own id; the same again is the same lot. Default: new.")
@officer_option
@zone_option
@as_json
@store_options
def add(
    holder: str,
    key: str,
    units: int,
    expires: str,
    lot: str | None,
    officer: str,
    zone: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Keep one lot, and print its id."""
    of = _zone(zone, **where)
    name = lot or os.urandom(16).hex()
    _check_end(expires, of)
    with writing(**where) as database:
        import msgspec

        from gateway.centre.lots import Sale, sell

        try:
            sale = msgspec.convert({"holder": holder, "key": key, "units": units, "expires": expires, "id": name}, Sale)
        except msgspec.ValidationError as error:
            option = str(error).partition("`$.")[2].strip("`")
            raise click.BadParameter(str(error).partition(" - at ")[0], param_hint=f"--{option}") from error
        sold = sell(database, [("", sale)], officer, now_ms(), of)
    _warn(sold)
    new = bool(sold.done.operation)
    if as_json:
        document(id=name, new=new, operation=sold.done.operation)
        return
    click.echo(name)
    talk("kept" if new else "it was there already, nothing was changed")


@lots.command(name="import")
@file_argument
@officer_option
@zone_option
@as_json
@store_options
def import_(file: Path, officer: str, zone: str | None, as_json: bool, **where: Any) -> None:
    """Keep the lots in FILE (CSV with holder, key, units, expires, id, or JSON; - for standard input): all or none."""
    of = _zone(zone, **where)
    with writing(**where) as database:
        from gateway.centre.lots import read_sales, sell

        with given(file, clear_ids=False) as source:
            sales = list(read_sales(source))
            sold = sell(database, sales, officer, now_ms(), of, Progress())
    _warn(sold)
    tell(sold.done, as_json, lots=len(sales))


@lots.command(name="list")
@click.option("--holder", help="Only of this holder.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="At most so many.")
@as_json
@store_options
def list_(holder: str | None, limit: int, as_json: bool, **where: Any) -> None:
    """Lots by holder, quota and end: what is left of each, and what is out."""
    import msgspec

    with patience("reading the store"), looking(**where) as db:
        from gateway.centre.lots import lots as found

        rows = found(db, holder, limit)
    if as_json:
        document(lots=[msgspec.to_builtins(row) for row in rows])
    else:
        lines: list[list[Cell]] = [["holder", "quota", "id", "units", "out", "fenced", "left", "expires", "sold"]]
        now = now_ms()
        for row in rows:
            gone = 0 < row.expires_ms <= now
            left: Cell = ("expired", "yellow") if gone else str(row.left)
            out = str(row.granted - row.freed)
            expires = when(row.expires_ms) if row.expires_ms else "never"
            numbers: list[Cell] = [str(row.units), out, _fenced(row.fenced), left]
            lines.append([row.holder, row.key, row.id, *numbers, expires, when(row.sold_ms)])
        table(lines)
    if len(rows) == limit:
        talk(f"at most {limit} are shown: --limit")


@click.command()
@click.option("--holder", help="Only of this holder.")
@click.option("--key", help="Only of this quota.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="At most so many.")
@as_json
@store_options
def quotas(holder: str | None, key: str | None, limit: int, as_json: bool, **where: Any) -> None:
    """Cells of quotas: limit, granted, freed, used as far as told, and which gateway has how much of it open."""
    import msgspec

    with patience("reading the store"), looking(**where) as db:
        from gateway.centre.quota_seen import cells

        rows = cells(db, holder, key, limit)
    if as_json:
        document(quotas=[msgspec.to_builtins(row) for row in rows])
    else:
        head: list[Cell] = ["quota", "period", "holder", "unit", "limit", "granted", "freed", "used", "fenced", "open"]
        lines = [head]
        for row in rows:
            numbers: list[Cell] = [str(number) for number in (row.limit, row.granted, row.freed, row.used)]
            numbers.append(_fenced(row.fenced))
            held = ", ".join(f"{one.gateway} {one.used}/{one.units}" for one in row.open) or "-"
            lines.append([row.key, row.period, row.subject or "everybody", row.unit, *numbers, held])
        table(lines)
    if len(rows) == limit:
        talk(f"at most {limit} are shown: --limit")


def _check_end(expires: str, zone: ZoneInfo | None) -> None:
    """Raises `click.BadParameter`: a file tells the row, the command line its option."""
    from gateway.centre.lots import end_of

    try:
        end_of(expires, zone)
    except InputRefused as refused:
        advice = refused.advice or "Such as 2027-05-31, or never"
        raise click.BadParameter(f"{expires!r} is {refused.what}. {advice}", param_hint="--expires") from None


def _fenced(units: int) -> Cell:
    return (str(units), "yellow") if units else "0"


def _zone(name: str | None, config: Path, store: str | None, password_file: Path | None) -> ZoneInfo | None:
    """As it was given, or the city's, by which quotas are counted; with `--store` that is not known."""
    return zone_of(name if name or store is not None else centre_of(config)[0].zone)


def _warn(sold: Sold) -> None:
    if sold.no_rules:
        talk("no rules are published: that one names this quota as prepaid was not checked")
    if sold.no_holders:
        talk("the store has no holders: that they are some was not checked")

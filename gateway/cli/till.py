"""`smartplace till`: a day's sums; what is in doubt on printers and how it is settled; reports; cash in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.output import document, table
from gateway.cli.till_day import day
from gateway.model.errors import DeadlineMissed, GatewayError, NotFound
from gateway.model.money import euros

REPORT_S = 240.0
"""A Z report takes minutes on an old printer, and waits for the receipt before it."""
CASH_S = 60.0


@click.group()
def till() -> None:
    """A till's day; fiscal printers: works in doubt, X and Z reports, cash in and out."""


till.add_command(day)


@till.command()
@as_json
@daemon_options
def doubts(as_json: bool, config: Path, socket: Path | None) -> None:
    """Works of which it is not known how they ended, and exactly what to look at on the paper; each printer's day.

    Exit code 8: something is in doubt.
    """
    told: dict[str, Any] = client(config, socket).get("/v1/fiscal")
    found = told.get("doubts", [])
    if as_json:
        document(**told)
    else:
        devices = told.get("devices", [])
        if devices:
            table([["printer", "", "last Z", "day"], *([one["device"], *_standing(one)] for one in devices)])
        else:
            click.echo("no fiscal printer is used here")
        for one in found:
            total = f", {euros(one['total_cents'])}" if one.get("total_cents") is not None else ""
            click.echo(f"\n{one['kind']} {one['key']} of {one['station'] or '?'}{total}: {one.get('reason', '')}")
            click.echo(f"  {one['advice']}")
    if found:
        from gateway.cli.exits import Exit

        click.get_current_context().exit(Exit.WARNINGS)


def _standing(told: dict[str, Any]) -> list[str]:
    state = "in doubt" if told.get("in_doubt") else "ready" if told["ready"] else "not ready"
    hours = f"{told['hours']:.1f} h since its first receipt" if told.get("hours") is not None else ""
    return [state, told.get("z_number", ""), f"{hours}: print the Z report" if told.get("z_due") else hours]


@till.command()
@click.argument("key")
@click.option("--printed", metavar="NUMBER", help="It is there and complete; this number stands on it.")
@click.option(
    "--time", "when", metavar="TIME", help="With --printed, of a receipt: the date and time on it, 2026-11-27T10:02:41."
)
@click.option("--not-printed", is_flag=True, help="It is not there, or it is cancelled on the paper.")
@click.option("--by", required=True, metavar="NAME", help="Who has looked; goes on record.")
@as_json
@daemon_options
def settle(
    key: str,
    printed: str | None,
    when: str | None,
    not_printed: bool,
    by: str,
    as_json: bool,
    config: Path,
    socket: Path | None,
) -> None:
    """Say what stands on the paper of the work KEY, when the printer itself cannot tell. On record, and final.

    `smartplace till doubts` says what to look at. Exit code 4: nothing has this key; 5: it is known how it ended, it is
    being read back now, or this user may not settle it.
    """
    if (printed is None) == (not not_printed):
        raise click.UsageError("give either --printed NUMBER or --not-printed")
    if when and printed is None:
        raise click.UsageError("--time goes with --printed NUMBER")
    from urllib.parse import quote

    body = {"printed": printed, "by": by, **({"device_time": when} if when else {})}
    done: dict[str, Any] = client(config, socket).post(f"/v1/fiscal/{quote(key, safe='')}/settle", body)
    if as_json:
        document(**done)
    elif done["state"] == "printed":
        click.echo(f"{key} is printed, with number {done['number']}; who asked for it is told so when they ask again")
    else:
        click.echo(f"{key} is not printed: sell it again, with a new quote")


@till.command()
@click.argument("kind", type=click.Choice(["x", "z"]))
@click.option("--station", help="The till; needed where there are several.")
@click.option("--key", help="To repeat an order: the same key prints once.")
@as_json
@daemon_options
def report(kind: str, station: str | None, key: str | None, as_json: bool, config: Path, socket: Path | None) -> None:
    """Print an X report, or the Z report that ends the fiscal day, on the till's own printer.

    Exit code 1: it was refused or cancelled; 6: the printer is not ready; 7: it is not known whether it was printed.
    """
    _order(client(config, socket), station, key, "reports", {"kind": kind}, REPORT_S, as_json)


@till.command()
@click.argument("way", type=click.Choice(["in", "out"]))
@click.argument("euros_", metavar="EUROS")
@click.option("--station", help="The till; needed where there are several.")
@click.option("--key", help="To repeat an order: the same key moves it once.")
@as_json
@daemon_options
def cash(
    way: str, euros_: str, station: str | None, key: str | None, as_json: bool, config: Path, socket: Path | None
) -> None:
    """Record EUROS (such as 20.00) that are put into the drawer or taken out of it.

    Exit codes as of `report`.
    """
    cents = cents_of(euros_)
    body = {"cents": cents if way == "in" else -cents}
    _order(client(config, socket), station, key, "cash", body, CASH_S, as_json)


def cents_of(text: str) -> int:
    """`20`, `20.5` and `20,50` are 2000, 2050 and 2050 cents. Raises a usage error for anything else, and for 0."""
    whole, point, part = text.replace(",", ".").partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (part.isascii() and part.isdigit())):
        raise click.BadParameter(f"{text!r} is no amount such as 20.00", param_hint="EUROS")
    if len(part) > 2:
        raise click.BadParameter(f"{text!r} has more than two digits of cents", param_hint="EUROS")
    if not (cents := int(whole) * 100 + int(part.ljust(2, "0"))):
        raise click.BadParameter("0 is nothing to move", param_hint="EUROS")
    return cents


def _order(
    daemon: Client, station: str | None, key: str | None, what: str, body: object, answer_s: float, as_json: bool
) -> None:
    import os
    from urllib.parse import quote

    key = key or f"cli-{os.urandom(8).hex()}"
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("only printable ASCII characters", param_hint="--key")
    target = f"/v1/stations/{quote(station or _only_till(daemon), safe='')}/{what}"
    try:
        told: dict[str, Any] = daemon.post(target, body, answer_s=answer_s, key=key)
    except DeadlineMissed as error:
        raise DeadlineMissed(error.what, f"Ask again with --key {key}: nothing is done twice") from error
    fiscal = told["fiscal"]
    if as_json:
        document(**told, key=key)
    else:
        number = fiscal.get("z_number" if body == {"kind": "z"} else "number")
        click.echo(fiscal["state"] + (f", number {number}" if number else ""))
    advice, seen = fiscal.get("advice", ""), fiscal.get("detail") or fiscal.get("reason")
    match fiscal["state"]:
        case "printed":
            return
        case "refused" | "cancelled" as state:
            raise GatewayError(seen or state, advice, code="not_printed")
        case _:
            raise DeadlineMissed(seen or "not known", advice or f"Ask again with --key {key}")


def _only_till(daemon: Client) -> str:
    tills = [one["id"] for one in daemon.get("/v1/stations")["stations"] if one["kind"] == "till"]
    if len(tills) != 1:
        there = ", ".join(tills) or "none"
        raise NotFound(f"there are {len(tills)} tills", f"Name one with --station: {there}", code="no_such_station")
    return str(tills[0])

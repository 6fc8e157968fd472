"""`smartplace till day`: what a till sold and gave back on a day, for the cashier and the bookkeeper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.output import document, table
from gateway.model.errors import NotFound
from gateway.model.money import euros

REPORT_S = 30.0
"""A day of some thousand receipts, on a busy Pi."""
_SUMS = (("sold", "sold"), ("refunded", "given back"), ("voided", "cancelled"))
_NOTES = {
    "late": "receipts were recorded late",
    "not_printed": "receipts or refunds were not printed and count in no sum",
    "print_unknown": "receipts or refunds are in doubt on the printer: smartplace till doubts",
    "erased": "receipts or refunds cannot be counted: their content was erased, or is kept no longer",
    "undated": "receipts or refunds have a time that nobody vouches for",
}


@click.command()
@click.option("--date", metavar="YYYY-MM-DD", help="A day of the place's calendar; today without it.")
@click.option("--station", help="Of this till only.")
@as_json
@daemon_options
def day(date: str | None, station: str | None, as_json: bool, config: Path, socket: Path | None) -> None:
    """What the tills have sold and given back on a day, who pays the discounts, and articles that nobody knows.

    Exit code 4: there is no such till; 5: this is no day.
    """
    from urllib.parse import quote, urlencode

    daemon = client(config, socket)
    tills = [one["id"] for one in daemon.get("/v1/stations")["stations"] if one["kind"] == "till"]
    if station is not None:
        tills = [station]
    if not tills:
        raise NotFound("there is no till here", "Configure one: docs/configuration.md", code="no_such_station")
    asked = f"?{urlencode({'date': date})}" if date else ""
    told = [daemon.get(f"/v1/stations/{quote(one, safe='')}/day{asked}", answer_s=REPORT_S) for one in tills]
    if as_json:
        document(days=told)
        return
    for number, one in enumerate(told):
        if number:
            click.echo()
        _tell(one)


def _tell(told: dict[str, Any]) -> None:
    click.echo(f"{told['station']}, {told['date']} ({told['time_zone']})")
    rows = [["", "", "list", "discount", "paid"]]
    for key, name in _SUMS:
        sums = told[key]
        amounts = (euros(sums[f"{what}_cents"]) for what in ("list", "discount", "due"))
        rows.append([name, str(sums["count"]), *amounts])
    table(rows, "  ")
    lines = [
        [one["means"], euros(one["sold_cents"] - one["back_cents"]), f"{euros(one['back_cents'])} of it given back"]
        for one in told["means"]
    ]
    _list("paid by", lines)
    payers = [
        [one["party"], one["rule"], one["form"], euros(one["sold_cents"] - one["back_cents"])] for one in told["payers"]
    ]
    _list("who pays the discounts", payers)
    _list("VAT", [[one["letter"], euros(one["gross_cents"]), euros(one["tax_cents"])] for one in told["vat"]])
    _list("spent beyond what was left", [[one["key"], str(one["units"])] for one in told["overspent"]])
    articles = [
        [one["text"], one["sku"], one["category"] or "no category", f"{one['lines']} times"] for one in told["unmapped"]
    ]
    _list("articles that nobody knows", articles)
    for key, words in _NOTES.items():
        if told[key]:
            click.echo(f"  {told[key]} {words}")
    if told["untaxed"] and told["vat"]:
        click.echo(f"  {told['untaxed']} receipts or refunds are not in the VAT: nobody here knows it")
    if told["partial"]:
        click.echo("  so long ago that some of it is kept here no longer")


def _list(name: str, rows: list[list[str]]) -> None:
    if rows:
        click.echo(f"  {name}")
        table(rows, "    ")

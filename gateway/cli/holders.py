"""`smartplace centre holders`: holders and cards of the city, in and out, and who changed what."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.centre import when
from gateway.cli.centre_store import looking, store_options, writing
from gateway.cli.common import as_json
from gateway.cli.holders_common import (
    Progress,
    file_argument,
    given,
    key_options,
    now_ms,
    officer_option,
    output,
    tell,
    zone_of,
    zone_option,
)
from gateway.cli.holders_common import (
    card_key as read_key,
)
from gateway.cli.lazy import LazyGroup, Verb
from gateway.cli.output import Cell, document, patience, table

VERBS = {
    "block": Verb("gateway.cli.holders_cards:block", "Block cards, or all cards of a holder."),
    "unblock": Verb("gateway.cli.holders_cards:unblock", "Let blocked cards be used again."),
    "replace": Verb("gateway.cli.holders_cards:replace", "Block cards and put new ones in their places."),
    "temporary": Verb("gateway.cli.holders_cards:temporary", "Give a holder a card for some time."),
    "end": Verb("gateway.cli.holders_cards:end", "End holders with all of their cards."),
}
WHOLE = 2**63 - 1


@click.group(cls=LazyGroup, verbs=VERBS)
def holders() -> None:
    """Holders and cards of the city. Card ids are read from files, and only their digests are kept."""


@holders.command(name="import")
@file_argument
@click.option("--delta", is_flag=True, help="The file holds changes only: nobody is ended for being missing.")
@click.option(
    "--most-ended",
    type=click.IntRange(0, 100),
    default=10,
    show_default=True,
    help="Percent of the holders, and of the cards, that a full import may end.",
)
@officer_option
@key_options
@zone_option
@as_json
@store_options
def import_(
    file: Path,
    delta: bool,
    most_ended: int,
    officer: str,
    card_key: Path | None,
    card_key_id: str,
    zone: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Import holders and cards from FILE (CSV or JSON; - for standard input): all of it, or nothing.

    What a full import does not name any more is ended, not deleted.
    """
    of = zone_of(zone)
    with writing(**where) as database:
        from gateway.centre.people_file import read_holders
        from gateway.centre.people_import import import_people
        from gateway.centre.people_staging import Staged

        key = read_key(database, card_key, card_key_id)
        progress = Progress()
        with given(file) as source, Staged(key, of, delta=delta) as staged:
            staged.read(read_holders(source), progress)
            done = import_people(database, staged, officer, now_ms(), most_ended=most_ended / 100, progress=progress)
            tell(done, as_json, holders=staged.holders, cards=staged.cards)


@holders.command()
@click.option("--out", type=click.Path(path_type=Path), help="File to write (mode 0600) instead of stdout.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@store_options
def export(out: Path | None, form: str, as_json: bool, **where: Any) -> None:
    """All holders and cards, ended ones too, as an import takes them; cards by their digests."""
    with looking(**where) as db:
        from gateway.centre.people_out import exported, write_csv, write_json

        write = write_json if as_json or form == "json" else write_csv
        if out is None:
            write(exported(db), sys.stdout)
            return
        with patience("reading the store"), output(out) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            count = write(exported(db), text)
            text.detach()
    click.echo(f"{count} holders in {out}", err=True)


@holders.command()
@click.argument("holder")
@as_json
@store_options
def show(holder: str, as_json: bool, **where: Any) -> None:
    """One holder by id: residence and birth, entitlements, cards, and what was changed by whom."""
    import msgspec

    with looking(**where) as db:
        from gateway.centre.people_log import log_of
        from gateway.centre.people_out import exported
        from gateway.centre.people_times import stored
        from gateway.model.errors import NotFound

        row = next(exported(db, holder), None)
        if row is None:
            raise NotFound("there is no such holder", "Holders go by the id of the import", code="holder_unknown")
        log = log_of(db, holder)
    if as_json:
        document(holder=msgspec.to_builtins(row), log=[msgspec.to_builtins(line) for line in log])
        return
    click.echo(f"{row.holder}{f', ended {when(row.ended_ms)}' if row.ended_ms else ''}")
    for name, fact in (("language", row.language), ("residence", row.residence), ("born", row.born)):
        if fact:
            click.echo(f"{name} {fact}")
    lines: list[list[Cell]] = [["entitlement", "from", "until"]]
    held = stored(" ".join(row.entitlements or ()))
    lines += [[one.code, when(one.from_ms or None), when(one.until_ms or None)] for one in held]
    table(lines)
    lines = [["card", "digest", "", "from", "until"]]
    for card in row.credentials:
        standing = "ended" if card.ended_ms else "replaced" if card.replaced_by else str(card.standing)
        from_ms, until_ms = int(card.from_ms or 0), int(card.until_ms or 0)
        kind = f"{card.kind}{', temporary' if card.temporary else ''}"
        lines.append([kind, card.digest[:12], standing, when(from_ms or None), when(until_ms or None)])
    table(lines)
    _log(log)


@holders.command()
@click.option("--holder", help="Only of this holder.")
@click.option("--operations", is_flag=True, help="One line an operation, with what it changed counted.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@as_json
@store_options
def log(holder: str | None, operations: bool, limit: int, as_json: bool, **where: Any) -> None:
    """Who changed what, the newest first."""
    import msgspec

    with looking(**where) as db:
        from gateway.centre import people_log

        done = people_log.operations(db, limit) if operations else []
        lines = people_log.log_of(db, holder, limit) if not operations else []
    if as_json:
        rows = [msgspec.to_builtins(row) for row in (*done, *lines)]
        document(**{"operations" if operations else "log": rows})
    elif operations:
        shown: list[list[Cell]] = [["operation", "at", "by", "verb", "changed"]]
        for row in done:
            changes = ", ".join(f"{what} {count}" for what, count in row.changes.items())
            shown.append([str(row.number), when(row.at_ms), row.officer, row.verb, changes])
        table(shown)
    else:
        _log(lines)


def _log(lines: list[Any]) -> None:
    shown: list[list[Cell]] = [["at", "by", "verb", "holder", "", "card"]]
    shown += [[when(r.at_ms), r.officer, r.verb, r.holder, r.what, r.digest[:12] if r.digest else "-"] for r in lines]
    table(shown)

"""`smartplace centre holders block|unblock|replace|temporary|end`: what an officer does to single cards and holders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.centre_store import store_options, writing
from gateway.cli.common import as_json
from gateway.cli.holders_common import (
    card_key as read_key,
)
from gateway.cli.holders_common import (
    file_argument,
    given,
    key_options,
    now_ms,
    officer_option,
    tell,
    zone_of,
    zone_option,
)
from gateway.model.errors import InputRefused


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--holder", help="Every card of this holder, instead of FILE.")
@officer_option
@key_options
@as_json
@store_options
def block(
    file: Path | None,
    holder: str | None,
    officer: str,
    card_key: Path | None,
    card_key_id: str,
    as_json: bool,
    **where: Any,
) -> None:
    """Block the cards in FILE (CSV with kind, id, issuer, or JSON; - for standard input).

    They are in the list of `smartplace centre blocks` from now on, until they are unblocked.
    """
    if (file is None) == (holder is None):
        raise click.UsageError("Give FILE or --holder.")
    with writing(**where) as database:
        from gateway.centre.people_cards import Desk
        from gateway.centre.people_file import read_cards

        desk = Desk(database, officer, now_ms)
        if holder is not None:
            tell(desk.block_holder(holder), as_json)
        elif file is not None:
            key = read_key(database, card_key, card_key_id)
            with given(file) as source:
                tell(desk.block(list(read_cards(source)), key), as_json)


@click.command()
@file_argument
@officer_option
@key_options
@as_json
@store_options
def unblock(file: Path, officer: str, card_key: Path | None, card_key_id: str, as_json: bool, **where: Any) -> None:
    """Let the cards in FILE be used again. Not one that was replaced: exit code 5."""
    with writing(**where) as database:
        from gateway.centre.people_cards import Desk
        from gateway.centre.people_file import read_cards

        key = read_key(database, card_key, card_key_id)
        with given(file) as source:
            tell(Desk(database, officer, now_ms).unblock(list(read_cards(source)), key), as_json)


@click.command()
@file_argument
@officer_option
@key_options
@as_json
@store_options
def replace(file: Path, officer: str, card_key: Path | None, card_key_id: str, as_json: bool, **where: Any) -> None:
    """Block old cards at once and put new ones in their places: holder, end and entitlements stay.

    FILE is CSV with kind, id, issuer of the old card and new_kind, new_id, new_issuer of the new one, or JSON.
    """
    with writing(**where) as database:
        from gateway.centre.people_cards import Desk
        from gateway.centre.people_file import read_replacements

        key = read_key(database, card_key, card_key_id)
        with given(file) as source:
            tell(Desk(database, officer, now_ms).replace(list(read_replacements(source)), key), as_json)


@click.command()
@click.argument("holder")
@file_argument
@click.option("--until", required=True, metavar="TIME", help="Last day (2026-05-30), or time, on which it counts.")
@officer_option
@key_options
@zone_option
@as_json
@store_options
def temporary(
    holder: str,
    file: Path,
    until: str,
    officer: str,
    card_key: Path | None,
    card_key_id: str,
    zone: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Give HOLDER the cards in FILE until a day. The holder's other cards stay as they are."""
    of = zone_of(zone)
    with writing(**where) as database:
        from gateway.centre.people_cards import Desk
        from gateway.centre.people_file import read_cards
        from gateway.centre.people_times import parse_time

        try:
            until_ms = parse_time(until, of, ends=True)
        except InputRefused as refused:
            raise click.BadParameter(str(refused), param_hint="--until") from None
        key = read_key(database, card_key, card_key_id)
        with given(file) as source:
            desk = Desk(database, officer, now_ms)
            tell(desk.temporary(holder, list(read_cards(source)), key, until_ms), as_json)


@click.command()
@click.argument("ids", metavar="HOLDER...", nargs=-1, required=True)
@officer_option
@as_json
@store_options
def end(ids: tuple[str, ...], officer: str, as_json: bool, **where: Any) -> None:
    """End holders with all of their cards. Nothing is deleted; an import brings them back."""
    with writing(**where) as database:
        from gateway.centre.people_cards import Desk

        tell(Desk(database, officer, now_ms).end(ids), as_json)

"""`smartplace centre registry|blocks`: what the gateways are to know of holders and cards, as files to be signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.centre import at_time, when
from gateway.cli.centre_store import looking, store_options
from gateway.cli.common import as_json
from gateway.cli.exits import Exit
from gateway.cli.holders_common import now_ms, output
from gateway.cli.output import document, patience, talk
from gateway.cli.rules_files import load_rules

out_option = click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write (mode 0600).")


@click.command()
@click.option(
    "--rules",
    "rules_file",
    type=click.Path(path_type=Path),
    required=True,
    help="The place's rules (JSON), or a folder.",
)
@click.option("--at", metavar="TIME", help="As of this time (UTC). Default: now.")
@out_option
@as_json
@store_options
def registry(rules_file: Path, at: str | None, out: Path, as_json: bool, **where: Any) -> None:
    """Write the registry for a place: who has a card, and what of its rules' entitlements holds at that time."""
    at_ms = at_time(at, now_ms())
    rules = load_rules(rules_file)[1]
    with patience("reading the store"), looking(**where) as db:
        from gateway.centre.people_content import write_registry
        from gateway.centre.people_out import project

        made = project(db, rules, at_ms)
        with output(out) as file:
            sha256 = write_registry(made.content, file)
    content = made.content
    told = {"holders": len(content.holders), "credentials": len(content.credentials), "key_id": content.key_id}
    if as_json:
        document(file=str(out), sha256=sha256, at_ms=at_ms, until_ms=made.until_ms, **told)
        return
    click.echo(f"{told['holders']} holders, {told['credentials']} credentials, card key {content.key_id}, in {out}")
    if made.until_ms:
        click.echo(
            f"right until {when(made.until_ms)} (UTC), when an entitlement begins or ends: build the next by then"
        )


@click.command()
@click.option("--since", metavar="TIME", help="Only cards blocked from this time on (UTC): of the registry in force.")
@out_option
@as_json
@store_options
def blocks(since: str | None, out: Path, as_json: bool, **where: Any) -> None:
    """Write the list of blocked cards, the newest when there are more than a list holds.

    Exit code 8 when older ones were left out: then the registries in force must have them.
    """
    since_ms = at_time(since, 0)
    with patience("reading the store"), looking(**where) as db:
        from gateway.centre.people_content import MAX_BLOCKED, write_blocks
        from gateway.centre.people_key import key_id_of
        from gateway.centre.people_out import blocks_of

        blocked = blocks_of(db, since_ms)
        key_id = key_id_of(db)
        kept, left_out = blocked[:MAX_BLOCKED], blocked[MAX_BLOCKED:]
        with output(out) as file:
            sha256 = write_blocks(key_id, kept, file)
    oldest_ms = left_out[0].since_ms if left_out else 0
    if as_json:
        document(
            file=str(out),
            sha256=sha256,
            key_id=key_id,
            blocked=len(kept),
            left_out=len(left_out),
            left_out_until_ms=oldest_ms,
        )
    else:
        click.echo(f"{len(kept)} blocked cards, card key {key_id}, in {out}")
    if left_out:
        talk(
            f"{len(left_out)} older ones left out, the newest blocked {when(oldest_ms)}: publish registries since then"
        )
        raise SystemExit(Exit.WARNINGS)

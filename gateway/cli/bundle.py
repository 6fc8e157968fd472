"""`smartplace bundle`: what an officer and a technician do with bundles. Building and signing need no daemon."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.output import Cell, document, patience, table

IN_FILE = click.Path(path_type=Path)
KINDS = ("rules", "registry", "keys", "blocks", "trust")
PATIENCE_S = 120.0
"""For a bundle to be staged and tried: a whole city's registry takes a Pi half a minute."""


def _id(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    """An id as configurations have it: with another one no gateway would ever take the bundle."""
    if given != "*" and not re.fullmatch("[a-z0-9-]{3,32}", given):
        raise click.BadParameter("an id is 3 to 32 of a-z 0-9 -, as in the gateways' configuration")
    return given


@click.group()
def bundle() -> None:
    """Bundles of rules, registries, keys, blocked cards, trusted issuers: build, sign, verify; apply, undo here."""


@bundle.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--city", required=True, callback=_id, help="Id of the city.")
@click.option(
    "--target", default="*", callback=_id, show_default=True, help="Id of a gateway, or * for all of the city."
)
@click.option("--number", type=click.IntRange(1), help="Default: the time in seconds.")
@click.option("--expires", type=click.DateTime(("%Y-%m-%d",)), help="Day (UTC) from whose beginning it counts no more.")
@click.option("--grace-days", type=click.IntRange(0), default=0, help="How much longer it counts while offline.")
@click.option("--resized", is_flag=True, help="It is meant to be much smaller or larger than the one before.")
@click.option(
    "--rules",
    "rules_file",
    type=IN_FILE,
    help="Rules (JSON, or a folder): the content, or what a registry is for.",
)
@click.option("--holders", "holders_file", type=IN_FILE, help="Holders (CSV or JSON) of a registry.")
@click.option(
    "--content", "content_file", type=IN_FILE, help="What `smartplace centre registry` or `centre blocks` has written."
)
@click.option("--base", "base_file", type=IN_FILE, help="Earlier registry bundle: makes the delta from it.")
@click.option("--cards", "cards_file", type=IN_FILE, help="Cards (CSV or JSON) to block.")
@click.option("--card-key", "card_key_file", type=IN_FILE, help="The city's card key (hex, mode 0600).")
@click.option("--card-key-id", default="", help="Its id, as the gateways have it.")
@click.option(
    "--key", "key_files", type=IN_FILE, multiple=True, help="Public key that may sign from then on. Repeat it."
)
@click.option("--trust", "trust_file", type=IN_FILE, help="Trust list of issuers of passes (JSON, docs/passes.md).")
@click.option("--output", "-o", type=IN_FILE, required=True, help="File to write: to be signed.")
@as_json
def build(kind: str, output: Path, as_json: bool, **given: Any) -> None:
    """Build a bundle of KIND that is not signed yet.

    `rules` needs --rules; `registry` and `blocks` --content out of the centre's store, or from files: `registry`
    --rules, --holders, --card-key and --card-key-id, `blocks` --cards and the card key; `keys` each --key; `trust`
    --trust. Exit code 9 when a file is not what it should be.
    """
    from gateway.cli import bundle_build

    told = bundle_build.build(kind, output, given)
    _show(told, as_json)


@bundle.command()
@click.argument("file", type=IN_FILE)
@click.option("--key", "key_file", type=IN_FILE, required=True, help="Secret key in minisign's format, mode 0600.")
@click.option("--output", "-o", type=IN_FILE, help="File to write. Default: FILE itself.")
@as_json
def sign(file: Path, key_file: Path, output: Path | None, as_json: bool) -> None:
    """Sign the bundle in FILE. `verify` shows what it is that you sign."""
    from gateway.cli import bundle_build

    _show(bundle_build.sign(file, key_file, output or file), as_json)


@bundle.command()
@click.argument("file", type=IN_FILE)
@click.option("--key", "key_files", type=IN_FILE, multiple=True, help="Public key that is trusted. Repeat it.")
@as_json
def verify(file: Path, key_files: tuple[Path, ...], as_json: bool) -> None:
    """What the bundle in FILE is, for whom, from whom, and whether it is whole.

    Exit code 5 when it is not to be trusted. Without --key the signature is not checked, and the answer says so.
    """
    from gateway.cli import bundle_build

    _show(bundle_build.describe(file, key_files), as_json)


@bundle.command()
@click.argument("file", type=IN_FILE)
@as_json
@daemon_options
def apply(file: Path, as_json: bool, config: Path, socket: Path | None) -> None:
    """Hand the bundle in FILE to the gateway on this machine, as the centre would: its signature decides.

    For a gateway without a network. A large one goes on where an earlier attempt was cut off. Exit code 5 when the
    gateway refuses it; then nothing has changed.
    """
    from gateway.cli import bundle_build

    with patience(f"handing {file} over"):
        told = bundle_build.hand_over(client(config, socket), file, PATIENCE_S)
    _show(told, as_json)


@bundle.command()
@as_json
@daemon_options
def history(as_json: bool, config: Path, socket: Path | None) -> None:
    """Which bundles were in force here, since when, and how they came; the newest first."""
    told: dict[str, Any] = client(config, socket).get("/v1/bundles")
    if as_json:
        document(**told)
        return
    now = told.get("now", {})
    rows: list[list[Cell]] = [["kind", "number", "counts", "until"]]
    rows += [[s["kind"], str(s["number"]), s["counts"], _when(s["ends_ms"])] for s in now.get("in_force", ())]
    rows += [[f["kind"], str(f["number"]), f"coming, {f['have']} of {f['of']}"] for f in now.get("fetching", ())]
    table(rows)
    click.echo()
    rows = [["in force from", "kind", "number", "how", "made", "expires"]]
    rows += [
        [_when(p["at_ms"]), p["kind"], str(p["number"]), p["how"], _when(p["created_ms"]), _when(p["expires_ms"])]
        for p in told.get("history", ())
    ]
    table(rows)


@bundle.command()
@click.argument("kind", type=click.Choice(KINDS))
@as_json
@daemon_options
def rollback(kind: str, as_json: bool, config: Path, socket: Path | None) -> None:
    """Go back to the bundle of KIND before the one in force. Recorded; once.

    The number does not go back: the next bundle must be newer than the newest that ever was here. Exit code 4 when
    there is none before; 5 for keys, blocks and trust, which are never taken back.
    """
    told = client(config, socket).post(f"/v1/bundles/{kind}/rollback", answer_s=PATIENCE_S)
    _show({"kind": told["kind"], "number": told["number"], "how": told["how"]}, as_json)


def _show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        document(**told)
        return
    names = {name: name.removesuffix("_ms").replace("_", " ") for name in told}
    table([[names[name], _when(value) if name.endswith("_ms") else str(value)] for name, value in told.items()])


def _when(wall_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ms / 1000)) if wall_ms > 1 else "-"

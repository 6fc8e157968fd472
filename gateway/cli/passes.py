"""`smartplace pass`: keys, passes and what they say. For tests and small cities; needs no daemon."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json
from gateway.cli.exits import Exit
from gateway.cli.output import document, table, talk

FILE = click.Path(path_type=Path)
INPUT = click.Path(path_type=Path, allow_dash=True)
TIME = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))
HOUR_S = 3600


@click.group("pass")
def passes() -> None:
    """Signed passes: make a key, issue one, prove one as a phone does, verify and explain one."""


@passes.command()
@click.argument("file", type=FILE)
@click.option("--alg", type=click.Choice(("EdDSA", "ES256")), default="EdDSA", show_default=True, help="Kind of key.")
@as_json
def key(file: Path, alg: str, as_json: bool) -> None:
    """Make a key in FILE (PEM, mode 0600; never overwrites) and print its public half.

    ES256 is what the safe hardware of phones has. With --json also the line of a trust list.
    """
    from gateway.cli import passes_work

    public = passes_work.make_key(file, alg)
    if as_json:
        document(alg=alg, file=str(file), public=public.pem(), trust_list_key=passes_work.line_of(public))
        return
    click.echo(public.pem(), nl=False)


@passes.command()
@click.option("--key", "key_file", type=FILE, required=True, help="The issuer's key (PEM, mode 0600).")
@click.option("--key-id", default="", help="Its id, as the trust list has it.")
@click.option("--issuer", required=True, help="Name of the issuer, as gateways have it.")
@click.option("--subject", default="", help="Whom it is of, in the issuer's own opaque words.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="How long it lives.  [default: 24]")
@click.option("--expires", type=TIME, help="When it expires (UTC), instead of --hours.")
@click.option("--not-before", type=TIME, help="From when it counts (UTC).")
@click.option("--entitlement", "entitlements", multiple=True, help="Code that it claims. Repeat it.")
@click.option("--persons", type=click.IntRange(1, 99), default=1, show_default=True, help="For how many persons.")
@click.option("--once", is_flag=True, help="Its first use uses it up.")
@click.option("--phone", "phone_file", type=FILE, help="Public key of a phone (PEM): counts only with its fresh proof.")
@click.option("--id-file", type=FILE, help="File with the pass id in hex.  [default: 8 random bytes]")
@click.option("--note", "note_file", type=FILE, help="Append the row that would block it (CSV, mode 0600).")
@as_json
def issue(as_json: bool, **given: Any) -> None:
    """Issue a pass: the text of a QR code on stdout.

    Whoever has the text has the pass. Exit code 9 when a file is not what it should be.
    """
    from gateway.cli import passes_work

    now_s = int(time.time())
    text = passes_work.issue(given, now_s).decode("ascii")
    if given["expires"] is not None and _seconds(given["expires"]) <= now_s:
        click.echo("warning: it has expired already: no gateway takes it", err=True)
    _show(text, as_json=as_json)


@passes.command()
@click.argument("file", type=INPUT)
@click.option("--key", "key_file", type=FILE, required=True, help="The phone's key (PEM, mode 0600).")
@click.option("--at", type=TIME, help="As if it were then (UTC).")
@as_json
def prove(file: Path, key_file: Path, at: datetime | None, as_json: bool) -> None:
    """Show the pass in FILE (`-`: stdin) as its phone does now: with a proof that is fresh for 30 seconds."""
    from gateway.cli import passes_work

    _show(passes_work.prove(file, key_file, _seconds(at)).decode("ascii"), as_json=as_json)


def _show(text: str, *, as_json: bool) -> None:
    if as_json:
        document(**{"pass": text, "characters": len(text)})
    else:
        click.echo(text)


@passes.command()
@click.argument("file", type=INPUT)
@click.option("--key", "key_files", type=FILE, multiple=True, help="Public key of its issuer (PEM). Repeat it.")
@click.option("--trust", "trust_file", type=FILE, help="Trust list (JSON), instead of --key.")
@click.option("--at", type=TIME, help="As if it were then (UTC).")
@as_json
@click.pass_context
def verify(
    context: click.Context,
    file: Path,
    key_files: tuple[Path, ...],
    trust_file: Path | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """What the pass in FILE (`-`: stdin) claims, and whether a gateway would take it now.

    The pass id and the subject are not shown. Whether it was used or blocked only a gateway knows. Exit code 5 when it
    would be refused, with the reason that the gateway would record; 8 when neither --key nor --trust was given, for
    then nothing is believed.
    """
    from gateway.cli import passes_work

    told = passes_work.verify(file, key_files, trust_file, _seconds(at))
    if as_json:
        document(**told)
    else:
        table([[row["claim"], row["says"], row["means"]] for row in told["claims"]])
    match told["verdict"]:
        case "good":
            talk("good: a gateway that trusts this issuer takes it, unless it was used or blocked")
        case "not_checked":
            talk("its signature was not checked: give --key or --trust")
            context.exit(Exit.WARNINGS)
        case reason:
            talk(f"refused: {reason}. {told['means']}")
            context.exit(Exit.REFUSED)


def _seconds(at: datetime | None) -> int:
    return int(at.replace(tzinfo=UTC).timestamp()) if at is not None else int(time.time())

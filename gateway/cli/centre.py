"""`smartplace centre`: the city's end. Questions go to the store itself, also while workers run, and when none does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.cli.centre_store import check_installed, config_option, query_of, store_options
from gateway.cli.common import as_json
from gateway.cli.lazy import LazyGroup, Verb
from gateway.cli.output import Cell, document, patience, table, talk
from gateway.model.entry import EntryKind, Stream

if TYPE_CHECKING:
    from gateway.centre.query import EntryRow

D = TypeVar("D", int, None)

gateway_option = click.option("--gateway", help="Only of this gateway.")

VERBS = {
    "command": Verb("gateway.cli.centre_commands:command", "Give a gateway a command: pace, resend, new_epoch."),
    "commands": Verb("gateway.cli.centre_commands:commands", "The commands, and what became of each."),
    "alarms": Verb("gateway.cli.centre_alarms:alarms", "What a person should look at."),
    "holders": Verb("gateway.cli.holders:holders", "Holders and cards: import, export, block, replace, log."),
    "lots": Verb("gateway.cli.lots:lots", "What holders have bought: add, list, import."),
    "quotas": Verb("gateway.cli.lots:quotas", "What of each quota is out, and which gateway has it."),
    "fence": Verb("gateway.cli.centre_quotas:fence", "End what a stolen or copied box may still use of quotas."),
    "reconcile": Verb("gateway.cli.centre_quotas:reconcile", "Hold receipts against leases of a quota."),
    "publish": Verb("gateway.cli.publish:publish", "Publish a signed bundle; wait until gateways have it."),
    "registry": Verb("gateway.cli.holders_out:registry", "Write the registry for a place's rules, to be signed."),
    "blocks": Verb("gateway.cli.holders_out:blocks", "Write the list of blocked cards, to be signed."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def centre() -> None:
    """The city's end of the wire: run a worker, ask the store, look after holders and cards."""


@centre.command()
@config_option
def run(config: Path) -> None:
    """Run one worker of the centre until SIGTERM, Ctrl-C or the end of its input (docs/centre.md)."""
    check_installed()
    from gateway.centre import program, settings

    raise SystemExit(program.run(settings.load(config)))


@centre.command()
@as_json
@store_options
def gateways(as_json: bool, config: Path, store: str | None, password_file: Path | None) -> None:
    """Every gateway that was ever heard of: online or since when not, version, newest numbers."""
    import msgspec

    with patience("reading the store"):
        rows = query_of(config, store, password_file).gateways()
    if as_json:
        document(gateways=[msgspec.structs.asdict(row) | {"state": _plain(row.state)} for row in rows])
        return
    lines: list[list[Cell]] = [["gateway", "", "since", "born", "version", "epoch"]]
    for row in rows:
        state = _plain(row.state)
        online: Cell = ("online", "green") if row.online else ("offline", "red")
        lines.append(
            [row.gateway, online, when(row.changed_ms), when(row.born_ms), state.get("version", ""), row.epoch]
        )
    table(lines)


@centre.command()
@gateway_option
@click.option("--stream", type=click.Choice([str(stream) for stream in Stream]), help="Only of this stream.")
@click.option("--kind", type=click.Choice([str(kind) for kind in EntryKind]), help="Only of this kind.")
@click.option("--since", metavar="TIME", help="From this time on (2026-05-30, or 2026-05-30T09:00; UTC).")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--undated", is_flag=True, help="With these two: also what nobody can date.")
@click.option("--what", metavar="WORD", help="Only security events of this sort, such as quota_fenced.")
@click.option("--after", type=click.IntRange(min=0), help="The first ones behind this arrival, to go on from there.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@as_json
@store_options
def events(
    gateway: str | None,
    stream: str | None,
    kind: str | None,
    since: str | None,
    until: str | None,
    undated: bool,
    what: str | None,
    after: int | None,
    limit: int,
    as_json: bool,
    config: Path,
    store: str | None,
    password_file: Path | None,
) -> None:
    """Stored entries in the order of their arrival, the newest last. Bodies only with --json."""
    if what is not None and kind not in (None, EntryKind.SECURITY):
        raise click.UsageError(f"--what is of security events, not of {kind}")
    kind = EntryKind.SECURITY if what is not None else kind
    since_ms, until_ms = at_time(since, None), at_time(until, None)
    from gateway.centre.query import what_of

    query = query_of(config, store, password_file)
    of = Stream(stream) if stream else None, EntryKind(kind) if kind else None
    with patience("reading the store"):
        found = query.between(
            gateway, *of, since_ms=since_ms, until_ms=until_ms, undated=undated, what=what, after=after, limit=limit
        )
    if as_json:
        document(events=[_event(row) for row in found.rows], undated=found.undated)
        return
    lines: list[list[Cell]] = [["arrival", "gateway", "stream", "number", "kind", "at", "received"]]
    for r in found.rows:
        at = f"{when(r.wall_ms)} (guess)" if r.utc_ms is None else when(r.utc_ms)
        said = f"{r.kind} {what_of(r)}" if r.kind is EntryKind.SECURITY else r.kind
        lines.append([str(r.arrival), r.gateway, r.stream, str(r.seq), said, at, when(r.received_ms)])
    table(lines)
    if len(found.rows) == limit:
        talk(f"{'the newest' if after is None else 'at most'} {limit} are shown: --limit, --after")
    if found.undated:
        talk(f"left out, because nobody can know when they happened: {found.undated}. --undated shows them too")


def _event(row: EntryRow) -> dict[str, Any]:
    return {
        "arrival": row.arrival,
        "id": f"{row.gateway}/{row.epoch}/{row.stream}/{row.seq}",
        "kind": row.kind,
        "utc_ms": row.utc_ms,
        "wall_ms": row.wall_ms,
        "quality": row.quality,
        "received_ms": row.received_ms,
        "digest": row.digest.hex(),
        "body": None if row.body is None else _plain(row.body),
    }


@centre.command()
@gateway_option
@as_json
@store_options
def gaps(gateway: str | None, as_json: bool, config: Path, store: str | None, password_file: Path | None) -> None:
    """Numbers that are known to exist and are not here. They are asked for by themselves."""
    import msgspec

    with patience("reading the store"):
        rows = query_of(config, store, password_file).gaps(gateway)
    if as_json:
        document(gaps=[msgspec.to_builtins(row) for row in rows])
        return
    lines: list[list[Cell]] = [["gateway", "epoch", "stream", "first", "last", "missing"]]
    lines += [[r.gateway, r.epoch, r.stream, str(r.first), str(r.last), str(r.last - r.first + 1)] for r in rows]
    table(lines)


@centre.command()
@as_json
@store_options
def unreached(as_json: bool, config: Path, store: str | None, password_file: Path | None) -> None:
    """Gateways that have not confirmed the newest bundle of a kind: rules, registry, keys, blocks."""
    import msgspec

    with patience("reading the store"):
        rows = query_of(config, store, password_file).unreached()
    if as_json:
        document(unreached=[msgspec.to_builtins(row) for row in rows])
        return
    lines: list[list[Cell]] = [["gateway", "", "bundle", "newest", "in force"]]
    for row in rows:
        online: Cell = ("online", "green") if row.online else ("offline", "red")
        lines.append([row.gateway, online, row.kind, str(row.newest), str(row.told or "-")])
    table(lines)


def _plain(raw: Any) -> Any:
    """Stored JSON as values; what is none after all, as text."""
    import msgspec

    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(raw).decode(errors="replace")


def at_time(text: str | None, default: D) -> int | D:
    """Milliseconds since 1970 UTC; `default` when nothing was given. Raises `click.BadParameter`."""
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time, such as 2026-05-30 or 2026-05-30T09:00") from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)


def when(at_ms: int | None) -> str:
    return "-" if at_ms is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_ms / 1000))

"""`smartplace ledger`: works on the files themselves, so that it also does when the daemon does not run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import LEDGER, as_json, config_option, state_folder
from gateway.cli.exits import NotAllowed
from gateway.cli.ledger_files import backup, drop, restore
from gateway.cli.ledger_holders import export, forget
from gateway.cli.output import Cell, document, patience, size, table

if TYPE_CHECKING:
    from gateway.config.types import LedgerSection
    from gateway.ledger.verify import Report

path_argument = click.argument("path", required=False, type=click.Path(path_type=Path))


@click.group()
def ledger() -> None:
    """The durable record. `verify`, `stats`, `export` only read; only `restore` and `drop` need the gateway stopped."""


for command in (backup, restore, drop, forget, export):
    ledger.add_command(command)


@ledger.command()
@path_argument
@as_json
@config_option
def verify(path: Path | None, as_json: bool, config: Path) -> None:
    """Check every entry of the ledger at PATH from the first one on; without PATH of the configured one, of older
    epochs and of backups.

    Exit code 1 when an entry is missing, cut, moved or changed, a checkpoint is not signed, or a file is damaged.
    """
    import msgspec

    from gateway.ledger.verify import verify as verify_file

    file = _there(path, config)
    reports: list[Report] = []
    for one in (file, *(_others(file) if path is None or path.is_dir() else ())):
        with patience(f"verifying {one}, every entry of it"):
            reports.append(verify_file(one))
    if as_json:
        first, *others = [{**_with_ledger_schema(msgspec.to_builtins(r)), "clean": r.clean} for r in reports]
        document(**first, others=others)
    else:
        for report in reports:
            _print_report(report)
    for report in reports:
        _raise_for(report)


def _others(file: Path) -> list[Path]:
    from gateway.ledger.backup import listed_backups
    from gateway.ledger.files import Names

    names = Names(file)
    return [*names.all_older(), *listed_backups(names)[0]]


def _print_report(report: Report) -> None:
    rows: list[list[Cell]] = [
        [s.stream, f"{s.entries} entries", f"acked through {s.acked}", (s.fault, "red") if s.fault else ("ok", "green")]
        for s in report.streams
    ]
    signed = report.checkpoint_fault or f"{report.checkpoints} signed"
    head: list[list[Cell]] = [["gateway", report.gateway], ["epoch", report.epoch]]
    head += [["file", report.path, report.integrity], ["checkpoints", signed]]
    if report.gaps:
        head.append(["gaps", f"{report.gaps} ranges that a damaged card lost, on record as `dropped`"])
    table(head)
    table(rows)


def _raise_for(report: Report) -> None:
    from gateway.model.errors import LedgerError

    if report.clean:
        return
    if report.integrity != "ok":
        what = f"the file is damaged: {report.integrity}"
    elif report.checkpoint_fault:
        what = report.checkpoint_fault
    else:
        what = f"the chain does not hold: {', '.join(s.stream for s in report.streams if s.fault)}"
    raise LedgerError(what, "Keep the card and ask for help", where=report.path)


@ledger.command()
@path_argument
@as_json
@config_option
def stats(path: Path | None, as_json: bool, config: Path) -> None:
    """What the ledger at PATH (default: the configured one) holds: entries, ages, what waits for the centre, sizes."""
    import msgspec

    from gateway.ledger.stats import stats as stats_of

    file = _there(path, config)
    with patience(f"reading {file}"):
        found = stats_of(file)
    bounds = _bounds(config) if path is None else None
    if as_json:
        document(**msgspec.to_builtins(found), bounds=msgspec.to_builtins(bounds))
        return
    table(
        [
            ["gateway", found.gateway],
            ["epoch", found.epoch],
            ["file", found.path],
            [
                "size",
                f"{size(found.file_bytes)} ({found.pages} pages of {found.page_bytes}, {size(found.free_bytes)} free)",
            ],
            ["log", f"{size(found.wal_bytes)} (WAL)"],
            ["last stop", "clean" if found.clean_stop else "not clean, or it is running"],
            ["ballast", size(found.ballast_bytes) if found.ballast_bytes else "none, or given up on a full card"],
            *([["bounds", _in_words(bounds)]] if bounds is not None else []),
        ]
    )
    click.echo()
    rows: list[list[Cell]] = [
        ["stream", "entries", "bytes", "waiting", "dropped", "gone through", "forgotten", "oldest", "newest"]
    ]
    rows += [
        [
            s.stream,
            str(s.entries),
            size(s.bytes),
            str(s.backlog),
            str(s.dropped),
            str(s.floor),
            str(s.forgotten),
            _when(s.oldest_ms),
            _when(s.newest_ms),
        ]
        for s in found.streams
    ]
    table(rows)


def _bounds(config: Path) -> LedgerSection | None:
    """What the configuration sets; None when it is not valid: the file is shown all the same."""
    from gateway.config.load import load
    from gateway.model.errors import ConfigurationError

    try:
        return load(config).configuration.ledger
    except ConfigurationError:
        return None


def _in_words(bounds: LedgerSection) -> str:
    return (
        f"identification {size(bounds.identification_bytes)} or {bounds.identification_days} days,"
        f" telemetry {size(bounds.telemetry_bytes)} unacked; {size(bounds.min_free_bytes)} of the card kept free"
    )


def _there(path: Path | None, config: Path) -> Path:
    """The file to read. Raises `NotFound` or `NotAllowed` before anything looks damaged that only is not there."""
    from gateway.model.errors import NotFound

    file = path if path is not None else state_folder(config) / LEDGER
    if file.is_dir():
        file /= LEDGER
    try:
        with file.open("rb"):
            return file
    except PermissionError as error:
        raise NotAllowed("may not be read by this user", "Use sudo", where=str(file)) from error
    except OSError as error:
        raise NotFound("there is no ledger", "Give its path, or --config", where=str(file)) from error


def _when(wall_ms: int | None) -> str:
    return "-" if wall_ms is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ms / 1000))


def _with_ledger_schema(told: dict[str, object]) -> dict[str, object]:
    """`schema` is the document's own; the file's is `ledger_schema`, as in `stats`."""
    told["ledger_schema"] = told.pop("schema")
    return told

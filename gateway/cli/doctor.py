"""`smartplace doctor`: numbered checks, each with what was seen and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import as_json, config_option
from gateway.cli.exits import Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import counted, document, paint, patience

if TYPE_CHECKING:
    from gateway.cli.finding import Check

COLOUR = {"pass": "green", "warn": "yellow", "fail": "red"}


@click.command()
@as_json
@config_option
def doctor(as_json: bool, config: Path) -> None:
    """Check configuration, keys, state folder, ledger, clock, versions, ports, broker, daemon and its printers.

    Changes nothing. Exit code 1 when a check fails, 8 when there are warnings only.
    """
    told: list[dict[str, object]] = []
    counts: Counter[str] = Counter()
    with patience("checking"):
        for number, check in enumerate(findings(config), start=1):
            counts[check.level] += 1
            if as_json:
                told.append({"number": number, "check": check.name, **_rest(check)})
            else:
                _print(number, check)
    if as_json:
        document(checks=told, **{level: counts[level] for level in COLOUR})
    else:
        click.echo(f"{counts['pass']} passed, {counted(counts['warn'], 'warning')}, {counts['fail']} failed")
    if counts["fail"]:
        raise click.exceptions.Exit(Exit.FAILED)
    if counts["warn"]:
        raise click.exceptions.Exit(Exit.WARNINGS)


def findings(config: Path) -> Iterator[Check]:
    """All checks in their order. Without a valid configuration only those that need none."""
    from gateway.cli import boards, checks, hardware, machine, sources
    from gateway.cli.finding import Check, Level
    from gateway.config.load import load
    from gateway.model.errors import ConfigurationError

    loaded = None
    try:
        loaded = load(config)
    except ConfigurationError as error:
        cause = f"{error.where}: {error.what}" if error.where else error.what
        yield Check("configuration", Level.FAIL, cause, error.advice)
    else:
        yield Check("configuration", Level.PASS, str(loaded.file))
    yield from machine.versions()
    yield machine.clock(loaded)
    if loaded is None:
        return
    yield from checks.file_checks(loaded)
    yield from machine.all_of_state(loaded)
    yield from checks.port_checks(loaded)
    yield from hardware.hardware_checks(loaded)
    yield from boards.board_checks(loaded)
    yield from sources.source_checks(loaded)
    yield from sources.server_checks(loaded)
    yield from checks.pcscd_checks(loaded)
    yield machine.broker(loaded)
    yield from machine.daemon(loaded.state)


def _rest(check: Check) -> dict[str, object]:
    return {"level": check.level.value, "cause": check.cause, "advice": check.advice}


def _print(number: int, check: Check) -> None:
    level = paint(f"{check.level.upper():<4}", COLOUR[check.level])
    click.echo(f"{number:>2}  {level}  {one_line(check.name)}: {one_line(check.cause)}")
    if check.advice:
        click.echo(f"          {one_line(check.advice)}")

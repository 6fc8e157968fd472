"""`smartplace taps`: what stations show, live. The daemon sends no clear card id and no holder; `mark` is the first
6 hex digits of a keyed digest, so that two taps of one card can be told from two cards."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.exits import Exit, Unreachable
from gateway.cli.lazy import one_line
from gateway.cli.output import line, paint, talk
from gateway.model.errors import DeadlineMissed

COLOUR = {
    "accepted": "green", "open": "green", "passed": "green", "printed": "green", "free": "yellow",
    "leaving": "green",
    "recorded": "green", "quote": "cyan", "refused": "red", "void": "yellow", "attention": "red",
}  # fmt: skip


@click.command()
@click.option("--station", help="Of this station only.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@click.option("--timeout", type=click.FloatRange(0.1), help="End after so many seconds, with exit code 7.")
@as_json
@daemon_options
def taps(
    station: str | None, count: int | None, timeout: float | None, as_json: bool, config: Path, socket: Path | None
) -> None:
    """Follow what stations show: accepted, refused (and why), opened, passed. Ctrl-C ends it.

    Card ids are never shown: `credential 3fa9c1` is a part of a keyed digest, the same for the same card.
    """
    until = time.monotonic() + timeout if timeout is not None else None
    target = "/v1/events"
    if station is not None:
        from urllib.parse import quote

        target += f"?station={quote(station, safe='')}"
    asked = client(config, socket)
    seen = 0
    try:
        for event in asked.events(target, until):
            if event.name == "hello":
                talk(f"following {station or 'all stations'}")
            told = _shown(event.data)
            if told is None:
                continue
            line(**told) if as_json else click.echo(describe(told))
            seen += 1
            if seen == count:
                return
    except DeadlineMissed:
        if timeout is None:
            raise
        talk(f"{seen} in {timeout:g} s")
        raise click.exceptions.Exit(Exit.TIMED_OUT) from None
    raise Unreachable("the daemon has ended the stream", "See: smartplace status", where=str(asked.path))


def _shown(data: str) -> dict[str, Any] | None:
    """A station's event; None for what only pages need (greeting, badge, a page that went idle)."""
    try:
        told = json.loads(data)
    except ValueError:
        return None
    if not isinstance(told, dict) or "show" not in told or "station" not in told or told["show"] == "idle":
        return None
    return told


def describe(told: dict[str, Any]) -> str:
    """One event for people: local time, station, what, why, money."""
    at = time.strftime("%H:%M:%S", time.localtime(told.get("at_ms", 0) / 1000))
    show = str(told["show"])
    parts = []
    if mark := told.get("mark"):
        nature = " ".join(str(told[key]) for key in ("strength", "kind") if told.get(key))
        parts.append(f"credential {mark}" + (f" ({nature})" if nature else ""))
    if (persons := told.get("persons", 1)) > 1:
        parts.append(f"{told.get('passed', 0)} of {persons} passed")
    if told.get("reason"):
        parts.append(f"because: {told['reason']}")
    if told.get("due_cents") is not None:
        due, full = told["due_cents"], told.get("list_cents")
        parts.append(euros(due) if full in (None, due) else f"{euros(full)} -> {euros(due)}")
    if told.get("advice"):
        parts.append(str(told["advice"]))
    text = one_line(", ".join(parts))
    return f"{at}  {one_line(str(told['station'])):<16}  {paint(f'{one_line(show):<9}', COLOUR.get(show, ''))}  {text}"


def euros(cents: int) -> str:
    """Cents as euros, without importing the money types."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"

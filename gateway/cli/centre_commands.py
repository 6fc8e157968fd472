"""`smartplace centre command` and `commands`: what the centre asks of a gateway, and what became of it.

A command is written into the store and nothing else: whoever takes in the gateway's shard sends it with its next beat,
and again with each birth of the gateway. So it does not matter whether a worker runs now, nor where.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import click
import msgspec

from gateway.centre.rows import Became
from gateway.cli.centre import at_time, gateway_option, when
from gateway.cli.centre_store import opened, query_of, store_options
from gateway.cli.common import as_json
from gateway.cli.lazy import LazyGroup
from gateway.cli.output import Cell, document, patience, table, talk
from gateway.model.entry import Stream
from gateway.wire.commands import Act, Command, CommandId, NewEpoch, Pace, Resend, Text
from gateway.wire.envelope import Hex, Id

F = TypeVar("F", bound=Callable[..., Any])
COLOURS = {
    Became.WAITING: "yellow",
    Became.SENT: "yellow",
    Became.LAPSED: "red",
    Became.DONE: "green",
    Became.REFUSED: "red",
    Became.EXPIRED: "red",
}


def checked(kind: Any, says: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """A text as the wire's own type has it: what may be said is decided there, and only there."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        try:
            if value is not None:
                value.encode()  # What a terminal sends need not be UTF-8.
                msgspec.convert(value, kind)
            return value
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise click.BadParameter(f"{value!r} is not {says}") from error

    return check


def bounds(act: type[msgspec.Struct], field: str) -> click.IntRange:
    """The range that the wire allows for a number."""
    match msgspec.inspect.type_info(get_type_hints(act, include_extras=True)[field]):
        case msgspec.inspect.IntType(ge=least, le=most):
            return click.IntRange(least, most)
    raise TypeError(f"{field} of {act.__name__} is no number")


a_gateway = checked(Id, "a gateway's id: 3 to 32 of a-z, 0-9 and -")
an_epoch = checked(Hex, "an epoch: 8 to 64 hex digits, as `smartplace centre gateways` tells it")
an_id = checked(CommandId, "an id of a command: 16 to 64 hex digits")
a_reason = checked(Text, "a reason: at most 300 characters")

epoch_option = click.option("--epoch", callback=an_epoch, required=True, help="The epoch that is meant.")


def sending(kind: F) -> F:
    """What all kinds have in common."""
    for option in (
        store_options,
        as_json,
        click.option("--expires", metavar="TIME", help="Not to be done from this time on (UTC). Default: never."),
        click.option(
            "--id", "command_id", callback=an_id, help="Its id; the same again is the same command. Default: new."
        ),
    ):
        kind = option(kind)
    return kind


@click.group(cls=LazyGroup, invoke_without_command=True, subcommand_metavar="KIND [OPTIONS]")
@click.argument("gateway", callback=a_gateway)
@click.pass_context
def command(ctx: click.Context, gateway: str) -> None:
    """Give GATEWAY a command, and print its id. `smartplace centre commands` tells what became of it."""
    if ctx.invoked_subcommand is None:
        raise click.UsageError(f"say what it is to do: {', '.join(command.list_commands(ctx))}")
    ctx.obj = gateway


@command.command()
@click.option("--entries-per-s", type=bounds(Pace, "entries_per_s"), required=True, help="Backlog entries a second.")
@sending
@click.pass_obj
def pace(gateway: str, /, entries_per_s: int, **more: Any) -> None:
    """Pace what waits since an outage, until the gateway's next start."""
    _send(gateway, Pace(entries_per_s), **more)


@command.command()
@click.option("--stream", type=click.Choice([str(stream) for stream in Stream]), required=True, help="Of this stream.")
@epoch_option
@click.option("--first", type=bounds(Resend, "first"), required=True, help="The first number.")
@click.option("--last", type=bounds(Resend, "last"), required=True, help="The last number.")
@sending
@click.pass_obj
def resend(gateway: str, /, stream: str, epoch: str, first: int, last: int, **more: Any) -> None:
    """Send a range of a stream again, as far as it is still there."""
    if first > last:
        raise click.UsageError(f"--first {first} is behind --last {last}")
    _send(gateway, Resend(Stream(stream), epoch, first, last), **more)


@command.command(name="new_epoch")
@epoch_option
@click.option("--reason", callback=a_reason, default="", help="Why: kept in the gateway's record.")
@sending
@click.pass_obj
def new_epoch(gateway: str, /, epoch: str, reason: str, **more: Any) -> None:
    """Begin a new epoch, unless another than this is in use."""
    _send(gateway, NewEpoch(epoch, reason), **more)


def _send(
    gateway: str,
    act: Act,
    command_id: str | None,
    expires: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    given = Command(command_id or os.urandom(16).hex(), gateway, act, at_time(expires, 0))
    with patience("reaching the store"), opened(**where) as store:
        new = store.keep(given)
    if as_json:
        document(**_told(given), new=new)
        return
    click.echo(given.id)
    talk("kept, to be sent with the next beat of a worker" if new else "kept before: nothing has changed")


@click.command()
@gateway_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@as_json
@store_options
def commands(gateway: str | None, limit: int, as_json: bool, **where: Any) -> None:
    """The commands and what became of each, the oldest first: those given here, and those of the centre itself."""
    with patience("reading the store"):
        rows = query_of(**where).commands(gateway, limit)
    now_ms = time.time_ns() // 1_000_000
    if as_json:
        document(
            commands=[
                _told(row.command)
                | {"became": row.became(now_ms), "detail": row.detail, "created_ms": row.created_ms}
                | {"sent_ms": row.sent_ms, "answered_ms": row.answered_ms}
                for row in rows
            ]
        )
        return
    lines: list[list[Cell]] = [["id", "gateway", "given", "command", "", "detail"]]
    for row in rows:
        became = row.became(now_ms)
        told = msgspec.to_builtins(row.command.act)
        words = " ".join([told.pop("do"), *(f"{name}={value}" for name, value in told.items() if value != "")])
        shown = row.command.id, row.command.gateway, when(row.created_ms), words, (became, COLOURS[became])
        lines.append([*shown, row.detail or ""])
    table(lines)


def _told(given: Command) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(given)
    return told

"""Command groups that import a verb's module when the verb is used, and say what was probably meant."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from gateway.cli.exits import Exit, exit_of
from gateway.model.errors import GatewayError, NotFound


class Verb(NamedTuple):
    """Where a verb lives (`module:name`), its line in the help, and how to get it when its package is optional."""

    target: str
    help: str
    install: str = ""


class LazyGroup(click.Group):
    """A group whose verbs are named in a table: `--help` lists them without importing any.

    `default`: the verb that runs when none is given.
    """

    def __init__(self, *args: Any, verbs: Mapping[str, Verb] | None = None, default: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verbs = dict(verbs or {})
        self.default = default
        if default:
            self.no_args_is_help = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_help = bool(args) and args[0] in ctx.help_option_names
        if self.default and (not args or args[0].startswith("-")) and not asks_help:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.verbs, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = self.verbs.get(cmd_name)
        return super().get_command(ctx, cmd_name) if verb is None else load(cmd_name, verb)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise click.UsageError(f"there is no command {name!r}.{self._meant(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, verb.help) for name, verb in self.verbs.items()]
        rows += [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _meant(self, ctx: click.Context, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        return f" Did you mean {near[0]!r}?" if near else ""


def load(name: str, verb: Verb) -> click.Command:
    """The verb's command. Raises `NotFound` with how to install it when its own package is not there."""
    module_name, _, attribute = verb.target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Only when the package itself is missing: a fault inside it must be seen.
        if not verb.install or error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise NotFound("it is not installed", verb.install, where=f"smartplace {name}") from error
    command: click.Command = getattr(module, attribute)
    return command


class Root(LazyGroup):
    """The whole program: an error of ours is one line and its exit code, anything else is a bug and says all."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except GatewayError as error:
            click.echo(f"error: {one_line(str(error))}", err=True)
            ctx.exit(exit_of(error))
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(Exit.INTERRUPTED)


def one_line(text: str) -> str:
    """For a terminal: one line, and nothing that it would obey. Texts come from files, drivers and the network."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)

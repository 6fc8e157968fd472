"""`smartplace run`: the daemon. What is wrong with the configuration is said before anything starts."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import config_option


@click.command()
@config_option
@click.pass_context
def run(ctx: click.Context, config: Path) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    A wrong configuration is one line on stderr and exit code 9, before anything has started.
    """
    from gateway.config.load import load

    load(config)

    from gateway.daemon import run as run_daemon

    ctx.exit(run_daemon(config))

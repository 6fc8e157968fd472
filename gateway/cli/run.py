"""`smartplace run`: the daemon. What is wrong with the configuration is said before anything starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gateway.cli.common import config_option


@click.command()
@config_option
def run(config: Path) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    A wrong configuration is one line on stderr and exit code 9, before anything has started.
    """
    # The very same process becomes the daemon, without the command line's libraries in its memory (1.3 MB).
    os.execv(sys.executable, [sys.executable, "-m", "gateway.daemon", str(config)])  # noqa: S606 (no shell is wanted)

"""`smartplace run`: the daemon. What is wrong with the configuration is said before anything starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gateway.cli.common import config_option

LEAN = {
    # glibc gives each thread a heap of its own, half a megabyte for threads that take turns at Python's lock anyway.
    "MALLOC_ARENA_MAX": "1",
    # And keeps what has become free at the end of the heap, ever more of it after a large bundle.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    # Where in a line a fault was; a traceback without it still names each line (0.3 MB).
    "PYTHONNODEBUGRANGES": "1",
    # Python's own list of where zones are: to learn it, zoneinfo loads all that Python was built with (0.4 MB).
    "PYTHONTZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo",
}
"""Environment of the daemon, where nobody has set it otherwise."""


@click.command()
@config_option
def run(config: Path) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    A wrong configuration is one line on stderr and exit code 9, before anything has started.
    """
    # The very same process becomes the daemon, without the command line's libraries in its memory (1.3 MB).
    argv = [sys.executable, "-m", "gateway.daemon", str(config)]
    os.execve(sys.executable, argv, LEAN | os.environ)  # noqa: S606 (no shell is wanted)

"""The gateway as a process: until a signal or a defect ends it, with an exit code that says which."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path

from gateway.config.load import Loaded, load
from gateway.daemon.daemon import Daemon
from gateway.model.errors import ConfigurationError, GatewayError

log = logging.getLogger("gateway")

EXIT_FAILED = 1
EXIT_BAD_CONFIGURATION = 9


async def serve(loaded: Loaded) -> int:
    """Run a gateway until SIGTERM or SIGINT. Returns the exit code."""
    daemon = Daemon(loaded)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.ended.set)
    await daemon.start()
    await daemon.ended.wait()
    began = time.monotonic()
    await daemon.stop()
    log.info("stopped in %.2f s, everything recorded is on disk", time.monotonic() - began)
    return EXIT_FAILED if daemon.fault is not None else 0


def run(config: Path) -> int:
    """`smartplace run`: load, check, serve. Configuration errors end with code 9 before anything has started."""
    # Whatever is written, also beside a database by SQLite, is for this user only.
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        loaded = load(config)
        return asyncio.run(serve(loaded))
    except ConfigurationError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_BAD_CONFIGURATION
    except GatewayError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_FAILED

"""`python -m gateway.centre --config FILE.json`, or with flags: the centre as a program (`gateway.centre.program`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from gateway.centre.program import run
from gateway.centre.settings import Settings, load
from gateway.model.errors import GatewayError


def main() -> int:
    try:
        return run(_settings(_arguments()))
    except (GatewayError, msgspec.ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.centre", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", type=Path, help="settings as JSON (docs/centre.md)")
    parser.add_argument("--city")
    parser.add_argument("--store", help="SQLite file of the store, or URL of a PostgreSQL database")
    parser.add_argument("--key", action="append", default=[], help="minisign public key that may sign bundles")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--protocol", default="auto")
    arguments = parser.parse_args()
    if (arguments.config is None) == (arguments.city is None or arguments.store is None):
        parser.error("give either --config, or --city and --store")
    return arguments


def _settings(arguments: argparse.Namespace) -> Settings:
    """The flags are for a broker on this machine: no TLS. Everything else needs the file."""
    if arguments.config is not None:
        return load(arguments.config)
    given = {name: getattr(arguments, name) for name in ("city", "store", "host", "port", "protocol")}
    return msgspec.convert({**given, "keys": arguments.key, "tls": False}, Settings)


if __name__ == "__main__":
    sys.exit(main())

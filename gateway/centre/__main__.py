"""`python -m gateway.centre --config FILE.json`, or with flags: a centre steered by JSON lines on stdin.

On stdout first `{"ready": …}` (`connected`: whether the broker has answered yet), then one line per command:
`{"ok": …}` or `{"error": …, "code": …}`. Commands: `{"do": "publish", "file": …, "deltas": […]}`,
`{"do": "unreached"}`, `{"do": "counts"}`, `{"do": "gateways"}`, `{"do": "alarms"}`. Ends with its stdin, or with
SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from gateway.centre.app import Centre
from gateway.centre.publisher import read_bundle
from gateway.centre.settings import Settings, load
from gateway.model.errors import GatewayError, InputRefused


class _Asked(BaseException):
    """SIGTERM or SIGINT came."""


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line on stdin."""

    do: str
    file: str = ""
    deltas: tuple[str, ...] = ()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = _settings(_arguments())
        centre = Centre(settings)
        threading.excepthook = _give_up
        centre.start()
    except (GatewayError, msgspec.ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _asked)
        _serve(centre, settings)
    except _Asked:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        centre.stop()
    return 0


def _serve(centre: Centre, settings: Settings) -> None:
    # Long enough for a silent answer to MQTT 5 and one try of 3.1.1; without a broker the centre goes on.
    connected = centre.intake.link.wait_up(2 * settings.connect_s)
    ready = {"city": settings.city, "store": settings.store, "pid": os.getpid(), "connected": connected}
    _say({"ready": {**ready, "protocol": centre.intake.link.protocol}})
    for line in sys.stdin:
        if line.strip():
            try:
                _say({"ok": _obey(centre, line)})
            except GatewayError as error:
                _say({"error": str(error), "code": error.code})


def _obey(centre: Centre, line: str) -> Any:
    try:
        command = msgspec.json.decode(line, type=Command)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputRefused(f"not a command: {error}", 'Such as {"do": "counts"}') from error
    match command.do:
        case "publish":
            deltas = [read_bundle(Path(delta)) for delta in command.deltas]
            return centre.publisher.publish(read_bundle(Path(command.file)), deltas)
        case "unreached":
            return centre.store.unreached()
        case "counts":
            return centre.query.counts()
        case "gateways":
            return centre.query.gateways()
        case "alarms":
            return centre.query.alarms()
        case _:
            raise InputRefused(f"no command {command.do!r}", "publish, unreached, counts, gateways or alarms")


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


def _asked(_number: int, _frame: object) -> None:
    raise _Asked


def _give_up(failed: threading.ExceptHookArgs) -> None:
    """A centre without one of its threads would be deaf and look well: end, so that it is started again."""
    logging.critical("%s failed", failed.thread.name if failed.thread else "a thread", exc_info=failed.exc_value)
    os._exit(70)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.centre", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", type=Path, help="settings as JSON (docs/centre.md)")
    parser.add_argument("--city")
    parser.add_argument("--store", help="file of the store")
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

"""The centre as a program: steered by JSON lines on stdin until they end, or until SIGTERM or SIGINT.

On stdout first `{"ready": …}` (`connected`: whether the broker has answered yet), then one line per command:
`{"ok": …}` or `{"error": …, "code": …}`. Which commands there are: docs/centre.md.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from gateway.centre.app import Centre
from gateway.centre.publisher import read_bundle
from gateway.centre.settings import Settings
from gateway.model.errors import GatewayError, InputRefused
from gateway.wire.commands import Act
from gateway.wire.topics import Topics, parse


class _Asked(BaseException):
    """SIGTERM or SIGINT came."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line on stdin."""

    do: str
    file: str = ""
    deltas: tuple[str, ...] = ()
    gateway: str = ""
    act: Act | None = None
    key: str = ""
    period: str = ""
    for_s: int = 0
    """How long the command may wait for its gateway; 0: for ever."""


def run(settings: Settings) -> int:
    """Serve until told to end; the exit code. Raises `GatewayError` when it cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    centre = Centre(settings)
    threading.excepthook = _give_up
    centre.start()
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
    ready = {"city": settings.city, "store": centre.store.database.where, "pid": os.getpid(), "connected": connected}
    _say({"ready": {**ready, "protocol": centre.intake.link.protocol, "worker": settings.client_id}})
    for line in sys.stdin:
        if line.strip():
            try:
                _say({"ok": _obey(centre, line)})
            except GatewayError as error:
                _say({"error": str(error), "code": error.code})


def _obey(centre: Centre, text: str) -> Any:
    try:
        line = msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a command: {error}", 'Such as {"do": "counts"}') from error
    match line.do:
        case "publish":
            deltas = [read_bundle(Path(delta)) for delta in line.deltas]
            return centre.publisher.publish(read_bundle(Path(line.file)), deltas)
        case "unreached":
            return centre.query.unreached()
        case "command":
            return _command(centre, line)
        case "commands":
            return centre.query.commands()
        case "counts":
            return centre.query.counts()
        case "gateways":
            return centre.query.gateways()
        case "leases":
            return centre.query.leases()
        case "reconcile":
            return centre.store.reconcile(line.key, line.period)
        case "fence":
            _check_gateway(line.gateway)
            return centre.fence(line.gateway)
        case "alarms":
            return centre.query.alarms()
        case _:
            raise InputRefused(f"no command {line.do!r}", "docs/centre.md lists them")


def _command(centre: Centre, line: Line) -> Any:
    _check_gateway(line.gateway)
    if line.act is None or line.for_s < 0:
        raise InputRefused("a command needs a gateway and an act", "See docs/centre.md")
    expires_ms = (time.time_ns() // 1_000_000 + line.for_s * 1000) if line.for_s else 0
    return centre.command(os.urandom(16).hex(), line.gateway, line.act, expires_ms)


def _check_gateway(gateway: str) -> None:
    if parse(f"{Topics('any', gateway).base}/cmd") is None:
        raise InputRefused("a command needs a gateway and an act", "See docs/centre.md")


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


def _asked(_number: int, _frame: object) -> None:
    raise _Asked


def _give_up(failed: threading.ExceptHookArgs) -> None:
    """A centre without one of its threads would be deaf and look well: end, so that it is started again."""
    logging.critical("%s failed", failed.thread.name if failed.thread else "a thread", exc_info=failed.exc_value)
    os._exit(70)

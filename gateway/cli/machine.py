"""Checks of the machine: room, file system, record, clock, versions, broker, daemon. Read only, except a TCP knock."""

from __future__ import annotations

import os
import platform
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.cli.client import Client
from gateway.cli.common import LEDGER, SOCKET
from gateway.cli.exits import Unreachable
from gateway.cli.finding import Check, Level
from gateway.cli.output import duration, size
from gateway.cli.printing_checks import printing_checks
from gateway.config.load import Loaded
from gateway.ledger import schema
from gateway.ledger.ballast import NAME as BALLAST
from gateway.ledger.files import Names
from gateway.ledger.verify import check_stream
from gateway.model.clock import ClockQuality, clock_quality
from gateway.model.entry import Stream
from gateway.model.errors import GatewayError

WARN_FREE, FAIL_FREE = 256_000_000, 32_000_000
"""Bytes left on the card: a week of a busy gate takes about 100 MB with telemetry; SQLite itself needs room."""

LASTING = ("ext4", "ext3", "xfs", "btrfs", "f2fs", "zfs")
GONE_WITH_POWER = ("tmpfs", "ramfs", "overlay")
"""overlay: the read-only root of raspi-config keeps all writes in memory; containers have it too."""

_NEXT_START = "The next start sets a damaged file aside, saves what it proves, and begins a new epoch"

KNOCK_S = 3.0
SQLITE_LEAST = (3, 37, 0)
"""Strict tables (SQLite 3.37.0, 2021-11-27)."""

TOO_EARLY_MS = 1_790_000_000_000
"""September 2026: before this program existed. A box without a clock battery starts far in the past."""


def versions() -> Iterator[Check]:
    """Python and SQLite."""
    python = platform.python_version()
    yield Check("python", Level.PASS, f"{python} on {platform.machine()}")
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        least = ".".join(map(str, SQLITE_LEAST))
        yield Check("sqlite", Level.FAIL, sqlite3.sqlite_version, f"Install a system with SQLite {least} or newer")
    else:
        yield Check("sqlite", Level.PASS, sqlite3.sqlite_version)


def clock(loaded: Loaded | None) -> Check:
    """Whether the wall clock can be trusted: dates of rules and passes rest on it."""
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() * 1000 < TOO_EARLY_MS:
        return Check("clock", Level.FAIL, f"{now} cannot be", "Set the clock, or let it reach a time server")
    if clock_quality() is ClockQuality.NTP:
        return Check("clock", Level.PASS, f"{now}, synchronised by the network")
    if loaded is not None and loaded.configuration.gateway.clock == "vouched":
        return Check("clock", Level.PASS, f'{now}, vouched for by clock = "vouched"')
    advice = 'Let systemd-timesyncd reach a server, or set gateway.clock = "vouched" where a battery or chrony keeps it'
    return Check("clock", Level.WARN, f"{now}, and nothing vouches for it", advice)


def state(folder: Path, mounts: str) -> Iterator[Check]:
    """The state folder: writable, on a file system that keeps what is written, with room."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        advice = "Run this as the gateway's user or root; if it is so for them too, check the card and `dmesg`"
        yield Check("state folder", Level.FAIL, f"{there} may not be written", advice)
    elif there != folder:
        yield Check("state folder", Level.PASS, f"{folder} is not there yet: the first start makes it")
    else:
        yield Check("state folder", Level.PASS, str(folder))
    kind = file_system(there.resolve(), mounts)
    if kind in LASTING:
        yield Check("file system", Level.PASS, kind)
    elif kind in GONE_WITH_POWER:
        advice = "Put gateway.state on a partition of its own, or switch the read-only root off (raspi-config)"
        yield Check("file system", Level.WARN, f"{kind}: what is stored may be gone after a restart", advice)
    else:
        advice = "Use ext4 on a local disk: write-ahead logging needs shared memory and true locks"
        yield Check("file system", Level.WARN, f"{kind} is not one that we know to keep its word", advice)
    room = os.statvfs(there)
    free = room.f_bavail * room.f_frsize
    level = Level.FAIL if free < FAIL_FREE else Level.WARN if free < WARN_FREE else Level.PASS
    yield Check("free space", level, f"{size(free)} free", "" if level is Level.PASS else "Free space on the card")


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, out of /proc/self/mounts (proc(5), fstab(5) escapes)."""
    best, kind = -1, "unknown"
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1]))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


def record(file: Path, gateway: str) -> Check:
    """The ledger: a quick look at the file, and the chain since its last checked point."""
    if not file.exists():
        return Check("ledger", Level.PASS, f"{file} is not there yet: the first start makes it")
    try:
        db = schema.connect(file, read_only=True)
        try:
            return _record(db, file, gateway)
        finally:
            db.close()
    except (GatewayError, sqlite3.Error) as error:
        advice = f"See: smartplace ledger verify. {_NEXT_START}"
        return Check("ledger", Level.FAIL, str(error), advice)


def _record(db: sqlite3.Connection, file: Path, gateway: str) -> Check:
    db.execute("BEGIN")
    if (version := schema.schema_of(db)) != schema.SCHEMA:
        advice = "Install the version that wrote it, or a newer one"
        return Check("ledger", Level.FAIL, f"schema {version}, this program knows {schema.SCHEMA}", advice)
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    if meta.get("gateway") != gateway:
        what = f"it belongs to gateway {meta.get('gateway')!r}, the configuration says {gateway!r}"
        return Check("ledger", Level.FAIL, what, "Correct gateway.id, or move the old state folder away")
    if (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        return Check("ledger", Level.FAIL, f"{file} is damaged: {fault}", _NEXT_START)
    count = sum(check_stream(db, gateway, meta["epoch"], stream) for stream in Stream)
    return Check("ledger", Level.PASS, f"the file is sound, the chain holds ({count} entries since the last check)")


def set_aside(file: Path) -> Iterator[Check]:
    """Files that a start has put aside, because they were damaged or older copies."""
    for path in Names(file).all_aside():
        if path.suffix == ".db":
            advice = "Keep a copy until the centre has everything, look at the card's health, then delete it"
            yield Check("set aside", Level.WARN, f"{path.name}: a start found it damaged or replaced", advice)


def broker(loaded: Loaded) -> Check:
    """Whether the broker's port answers. A place works without it, so this is no failure."""
    sync = loaded.configuration.sync
    where = f"{sync.host}:{sync.port}"
    began = time.monotonic()
    try:
        socket.create_connection((sync.host, sync.port), timeout=KNOCK_S).close()
    except OSError as error:
        advice = "Check [sync], the network and the firewall; until then all is recorded here and sent later"
        return Check("broker", Level.WARN, f"{where}: {error.strerror or error}", advice)
    return Check("broker", Level.PASS, f"{where} answers within {(time.monotonic() - began) * 1000:.0f} ms (TCP)")


def daemon(folder: Path) -> Iterator[Check]:
    """Whether the daemon runs, is of this version, and is content; how its fiscal printers are."""
    try:
        told = Client(folder / SOCKET).get("/v1/status")
    except Unreachable as error:
        yield Check("daemon", Level.WARN, error.what, error.advice)
    except GatewayError as error:
        yield Check("daemon", Level.FAIL, str(error), error.advice)
    else:
        yield _content(told)
        if _version(told) == __version__:  # Another one may not tell.
            yield from printing_checks(told)


def _content(told: dict[str, Any]) -> Check:
    running = _version(told)
    if running != __version__:
        advice = "Restart it: systemctl restart smartplace-gateway"
        return Check("daemon", Level.WARN, f"version {running} runs, this is {__version__}", advice)
    uptime = duration(told.get("uptime_s", 0))
    if told.get("status") != "ok":
        causes = "; ".join(chain["cause"] for chain in told.get("chains", ()) if chain.get("cause"))
        needs = causes or "something needs a look"
        return Check("daemon", Level.WARN, f"running for {uptime}; {needs}", "See: smartplace status")
    return Check("daemon", Level.PASS, f"version {running}, running for {uptime}")


def _version(told: dict[str, Any]) -> str:
    return str(told.get("gateway", {}).get("version", "?"))


def all_of_state(loaded: Loaded) -> Iterator[Check]:
    """The checks that rest on the state folder."""
    yield from state(loaded.state, Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape"))
    yield ballast(loaded)
    yield record(loaded.state / LEDGER, loaded.configuration.gateway.id)
    yield from set_aside(loaded.state / LEDGER)


def ballast(loaded: Loaded) -> Check:
    """The file that is given up on a full card: gone, it says that the card was full and is not yet well."""
    wanted = loaded.configuration.ledger.ballast_bytes
    file = loaded.state / BALLAST
    if not wanted or not (loaded.state / LEDGER).exists():
        return Check("ballast", Level.PASS, "none is wanted yet" if wanted else "none is configured")
    held = file.stat().st_size if file.exists() else 0
    if held < wanted:
        return Check("ballast", Level.WARN, "given up: the card was full, or is", "Free space on the card")
    return Check("ballast", Level.PASS, f"{size(held)} in reserve")

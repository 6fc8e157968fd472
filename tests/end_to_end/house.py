"""A whole smart place for tests: the demo's town, broker, centre, simulators and the real daemon with its drivers.

Everything is a process of its own; tests look at it from outside (API, ledger file, centre's store, /proc).
"""

from __future__ import annotations

import json
import os
import select
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.centre.query import EntryRow, Query
from gateway.cli.demo.acts import Acts
from gateway.cli.demo.rig import EMBEDDED, SIMULATORS, Rig
from gateway.cli.demo.town import GATEWAY, Town
from gateway.cli.demo.watch import Watch
from gateway.ledger import schema
from gateway.ledger.verify import Report, verify
from gateway.model.entry import EntryKind, Stream
from tests.demo.tree import gone

Body = dict[str, Any]


class House:
    """Use: `house.open()` for all of it, or the parts of `house.rig` in any order, then `house.follow()`."""

    def __init__(self, folder: Path, broker: str = EMBEDDED) -> None:
        self.town = Town(folder)
        self.rig = Rig(self.town, broker)
        self.said: list[str] = []

    def open(
        self,
        *,
        devices: tuple[str, ...] = SIMULATORS,
        options: dict[str, list[str]] | None = None,
        options_of: dict[str, str] | None = None,
        keys_of: dict[str, str] | None = None,
        more: str = "",
    ) -> None:
        """Everything runs: simulators with these `options`, drivers with `options_of` and stations with `keys_of` in
        their configuration, to which `more` is appended."""
        self.rig.prepare()
        text = self.town.config.read_text(encoding="utf-8") + more
        for device, added in (options_of or {}).items():
            port = f'"{self.town.devices / device}"'
            text = text.replace(port, f"{port}, {added}")
        for station, added in (keys_of or {}).items():
            text = text.replace(f'id = "{station}"\n', f'id = "{station}"\n{added}\n')
        self.town.config.write_text(text, encoding="utf-8")
        self.rig.start_devices(*devices, options=options)
        self.rig.start_broker()
        self.rig.start_gateway()
        self.rig.start_centre()
        self.follow()

    def follow(self) -> None:
        """See what stations show from now on, as a page does."""
        self.watch = Watch(self.rig.port)
        self.acts = Acts(self.rig, self.watch, self.said.append)
        self.watch.start()

    def close(self) -> None:
        if hasattr(self, "watch"):
            self.watch.stop()
        self.rig.stop()

    # The record ------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Path:
        return self.town.state / "ledger.db"

    def verify(self) -> Report:
        return verify(self.ledger)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the ledger's file, by a connection of our own."""
        db = schema.connect(self.ledger, read_only=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def bodies(self, kind: EntryKind) -> list[Body]:
        """Bodies of this kind on disk, in order."""
        try:
            return [
                json.loads(body)
                for stream in Stream
                for (body,) in self.query(f"SELECT body FROM {stream} WHERE kind=? ORDER BY seq", kind)
            ]
        except sqlite3.OperationalError:
            return []  # The file is being made.

    def entries(self) -> dict[str, Body]:
        """All entries on disk by the id that people are told."""
        epoch = dict(self.query("SELECT key, value FROM meta"))["epoch"]
        return {
            f"{GATEWAY}/{epoch}/{stream}/{seq}": json.loads(body)
            for stream in Stream
            for seq, body in self.query(f"SELECT seq, body FROM {stream}")
        }

    def count(self) -> dict[str, int]:
        """Entries per stream, without those that come by themselves."""
        kept = (Stream.RECEIPT, Stream.IDENTIFICATION, Stream.AUDIT)
        return {stream: self.query(f"SELECT count(*) FROM {stream}")[0][0] for stream in kept}

    def drain(self, timeout: float = 30.0) -> None:
        """Until the centre has acked everything that is recorded now."""
        fixed = self.rig.status()["ledger"]["last"]

        def done() -> bool:
            acked = self.rig.status()["ledger"]["acked"]
            return all(acked[stream] >= last for stream, last in fixed.items())

        self.rig.until(done, "the centre's ack", timeout)

    def at_the_centre(self) -> list[EntryRow]:
        return Query(self.town.centre_store).events(gateway=GATEWAY, limit=1_000_000)

    # Processes -------------------------------------------------------------------------------------------

    @property
    def gateway(self) -> int:
        return self.rig.children["gateway"].process.pid

    def tree(self) -> list[int]:
        """The gateway with all that it has started."""
        return [self.gateway, *descendants(self.gateway)]

    def log(self) -> str:
        """What the gateway has said."""
        file = self.town.logs / "gateway.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def descendants(pid: int) -> list[int]:
    found = []
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
    for child in children:
        found += [child, *descendants(child)]
    return found


def until(right: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Look until it is right."""
    deadline = time.monotonic() + timeout
    while not right():
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s for {what}"
        select.select([], [], [], 0.01)


def left(pids: list[int], within_s: float) -> list[str]:
    """Command lines of those that live after at most so long."""
    deadline = time.monotonic() + within_s
    while (living := [pid for pid in pids if not gone(pid)]) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    return [command(pid) for pid in living]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """What children are started with inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

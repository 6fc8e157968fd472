"""A gateway whose word counts at the end, the till system that sells with it, and looks into its ledger."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from gateway.cli.demo.watch import get
from gateway.ledger import schema
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError
from gateway.quota.owed import owed
from tests.faults.pos import Pos


class Part(NamedTuple):
    """`gateway` is its name. The ledger may be looked into while the gateway runs."""

    gateway: str
    pos: Pos
    ledger: Path

    def status(self) -> dict[str, Any]:
        """Raises `OSError` when it is not there."""
        status: dict[str, Any] = get(self.pos.port, "/v1/status")[1]
        return status

    def digests(self) -> dict[str, bytes]:
        """Every entry of the ledger file by its id. A file that cannot be read tells nothing."""
        try:
            epoch = self.epoch()
            return {
                f"{self.gateway}/{epoch}/{stream}/{seq}": digest
                for stream in Stream
                for seq, digest in self._query(f"SELECT seq, digest FROM {stream}")
            }
        except (sqlite3.Error, LedgerError):
            return {}

    def epoch(self) -> str:
        """Raises `sqlite3.Error`, `LedgerError` when the file cannot be read."""
        return str(dict(self._query("SELECT key, value FROM meta"))["epoch"])

    def owes_quotas(self) -> bool:
        """Whether it has anything to say to the quota authority that is not answered. Raises as `epoch`."""
        return bool(owed(self._query, greet=False))

    def _query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        db = schema.connect(self.ledger, read_only=True)
        try:
            return db.execute(sql, parameters).fetchall()
        finally:
            db.close()

"""`forget HOLDER` over the whole state folder: present and older ledgers, cache, backups, files set aside.

Headers, commitments and digests stay, so the chain still proves that nothing was cut out. Done twice it changes
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.ledger.backup import listed_backups
from gateway.ledger.epochs import audit
from gateway.ledger.erase import Traces, blank, check_id, digests_of, erase_entries, erase_rows, has_trace, scrub
from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import ErasureBody
from gateway.model.entry import EntryKind

log = logging.getLogger("ledger")


class Forgotten(msgspec.Struct, frozen=True):
    """What was done. `entries` per file, `rows` of state and cache, `copies`: backups and files set aside that held
    something; `beyond_reach`: backups made by us that are not where they were: somebody must look for them."""

    entries: dict[str, int]
    rows: int = 0
    copies: int = 0
    beyond_reach: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.rows or self.copies or any(self.entries.values()))


async def forget(ledger: Ledger, cache: Path, holder: str) -> Forgotten:
    """Forget a holder while the ledger is open; taps wait for moments only. Raises `InputRefused` (no holder's id),
    `NotReady` (another program reads a file) and `LedgerError`: run it again then, it goes on where it ended."""
    check_id(holder)
    loop = asyncio.get_running_loop()
    names = ledger.names
    folder = [ledger.path, *(older.path for older in ledger.older)]
    backups, beyond = listed_backups(names)
    databases = [*folder, cache, *backups]
    traces = await loop.run_in_executor(None, _traces, databases, holder)
    entries, rows, copies = await loop.run_in_executor(None, _erase, folder, cache, backups, traces)
    async with ledger.pause():
        # What was stored meanwhile, and what the files keep between their rows.
        again, more, _ = await loop.run_in_executor(None, _erase, folder, cache, [], traces)
        await loop.run_in_executor(None, _scrub, databases, traces)
        copies += await loop.run_in_executor(None, _blank_aside, names, traces)
    epochs = {path.name: entries[path.name] + again[path.name] for path in folder}
    done = Forgotten(epochs, rows + more, copies, tuple(map(str, beyond)))
    if done.anything:
        counts = {_epoch(ledger, path): epochs[path.name] for path in folder}
        body = ErasureBody(entries=counts, rows=done.rows, copies=copies, beyond_reach=len(beyond))
        await ledger.commit([audit(EntryKind.ERASURE, body)])
    log.info("a holder was forgotten: %d entries, %d rows", sum(epochs.values()), done.rows)
    return done


def _epoch(ledger: Ledger, path: Path) -> str:
    return next((older.epoch for older in ledger.older if older.path == path), ledger.epoch)


def _traces(databases: Sequence[Path], holder: str) -> Traces:
    digests: set[bytes] = set()
    for path in databases:
        if path.exists():
            digests |= digests_of(path, holder)
    return Traces(holder, frozenset(digests))


def _erase(
    folder: Sequence[Path], cache: Path, backups: Sequence[Path], traces: Traces
) -> tuple[dict[str, int], int, int]:
    entries: dict[str, int] = {}
    rows = 0
    for path in folder:
        entries[path.name] = erase_entries(path, traces)
        rows += erase_rows(path, traces)
    if cache.exists():
        rows += erase_rows(cache, traces)
    copies = sum(bool(erase_entries(path, traces) + erase_rows(path, traces)) for path in backups)
    return entries, rows, copies


def _scrub(databases: Sequence[Path], traces: Traces) -> None:
    for path in databases:
        if path.exists():
            scrub(path, traces)


def _blank_aside(names: Names, traces: Traces) -> int:
    return sum(bool(blank(path, traces)) for path in names.all_aside() if has_trace(path, traces))

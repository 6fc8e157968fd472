"""Bench `ledger`: entries per second that 64 producers get committed, beside raw SQLite in the same group sizes."""

from __future__ import annotations

import asyncio
import time

from gateway.cli.demo.children import Child, python
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.bench.context import Context
from tests.bench.frame import Row, compare, require

PRODUCERS = 64
BODY_BYTES = 400
HEADER_BYTES = 110
"""What a stored entry has beside its body: kind, clocks, boot id, digest, salt."""
ENTRIES, ENTRIES_QUICK = 6400, 640


def run(context: Context) -> list[Row]:
    per_round = ENTRIES_QUICK if context.quick else ENTRIES
    argv = python("tests.bench.baselines.raw_commit", str(context.folder / "raw.db"))
    raw = Child("raw", argv, context.folder / "raw.log")
    raw.start()
    try:
        ours, baseline = asyncio.run(_rounds(context, raw, per_round))
        total = per_round * len(ours)
        require(raw.ask("rows") == total, f"the baseline stored {raw.ask('rows')} rows, not {total}")
    finally:
        raw.stop()
    report = verify(context.folder / "ledger.db")
    stored = next(stream.last for stream in report.streams if stream.stream is Stream.RECEIPT)
    require(report.clean, f"the ledger is not clean: {report}")
    require(stored == total, f"the ledger holds {stored} entries, {total} were told as stored")
    return [compare("ledger", "entries_per_s", "1/s", ours, baseline)]


async def _rounds(context: Context, raw: Child, per_round: int) -> tuple[list[list[float]], list[list[float]]]:
    ledger = Ledger(context.folder / "ledger.db", "bench", SystemClock())
    ledger.start()
    ours, baseline = [], []
    try:
        for number in context.rounds(7):
            commits = ledger.commits
            began = time.monotonic()
            await _produce(ledger, per_round)
            ours.append([per_round / (time.monotonic() - began)])
            sizes = spread_over(per_round, ledger.commits - commits)
            seconds = await asyncio.to_thread(raw.ask, "groups", 300.0, sizes=sizes, bytes=BODY_BYTES + HEADER_BYTES)
            baseline.append([per_round / seconds])
            context.say(
                f"  round {number + 1}: {ours[-1][0]:,.0f}/s in groups of {per_round / len(sizes):.1f}, "
                f"raw {baseline[-1][0]:,.0f}/s"
            )
    finally:
        await ledger.stop()
    return ours, baseline


async def _produce(ledger: Ledger, entries: int) -> None:
    """64 producers, each with one entry on its way at a time."""
    body = b'{"filler":"' + b"x" * (BODY_BYTES - 13) + b'"}'
    entry = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, body)

    async def produce() -> None:
        for _ in range(entries // PRODUCERS):
            await ledger.commit([entry])

    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))


def spread_over(entries: int, commits: int) -> list[int]:
    """So many group sizes, as equal as can be, that make up all entries."""
    least, more = divmod(entries, commits)
    return [least + 1] * more + [least] * (commits - more)

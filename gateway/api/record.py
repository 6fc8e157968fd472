"""The durable record as `/v1/status` tells it."""

from __future__ import annotations

import shutil

from gateway.api.parts import LedgerStatus
from gateway.ledger.ledger import Ledger
from gateway.model.entry import Stream


def ledger_status(ledger: Ledger) -> LedgerStatus:
    """As it is now."""
    problem = ledger.problem
    return LedgerStatus(
        problem=problem.what if problem else "",
        advice=problem.advice if problem else "",
        epoch=ledger.epoch,
        last={stream.value: ledger.last(stream) for stream in Stream},
        acked={stream.value: ledger.acked(stream) for stream in Stream},
        older={older.epoch: older.waiting for older in ledger.older},
        repaired=ledger.repaired,
        commits=ledger.commits,
        bytes=ledger.path.stat().st_size,
        free_bytes=shutil.disk_usage(ledger.path.parent).free,
    )

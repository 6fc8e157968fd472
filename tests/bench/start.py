"""Bench `start`: from the spawn until the API answers and every driver is spawned, after a crash with a ledger whose
chain has to be verified; beside the start of a bare process."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, require
from tests.bench.stage import Bare, Gateway, Stage

ENTRIES = 1999
"""The most that a start after a crash has to verify: 999 entries follow the last checked point at 1,000."""


def run(context: Context) -> list[Row]:
    ours, baseline = [], []
    with Stage(context.folder) as stage:
        stage.prepare("--entries", str(ENTRIES))
        stage.start_broker()
        stage.start_simulators()
        for number in context.rounds(7):
            shutil.rmtree(stage.state, ignore_errors=True)
            shutil.copytree(stage.folder / "crashed", stage.state)
            gateway, bare = Gateway(stage), Bare(stage)
            ours.append([_start(gateway)])
            status = gateway.status()
            require(status["ledger"]["last"]["identification"] == ENTRIES, f"a ledger lost entries: {status}")
            require(len(status["sync"]["bundles"]) == 2, f"without its bundles: {status}")
            gateway.stop()
            require(_was_dirty(stage.state), "the start found a clean ledger: nothing was verified")
            baseline.append([_start(bare)])
            bare.stop()
            context.say(f"  round {number + 1}: {ours[-1][0]:.2f} s, bare {baseline[-1][0]:.2f} s")
    promise = Promise(1.0, "<= 1 s")
    return [compare("start", "ready_s", "s", ours, baseline, promise=promise)]


def _start(program: Gateway | Bare) -> float:
    began = time.monotonic()
    program.start()
    program.wait_up()
    return time.monotonic() - began


def _was_dirty(state: Path) -> bool:
    """The gateway's own word in its `started` entry."""
    db = sqlite3.connect(f"file:{state / 'ledger.db'}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT body FROM audit WHERE kind='started'").fetchall()
    finally:
        db.close()
    return len(rows) == 1 and b"repaired" in rows[0][0]

"""Bench `stop`: from SIGTERM until the process has ended, everything committed; beside a bare process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, require
from tests.bench.stage import Bare, Gateway, Stage


def run(context: Context) -> list[Row]:
    ours, baseline = [], []
    with Stage(context.folder) as stage:
        stage.prepare()
        stage.start_broker()
        stage.start_simulators()
        stage.start_centre(stage.folder / "centre.db")
        for number in context.rounds(7):
            gateway, bare = Gateway(stage), Bare(stage)
            gateway.start()
            bare.start()
            gateway.wait_ready()
            bare.wait_up()
            drivers = [device["pid"] for device in gateway.devices()]
            last = gateway.status()["ledger"]["last"]
            ours.append([gateway.stop()])
            baseline.append([bare.stop()])
            require(not any(Path(f"/proc/{pid}").exists() for pid in drivers), "a driver outlived the stop")
            _check_ledger(stage.state, last)
            context.say(f"  round {number + 1}: {ours[-1][0]:.2f} s, bare {baseline[-1][0]:.2f} s")
    promise = Promise(2.0, "<= 2 s")
    return [compare("stop", "sigterm_s", "s", ours, baseline, promise=promise)]


def _check_ledger(state: Path, last: dict[str, int]) -> None:
    db = sqlite3.connect(f"file:{state / 'ledger.db'}?mode=ro", uri=True)
    try:
        clean = db.execute("SELECT value FROM meta WHERE key='clean'").fetchone()[0]
        found = {stream: db.execute(f"SELECT coalesce(max(seq), 0) FROM {stream}").fetchone()[0] for stream in last}
    finally:
        db.close()
    require(clean == "1", "the stop was not clean")
    require(all(found[stream] >= seq for stream, seq in last.items()), f"entries lost: {last}, then {found}")

"""The city's end fails: the gateway must not believe what was not stored, nor be believed twice."""

from __future__ import annotations

import importlib
import signal
from pathlib import Path
from typing import Any

from gateway.cli.demo.town import GATEWAY
from gateway.wire.topics import shard_of
from tests.faults.count import stored_of
from tests.faults.frame import Context, Tally
from tests.faults.site import Site

WORKERS = ("worker-a", "worker-b")
LOAD_S = (0.2, 0.7)
MORE = 8
"""Rounds more at most, until a kill has struck where it matters: that is a matter of milliseconds, and of luck."""


def killed(context: Context, make: type[Site] = Site) -> Tally:
    """kill -9 of the centre under load. What it stored and did not ack is acked by the next one, or comes again."""
    rounds = context.rounds(4, 20, 100)
    played = between = 0
    with make(context) as site:
        site.up(bundles=2)
        while played < rounds or (not between and played < rounds + MORE):
            played += 1
            site.pos.start()
            context.pause(*LOAD_S)
            site.rig.kill("centre")
            between += _stored_not_acked(site)
            # Every second time nothing new comes whose ack would cover what was stored.
            if played % 2 == 0:
                site.pos.stop()
            site.rig.start_again("centre")
            site.pos.stop()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
    missed = [] if between else ["no kill hit between storing and the ack"]
    return verdict.tally(played, missed, f"{between} entries were stored, and the ack was not given")


def worker_killed(context: Context) -> Tally:
    """Two workers divide the shards; the one that has this gateway is killed, the other takes over, the dead one comes
    back as somebody new."""
    rounds = context.rounds(1, 8, 40)
    played = between = 0
    with Site(context, workers=WORKERS) as site:
        site.up(bundles=2)
        while played < rounds or (not between and played < rounds + MORE):
            played += 1
            site.until(lambda: len({lease["worker"] for lease in _leases(site)}) == len(WORKERS), "both workers")
            owner = _owner(site)
            site.pos.start()
            context.pause(*LOAD_S)
            site.rig.kill(owner)
            between += _stored_not_acked(site)
            site.until(lambda owner=owner: _owner(site) not in ("", owner), "the other worker")  # type: ignore[misc]
            context.pause(*LOAD_S)
            site.pos.stop()
            site.pos.repeat()
            site.drain()
            site.rig.start_again(owner)
        verdict = site.settle()
    missed = [] if between else ["no kill hit between storing and the ack"]
    return verdict.tally(played, missed, f"{between} entries were stored, and the ack was not given")


def postgres_restarted(context: Context) -> Tally:
    """Two workers on PostgreSQL, which is shut down, or dies as if the power went, and comes back, under load."""
    rounds = context.rounds(1, 8, 40)
    with _postgres() as server, server.database() as url, Site(context, workers=WORKERS, store=url) as site:
        site.up(bundles=2)
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            before = site.pos.count
            server.stop((signal.SIGQUIT, signal.SIGINT)[number % 2])
            site.until(lambda before=before: site.pos.count > before + 5, "sales without the centre")  # type: ignore[misc]
            server.start()
            site.pos.stop()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
    return verdict.tally(rounds, (), "the till sold on each time")


def _postgres() -> Any:
    """The tests' own PostgreSQL (`tests.support.postgres`), on a disk; a socket's path is short."""
    return importlib.import_module("tests.support.postgres").postgres(Path("/var/tmp"))  # noqa: S108 (a new folder in it)


def _owner(site: Site) -> str:
    """The worker that takes in this gateway's shard."""
    shard = shard_of(GATEWAY)
    return next((lease["worker"] for lease in _leases(site) if lease["shard"] == shard), "")


def _leases(site: Site) -> list[dict[str, Any]]:
    alive = next(name for name in WORKERS if site.rig.children[name].alive)
    leases: list[dict[str, Any]] = site.rig.children[alive].ask("leases")
    return leases


def _stored_not_acked(site: Site) -> int:
    """Entries that the dead centre has and the gateway does not know to be there."""
    stored = stored_of(site.store, GATEWAY)
    acked: dict[str, int] = site.rig.status()["ledger"]["acked"]
    return sum(entry.seq > acked[entry.stream] for entry in stored)

"""A gateway without a clock battery: it starts in 1970, then knows the time, then it is an hour less."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.demo.town import GATEWAY
from tests.faults.count import stored_of
from tests.faults.frame import Context, Tally, require
from tests.faults.needs import libfaketime
from tests.faults.site import Site

CLOCKS = ("@1970-01-01 00:00:07", "+0", "-1h")
DAY_MS = 86_400_000
SHARED = Path("/dev/shm")  # noqa: S108 (only files that are named after our own process)
SALES_S = (0.3, 0.8)


def jumps(context: Context) -> Tally:
    """Three lives of the daemon with three wall clocks; the monotonic one is true. A quote that was given before a jump
    is committed after it."""
    rounds = context.rounds(1, 4, 15)
    with Site(context, changed={'clock = "vouched"': 'clock = "auto"'}) as site:
        open_quote: tuple[str, str] | None = None
        late: list[bool] = []
        for _ in range(rounds):
            for clock in CLOCKS:
                with _life(site, clock):
                    if open_quote is not None:
                        answer = site.pos.commit(*open_quote)
                        require(answer is not None, f"at {clock}: a quote of before the jump was refused")
                        late.append(bool(answer and answer.get("late")))
                    site.pos.start()
                    context.pause(*SALES_S)
                    site.pos.stop()
                    site.pos.repeat()
                    open_quote = site.pos.give_quote()
        site.up(bundles=2)
        verdict = site.settle()
        walls = [entry.wall_ms for entry in stored_of(site.store, GATEWAY) if entry.stream == "receipt"]
    steps = list(itertools.pairwise(walls))
    missed = [
        *([] if min(walls) < DAY_MS else ["no entry is of 1970"]),
        *([] if any(after - before > 50 * 365 * DAY_MS for before, after in steps) else ["no jump by 56 years"]),
        *([] if any(-DAY_MS < after - before < -DAY_MS / 48 for before, after in steps) else ["no hour less"]),
        *([] if late and late[0] else ["no quote was late after 56 years"]),
    ]
    return verdict.tally(rounds * len(CLOCKS), missed, f"{sum(late)} of {len(late)} quotes were late")


@contextmanager
def _life(site: Site, clock: str) -> Iterator[None]:
    """The gateway lives in this time, and is killed."""
    try:
        site.up(*_at(clock), bundles=2)
        yield
    finally:
        site.kill()
        # libfaketime's shared memory, which outlives a kill.
        pid = site.rig.children["gateway"].process.pid
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            (SHARED / name).unlink(missing_ok=True)


def _at(clock: str) -> tuple[str, ...]:
    """`env` in front of the gateway, so that it alone lives in this time."""
    if clock == "+0":
        return ()
    return (
        "env",
        f"LD_PRELOAD={libfaketime()}",
        f"FAKETIME={clock}",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
    )

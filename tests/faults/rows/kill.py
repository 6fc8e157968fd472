"""kill -9 of the daemon: at random under load, and at every k-th call that synchronises a file."""

from __future__ import annotations

import shutil
import signal
import time

from tests.faults.bundles import next_bundles
from tests.faults.card import Card, call, card
from tests.faults.frame import Context, Tally, require
from tests.faults.site import Site

LOAD_S = (0.05, 0.5)


def at_random(context: Context, make: type[Site] = Site) -> Tally:
    """Sell, kill at any moment, start again, ask again for what was not answered."""
    rounds = context.rounds(4, 60, 500)
    running = 0
    with make(context) as site:
        site.up(bundles=2)
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            running += site.alive
            site.kill()
            site.pos.stop()
            last = site.up()
            site.pos.repeat(last["receipt"])
            if (number + 1) % 50 == 0:
                context.say(f"  {number + 1} kills, {site.pos.count} receipts told")
        verdict = site.settle()
        missed = []
        if running < rounds:
            missed.append(f"only {running} of {rounds} kills met a running gateway")
        if not site.pos.booked_before and rounds > 20:
            missed.append("no kill hit between the commit and its answer")
        if not verdict.suppressed:
            missed.append("no kill hit between sending and the centre's ack")
        note = f"{site.pos.booked_before} receipts were on disk and their answer was lost"
    return verdict.tally(rounds, missed, note)


STRACE = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync")
"""The tracer is a grandchild: our child is the gateway itself, with its own exit code."""
RECEIPTS = 100
SURVIVED_S = 60.0


def at_each_sync(context: Context, make: type[Site] = Site) -> Tally:
    """One life for each k: at the k-th fsync or fdatasync of any of its threads the gateway is killed, during a run of
    100 receipts with new bundles in it; until a life outlives them all. First the same while the files are made."""
    return _sweep(context, None, make)


def cut_at_each_sync(context: Context) -> Tally:
    """The same on a card whose power goes with the gateway: before the k-th synchronisation, nothing of it is there."""
    with card() as memory:
        return _sweep(context, memory)


def _sweep(context: Context, memory: Card | None, make: type[Site] = Site) -> Tally:
    step = context.rounds(67, 9, 1)
    with make(context, state=memory.folder if memory else None) as site:
        made = _while_made(site, context.rounds(5, 1, 1), memory)
        killed, k = made, 1
        while _life(site, k, memory):
            killed += 1
            k += step
            if killed % 20 == 0:
                context.say(f"  {killed} kills, k = {k}, {site.pos.count} receipts told")
        site.up(bundles=2)
        verdict = site.settle()
        missed = [] if verdict.suppressed else ["no kill hit between sending and the centre's ack"]
        note = f"killed at syncs 1 to {k - step} by {step}, and {made} times while the files were made"
    return verdict.tally(killed, missed, note)


def _inject(k: int) -> tuple[str, ...]:
    return (*STRACE, "-e", f"inject=fsync,fdatasync:signal=KILL:when={k}")


def _while_made(site: Site, step: int, memory: Card | None) -> int:
    """Kills while a new ledger is made, from no file at all each time; each is followed by a good start."""
    kills, k = 0, 1
    while True:
        shutil.rmtree(site.state, ignore_errors=True)
        if memory is not None:
            call("sync", "-f", str(memory.mounted_at))
        site.start(*_inject(k))
        # One that serves and has its first bundles in force has done all of them.
        ended = site.ended_or_serves(bundles=2)
        site.kill()
        if ended is None:
            return kills
        require(ended == -signal.SIGKILL, f"while the file was made, sync {k}: it ended with {ended}: {site.log()}")
        if memory is not None:
            memory.cut()
        kills += 1
        site.up()
        site.drain()
        site.kill()
        k += step


def _life(site: Site, k: int, memory: Card | None) -> bool:
    """Whether the k-th sync came, and killed it."""
    numbers = next_bundles(site.town)
    site.start(*_inject(k))
    site.ended_or_serves()
    site.pos.start()
    for file in site.town.bundles:
        site.rig.children["centre"].ask("publish", file=str(file))
    deadline = time.monotonic() + SURVIVED_S
    aim = site.pos.count + RECEIPTS
    while site.alive and site.pos.count < aim and time.monotonic() < deadline:
        time.sleep(0.01)
    code = site.ended(0.2)
    site.kill()
    if code is not None and memory is not None:
        memory.cut()
    site.pos.stop()
    if code is None:
        return False
    require(code == -signal.SIGKILL, f"sync {k}: it ended with {code}: {site.log()}")
    last = site.up(bundles=2)
    site.pos.repeat(last["receipt"])
    site.rig.until(lambda: site.rig.status()["sync"]["bundles"] == numbers, "the new bundles")
    site.kill()
    return True

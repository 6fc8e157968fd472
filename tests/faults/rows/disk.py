"""The disk refuses: full, read-only, an error where it should confirm, and very slow."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.faults.card import call, card
from tests.faults.frame import Context, Tally, require
from tests.faults.needs import may_mount
from tests.faults.rows.kill import STRACE
from tests.faults.site import Site

LOAD_S = (0.1, 0.4)
SMALL_MB = 24


def full(context: Context) -> Tally:
    """Something else fills the card while the till sells; later the space is back, and all goes on without a restart.
    Every second time the gateway is killed and started on the full card in between: it serves (and refuses), or says
    in one line why it cannot."""
    rounds = context.rounds(2, 8, 20)
    ways: Counter[str] = Counter()
    with card(SMALL_MB) as memory, Site(context, state=memory.folder) as site:
        site.up(bundles=2)
        filler = memory.mounted_at / "filler"
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            _fill(filler)
            _until_refused(site, "ledger_sqlite_full")
            if number % 2:
                site.kill()
                ways[_start_on_full(site)] += 1
            filler.unlink()
            if not site.alive:
                site.kill()
                site.up()
            _until_told(site)
            site.pos.stop()
            site.pos.repeat()
        verdict = site.settle()
        refused = f"{site.pos.refused['ledger_sqlite_full']} requests refused with ledger_sqlite_full"
        started = ", ".join(f"{way} {times} times" for way, times in ways.items())
    return verdict.tally(rounds, (), f"{refused}; started on a full card: {started}")


def _start_on_full(site: Site) -> str:
    """How it went: `serves`, or `refuses to start` with an error that says so."""
    site.start()
    code = site.ended_or_serves()
    if code is None:
        return "serves"
    require(
        (code, site.log(1).startswith("error: ")) == (1, True), f"on a full card it ended with {code}: {site.log()}"
    )
    return "refuses to start"


def read_only(context: Context) -> Tally:
    """ext4 meets an error and goes read-only, as it does on a dying card, and is sold on; then the card is checked and
    put back.

    The error comes between two sales: a kernel that gives up in the middle of a write may call it synchronised and drop
    it (Linux 6.18 does so with a plain file in a third of the tries), and against that no program can do anything.
    """
    rounds = context.rounds(2, 8, 20)
    with card() as memory, Site(context, state=memory.folder) as site:
        site.up(bundles=2)
        for _ in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            site.pos.stop()
            site.drain()
            # The file system's own way to say that it cannot go on; a plain remount is refused while files are open.
            call("mount", "-o", "remount,abort", str(memory.mounted_at))
            site.pos.start()
            _until_refused(site, "ledger_")
            require(site.alive, "a read-only card ended the gateway")
            site.pos.stop()
            site.kill()
            memory.unmount()
            memory.check()
            memory.mount()
            site.up(bundles=2)
            site.pos.repeat()
        verdict = site.settle()
        codes = ", ".join(f"{count} {code}" for code, count in sorted(site.pos.refused.items()))
    return verdict.tally(rounds, (), f"refused: {codes}")


def no_sync(context: Context) -> Tally:
    """fsync answers EIO for a while: each entry of that time is refused. Then the gateway is killed, and as root the
    power goes with it: what was told after the error has to be on the card nevertheless."""
    rounds = context.rounds(2, 12, 40)
    with ExitStack() as stack:
        memory = stack.enter_context(card()) if may_mount() else None
        site = stack.enter_context(Site(context, state=memory.folder if memory else None))
        site.up(bundles=2)
        site.kill()
        for _ in range(rounds):
            first = context.chance.randint(2, 60)
            inject = f"inject=fsync,fdatasync:error=EIO:when={first}..{first + context.chance.randint(0, 8)}"
            site.up(*STRACE, "-e", inject)
            site.pos.start()
            _until_refused(site, "ledger_")
            _until_told(site)
            context.pause(*LOAD_S)
            site.kill()
            if memory is not None:
                memory.cut()
            site.pos.stop()
            last = site.up()
            site.pos.repeat(last["receipt"])
            site.kill()
        site.up(bundles=2)
        verdict = site.settle()
        codes = ", ".join(f"{count} {code}" for code, count in sorted(site.pos.refused.items()))
    return verdict.tally(rounds, (), f"refused: {codes}")


def slow(context: Context) -> Tally:
    """Every synchronisation takes 0.3 s, as on a card that tidies itself up; and a kill in the middle of one."""
    rounds = context.rounds(1, 5, 15)
    slowest = 0.0
    with Site(context) as site:
        site.up(bundles=2)
        site.kill()
        for _ in range(rounds):
            site.up(*STRACE, "-e", "inject=fsync,fdatasync:delay_enter=300000")
            began = time.monotonic()
            site.pos.sell(1)
            slowest = max(slowest, time.monotonic() - began)
            site.pos.start(16)
            context.pause(1.0, 2.0)
            site.kill()
            site.pos.stop()
            last = site.up()
            site.pos.repeat(last["receipt"])
            site.kill()
        site.up(bundles=2)
        verdict = site.settle()
    missed = [] if slowest >= 0.6 else [f"two commits took only {slowest:.2f} s"]
    return verdict.tally(rounds, missed, f"two commits took {slowest:.2f} s")


def _fill(file: Path) -> None:
    """Until not a byte more goes."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for block in (1 << 20, 4096, 1):
            while True:
                try:
                    os.write(descriptor, bytes(block))
                except OSError as error:
                    require(error.errno == errno.ENOSPC, f"cannot fill: {error}")
                    break
    finally:
        os.close(descriptor)


def _until_refused(site: Site, code: str) -> None:
    """Until the POS is refused with this code (or one that begins so)."""

    def refusals() -> int:
        return sum(count for known, count in site.pos.refused.items() if known.startswith(code))

    before = refusals()
    site.until(lambda: refusals() > before, f"a refusal with {code}; so far {dict(site.pos.refused)}")


def _until_told(site: Site) -> None:
    """Until the POS is told of another receipt."""
    before = site.pos.count
    site.until(lambda: site.pos.count > before, f"a receipt; refused so far {dict(site.pos.refused)}")

"""The record itself is damaged, or replaced by an older copy of itself, while the gateway is off."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from gateway.ledger.files import Names
from gateway.ledger.verify import verify
from gateway.model.errors import LedgerError
from tests.faults.frame import Context, Tally, require
from tests.faults.proxy import Mode
from tests.faults.site import Site

LOAD_S = (0.2, 0.6)
TRIES = 200
CHANCES = 8
"""Rounds of which at least one has to damage an older epoch's file, too."""
Damage = Callable[[bytes, random.Random], bytes]
PAGE = 4096


def flipped(context: Context) -> Tally:
    """Bytes are turned over in pages of ledger.db, and of what was saved of it: the gateway finds its way back, and
    says what it could not read."""
    return _damaged(context, _flip)


def torn(context: Context) -> Tally:
    """The end of ledger.db is gone, as after a card that lost its map of blocks."""
    return _damaged(context, _cut_off)


def _damaged(context: Context, damage: Damage) -> Tally:
    rounds = context.rounds(2, 8, 40)
    older = 0
    with Site(context, through_proxy=True) as site:
        site.up(bundles=2)
        for number in range(rounds):
            # Every second time the centre has nothing of it yet: there only the damaged file can tell.
            site.link.set(Mode.REFUSE if number % 2 else Mode.PASS)
            if number % 2:
                site.link.hang_up()
            site.pos.start()
            context.pause(*LOAD_S)
            site.pos.stop()
            if not number % 2:
                site.drain()
            _end(site, clean=context.chance.random() < 0.5)
            _until_it_hurts(site.ledger, damage, context.chance)
            older += number % 2 and _older_too(site, damage, context.chance)
            site.link.set(Mode.PASS)
            site.up(bundles=2)
            site.pos.sell(3)
            site.await_centre(damaged=True)
        verdict = site.settle(damaged=True)
    # One chance, as in the quick form, may find nothing left to save; so many do not all.
    missed = [] if older or rounds < CHANCES else ["no older epoch's file had anything to lose"]
    note = f"{verdict.named} entries are named as unreadable; {older} times an older epoch's file was damaged too"
    return verdict.tally(rounds, missed, note)


def _older_too(site: Site, damage: Damage, chance: random.Random) -> bool:
    """The card rots on. The gateway has found the damage and begun a new epoch without a word to the centre; then what
    it saved of the epoch before, of which the centre has not everything, is damaged in its turn. False when there was
    nothing left to save."""
    site.up()
    waiting = site.rig.status()["ledger"].get("older", {})
    _end(site, clean=chance.random() < 0.5)
    files = [Names(site.ledger).older(epoch) for epoch, entries in waiting.items() if entries]
    for file in files:
        _until_it_hurts(file, damage, chance)
    return bool(files)


def older_copy(context: Context, make: type[Site] = Site) -> Tally:
    """ledger.db, or the whole state folder, is put back from a copy that the gateway has outlived: the numbers that it
    gives from then on were given before, unless it notices."""
    rounds = context.rounds(1, 6, 30)
    with make(context) as site:
        copy = context.folder / "copy"
        for number in range(rounds):
            site.up(bundles=2)
            site.pos.sell(5)
            site.drain()
            require(site.rig.stop_gateway() == 0, "the gateway did not stop")
            shutil.copytree(site.state, copy, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
            site.up()
            site.pos.sell(context.chance.randint(1, 20))
            site.drain()
            require(site.rig.stop_gateway() == 0, "the gateway did not stop")
            if number % 2:
                shutil.rmtree(site.state)
                shutil.copytree(copy, site.state)
                site.up_from_older()
            else:
                for end in ("-wal", "-shm"):
                    site.ledger.with_name(site.ledger.name + end).unlink(missing_ok=True)
                shutil.copy(copy / site.ledger.name, site.ledger)
                site.up()
            shutil.rmtree(copy)
            site.pos.sell(context.chance.randint(1, 20))
            site.await_centre()
            site.kill()
        site.up(bundles=2)
        verdict = site.settle(conflicts_explained=True)
        missed = [] if verdict.epochs > rounds else [f"{verdict.epochs} epochs: numbers went on as if nothing was"]
    return verdict.tally(rounds, missed, f"{verdict.conflicts} conflicts kept, {verdict.epochs} epochs")


def _end(site: Site, *, clean: bool) -> None:
    """It is stopped, or killed just after its log was moved into the file: in the file is what the damage is to hit."""
    if clean:
        require(site.rig.stop_gateway() == 0, "the gateway did not stop")
        return
    site.kill()
    db = sqlite3.connect(site.ledger)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _until_it_hurts(ledger: Path, damage: Damage, chance: random.Random) -> None:
    """Damage it so that it matters: a copy with the same damage does not verify. What hits only pages that nobody
    uses, or that the write-ahead log has anew, is tried again elsewhere."""
    whole = ledger.read_bytes()
    for _ in range(TRIES):
        broken = damage(whole, chance)
        ledger.write_bytes(broken)
        if not _verifies(ledger):
            return
    require(False, f"{TRIES} times the damage did not matter")


def _verifies(ledger: Path) -> bool:
    """Looked at as a copy: to look is to recover the log, and that is the gateway's business."""
    copy = ledger.with_name("looked-at.db")
    log = ledger.with_name(ledger.name + "-wal")
    files = {ledger: copy, **({log: copy.with_name(copy.name + "-wal")} if log.exists() else {})}
    try:
        for source, target in files.items():
            shutil.copy(source, target)
        return verify(copy).clean
    except (LedgerError, sqlite3.Error):
        return False
    finally:
        for target in (copy, copy.with_name(copy.name + "-wal"), copy.with_name(copy.name + "-shm")):
            target.unlink(missing_ok=True)


def _flip(whole: bytes, chance: random.Random) -> bytes:
    """One to eight bytes, in one to three pages, the first one (the file's header) among them now and then."""
    broken = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        page = chance.randrange(len(broken) // PAGE)
        for _ in range(chance.randint(1, 8)):
            broken[page * PAGE + chance.randrange(PAGE)] ^= chance.randint(1, 255)
    return bytes(broken)


def _cut_off(whole: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randrange(len(whole))]

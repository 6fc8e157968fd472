"""Any mix of commits, acks, new epochs, cuts between their steps, restores of older copies and damage: a number of an
epoch never stands for two entries, nothing told as stored is gone, and every file verifies."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.ledger.backup import back_up, restore
from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.ledger.cuts import CutDisk, image
from tests.ledger.epochs import sources
from tests.support.clock import FakeClock

GATEWAY = "gw-test"


class Life(RuleBasedStateMachine):
    """One gateway and its card. `told` is what callers were told as stored; `centre` what was ever sent."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.folder = self.root / "card-0"
        self.cards = 0
        self.number = 0
        self.told: dict[tuple[str, int], bytes] = {}
        self.centre: dict[tuple[str, int], bytes] = {}
        self.kept: tuple[Path, dict[tuple[str, int], bytes]] | None = None
        self.backups = 0

    @initialize()
    def begin(self) -> None:
        self.open()

    def open(self) -> None:
        self.disk = CutDisk(self.folder, self.root / f"images-{self.cards}")
        self.ledger = Ledger(self.folder / "ledger.db", GATEWAY, self.clock, disk=self.disk)

        async def start() -> None:
            self.ledger.start()

        self.runner.run(start())

    def close(self) -> None:
        self.runner.run(self.ledger.stop())

    def continue_from(self, card: Path) -> None:
        """The box goes on with this image of a card."""
        self.cards += 1
        self.folder = image(card, self.root / f"card-{self.cards}")
        self.open()

    @rule(count=st.integers(1, 5))
    def commit(self, count: int) -> None:
        texts = [f'"{self.number + n}"'.encode() for n in range(count)]
        self.number += count
        entries = [NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, text) for text in texts]
        for text, stored in zip(texts, self.runner.run(self.ledger.commit(entries)), strict=True):
            key = (stored.epoch, stored.seq)
            assert key not in self.told
            assert key not in self.centre
            self.told[key] = text

    @rule(most=st.integers(1, 4), ack=st.booleans())
    def send(self, most: int, ack: bool) -> None:
        """The centre takes some entries in; its ack may be lost."""
        for source in sources(self.ledger):
            for entry in source.read(Stream.RECEIPT, source.acked(Stream.RECEIPT), most):
                key = (entry.header.id.epoch, entry.header.id.seq)
                assert self.centre.setdefault(key, entry.body or b"") == entry.body
                if ack:
                    source.ack(Stream.RECEIPT, entry.header.id.seq)

    @rule()
    def new_epoch(self) -> None:
        before = self.ledger.epoch
        assert self.runner.run(self.ledger.new_epoch(EpochReason.ORDERED)) != before

    @rule(which=st.integers(0, 100))
    def cut_in_a_new_epoch(self, which: int) -> None:
        self.disk.taken.clear()
        shutil.rmtree(self.root / f"images-{self.cards}", ignore_errors=True)
        self.disk.armed = True
        self.runner.run(self.ledger.new_epoch(EpochReason.ORDERED))
        self.disk.armed = False
        self.close()
        self.continue_from(self.disk.taken[which % len(self.disk.taken)])

    @rule()
    def kill(self) -> None:
        cut = image(self.folder, self.root / f"cut-{self.cards}")
        self.close()
        self.continue_from(cut)

    @rule()
    def reopen(self) -> None:
        self.close()
        self.open()

    @rule()
    def keep_a_copy(self) -> None:
        self.close()
        copy = self.root / "copy.db"
        shutil.copy(self.folder / "ledger.db", copy)
        self.kept = (copy, dict(self.told))
        self.open()

    @precondition(lambda self: self.kept is not None)
    @rule()
    def an_older_copy_takes_its_place(self) -> None:
        """The card itself forgets: what only the replaced file had is gone for good, but no number is given again."""
        assert self.kept is not None
        self.close()
        copy, known = self.kept
        shutil.copy(copy, self.folder / "ledger.db")
        others = {epoch for epoch, _ in self.told if (self.folder / f"ledger-{epoch}.db").exists()}
        self.told = {key: text for key, text in self.told.items() if key in known or key[0] in others}
        self.open()

    @rule()
    def back_up_and_restore(self) -> None:
        self.backups += 1
        backup = self.root / f"backup-{self.backups}.db"
        names = Names(self.folder / "ledger.db")
        back_up(names, backup, self.disk)
        self.commit(1)
        self.close()
        restore(names, GATEWAY, backup, self.clock.stamp(), self.disk)
        self.open()

    @rule()
    def the_file_forgets_what_it_is(self) -> None:
        """Its header rots: what the leaves hold is legible all the same, and nothing of it may be lost."""
        self.close()
        path = self.folder / "ledger.db"
        raw = bytearray(path.read_bytes())
        raw[:100] = bytes(100)
        path.write_bytes(raw)
        self.open()

    @invariant()
    def everything_told_is_there(self) -> None:
        if not hasattr(self, "ledger"):
            return
        found = {
            (e.header.id.epoch, e.header.id.seq): e.body
            for source in sources(self.ledger)
            for e in source.read(Stream.RECEIPT, 0, -1)
        }
        assert self.told.items() <= found.items()
        assert all(found[key] == text for key, text in self.centre.items() if key in found)

    def teardown(self) -> None:
        self.close()
        names = Names(self.folder / "ledger.db")
        assert all(verify(file).clean for file in [names.present, *names.all_older()])
        self.runner.close()
        shutil.rmtree(self.root)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)

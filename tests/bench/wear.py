"""Bench `wear`: what a commit costs the card, counted by the kernel at a block device; beside raw SQLite.

ext4 with the 4 kB blocks of a real card, on a loop device over a file in memory: nothing but this bench writes to it.
Needs root.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway.cli.demo.children import Child, python
from gateway.identity.identify import SunCounter
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.stations.grants import GrantMade, GrantSettled
from tests.bench.context import Context
from tests.bench.frame import BenchFailed, Promise, Row, compare, require

CARD_MB = 256
SECTOR_BYTES = 512
"""Of /sys/block/…/stat, whatever the device's own are (Linux, Documentation/block/stat.rst)."""
ADMISSION = b'{"filler":"' + b"x" * (800 - 13) + b'"}'
"""As many bytes as an admission with one line and two rules looked at."""
OPENED = b'{"station":"gate-1","admission":1000,"mono_ns":1000000000000}'
PLAIN = b'{"filler":"' + b"x" * (400 - 13) + b'"}'
CARDS = 2000
"""Genuine cards that come by: each has a row with its counter."""
GROUP = 10
COMMITS, COMMITS_QUICK = 1000, 100


class Written(NamedTuple):
    """What a device was asked to do so far."""

    bytes: int
    flushes: int


class Card(NamedTuple):
    """A mounted file system on a loop device of its own."""

    point: Path
    device: str

    def written(self) -> Written:
        """Everything that was written until now, also what waited in memory. Raises `OSError`."""
        subprocess.run(["sync", "--file-system", str(self.point)], check=True, timeout=60)
        return self.so_far()

    def so_far(self) -> Written:
        """What has reached the device by itself."""
        fields = Path(f"/sys/block/{self.device}/stat").read_text(encoding="ascii").split()
        return Written(int(fields[6]) * SECTOR_BYTES, int(fields[15]))


def run(context: Context) -> list[Row]:
    commits = COMMITS_QUICK if context.quick else COMMITS
    with card(context.folder / "ours") as ours, card(context.folder / "raw") as theirs:
        argv = python("tests.bench.baselines.raw_commit", str(theirs.point / "raw.db"))
        raw = Child("raw", argv, context.folder / "raw.log")
        raw.start()
        try:
            rows, entries, raw_rows = asyncio.run(_Rounds(context, ours, theirs, raw, commits).run())
            require(raw.ask("rows") == raw_rows, f"the baseline stored {raw.ask('rows')} rows, not {raw_rows}")
        finally:
            raw.stop()
        report = verify(ours.point / "ledger.db")
        require(report.clean, f"the ledger is not clean: {report}")
        stored = sum(stream.last for stream in report.streams)
        require(stored == entries, f"the ledger holds {stored} entries, {entries} were told as stored")
    return rows


class _Rounds:
    """The same work in turns on both cards."""

    def __init__(self, context: Context, ours: Card, theirs: Card, raw: Child, commits: int) -> None:
        self._context, self._ours, self._theirs, self._raw, self._commits = context, ours, theirs, raw, commits
        self._entries = self._raw_rows = self._taps = 0
        self._counters = [os.urandom(32) for _ in range(CARDS)]

    async def run(self) -> tuple[list[Row], int, int]:
        self._ledger = Ledger(self._ours.point / "ledger.db", "bench", SystemClock())
        self._ledger.start()
        try:
            rows = [*await self._tap(), await self._groups("bytes_per_entry_10_per_commit", PLAIN, promised=True)]
            rows.append(await self._groups("bytes_per_admission_10_per_commit", ADMISSION, promised=False))
        finally:
            await self._ledger.stop()
        return rows, self._entries, self._raw_rows

    async def _tap(self) -> list[Row]:
        """A genuine card at a gate: the admission with the card's counter and the grant; `opened` of the tap before
        rides along and settles its grant; the centre's ack of it is marked."""
        ours, flushes, baseline, ratios = [], [], [], []
        await self._ours_in(self._one_tap)
        await self._raw_in(1, len(ADMISSION))
        for number in self._context.rounds(5):
            written, told = await self._ours_in(self._one_tap)
            ours.append([written])
            flushes.append([told])
            baseline.append([await self._raw_in(1, len(ADMISSION))])
            ratios.append([ours[-1][0] / baseline[-1][0]])
            self._say(number, "tap", ours[-1][0], baseline[-1][0])
        one = Promise(1.1, "one, and two more for each time the log moves into the file")
        return [
            compare("wear", "tap_bytes", "B", ours, baseline),
            compare("wear", "tap_vs_raw_commit", "", ratios, None, promise=Promise(1.6, "≤ 1.6 × raw commit")),
            compare("wear", "flushes_per_commit", "", flushes, None, promise=one),
        ]

    async def _groups(self, metric: str, body: bytes, *, promised: bool) -> Row:
        entry = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, body)

        async def ten() -> None:
            await self._ledger.commit([entry] * GROUP)
            self._entries += GROUP

        ours, baseline = [], []
        await self._ours_in(ten)
        await self._raw_in(GROUP, len(body))
        for number in self._context.rounds(5):
            ours.append([(await self._ours_in(ten))[0] / GROUP])
            baseline.append([await self._raw_in(GROUP, len(body)) / GROUP])
            self._say(number, metric, ours[-1][0], baseline[-1][0])
        return compare("wear", metric, "B", ours, baseline, promise=Promise(4000, "≤ 4 kB") if promised else None)

    async def _one_tap(self) -> None:
        self._taps += 1
        granted = self._ledger.commit(
            [NewEntry(Stream.RECEIPT, EntryKind.ADMISSION, ADMISSION)],
            [GrantMade("gate-1"), SunCounter(self._counters[self._taps * 7919 % CARDS], self._taps)],
        )
        (admission,) = await granted
        self._ledger.ride(
            NewEntry(Stream.RECEIPT, EntryKind.OPENED, OPENED), [GrantSettled(admission.epoch, admission.seq)]
        )
        self._ledger.ack(Stream.RECEIPT, admission.seq)
        self._entries += 2

    async def _ours_in(self, work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
        """Bytes and flushes a commit, over a round."""
        commits, before = self._ledger.commits, await asyncio.to_thread(self._ours.written)
        for _ in range(self._commits):
            await work()
        during = self._ours.so_far()
        after = await asyncio.to_thread(self._ours.written)
        made = self._ledger.commits - commits
        require(made <= 1.05 * self._commits, f"{made} commits instead of {self._commits}: the work was not shared")
        return (after.bytes - before.bytes) / self._commits, (during.flushes - before.flushes) / made

    async def _raw_in(self, group: int, size: int) -> float:
        before = await asyncio.to_thread(self._theirs.written)
        await asyncio.to_thread(self._raw.ask, "groups", 300.0, sizes=[group] * self._commits, bytes=size)
        self._raw_rows += group * self._commits
        return ((await asyncio.to_thread(self._theirs.written)).bytes - before.bytes) / self._commits

    def _say(self, number: int, what: str, ours: float, raw: float) -> None:
        self._context.say(f"  round {number + 1}: {what} {ours:,.0f} B, raw {raw:,.0f} B")


@contextmanager
def card(folder: Path) -> Iterator[Card]:
    """A file in memory, a loop device over it, ext4 with 4 kB blocks on that. Raises `BenchFailed` when this user may
    not; leaves nothing behind."""
    if os.geteuid() != 0:
        raise BenchFailed("needs root, for a loop device and two mounts: sudo make bench ARGS=wear")
    memory, point = folder / "memory", folder / "card"
    memory.mkdir(parents=True)
    point.mkdir()
    undo: list[tuple[str, ...]] = []
    try:
        _system("mount", "-t", "tmpfs", "-o", f"size={CARD_MB + 16}m", "tmpfs", str(memory))
        undo.append(("umount", str(memory)))
        image = memory / "image"
        with image.open("wb") as file:
            file.truncate(CARD_MB << 20)
        _system("mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
        device = _system("losetup", "--find", "--show", str(image))
        undo.append(("losetup", "--detach", device))
        _system("mount", "-o", "noatime", device, str(point))
        undo.append(("umount", str(point)))
        yield Card(point, Path(device).name)
    finally:
        for argv in reversed(undo):
            _system(*argv)


def _system(*argv: str) -> str:
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60, env=env)
    if done.returncode:
        raise BenchFailed(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()

"""Names of the files beside ledger.db, and the few things that are done to whole files, each of them durable.

ledger.db               the present ledger
ledger-EPOCH.db         an older epoch: takes no new entries, goes when drained
ledger.next.db          a new epoch, complete, not yet the present one
ledger.salvaged.db      what a damaged file's entries came to, complete, not yet in place
ledger-EPOCH.mended.db  the same of an older epoch's file
ledger.building-*.db    unfinished: deleted at the next start
ledger.damaged-TIME.db  set aside because it is damaged; never deleted by this program
ledger.copy-TIME.db     set aside because a newer file of the same epoch was there
ledger.mark, ledger.key, ledger.backups
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Names:
    """Where everything is, given where ledger.db is."""

    def __init__(self, present: Path) -> None:
        self.present = present
        self.folder = present.parent
        self._stem = present.stem

    def older(self, epoch: str) -> Path:
        return self.folder / f"{self._stem}-{epoch}.db"

    def mended(self, epoch: str) -> Path:
        return self.folder / f"{self._stem}-{epoch}.mended.db"

    @property
    def next(self) -> Path:
        return self._beside("next.db")

    @property
    def salvaged(self) -> Path:
        return self._beside("salvaged.db")

    @property
    def mark(self) -> Path:
        return self._beside("mark")

    @property
    def key(self) -> Path:
        return self._beside("key")

    @property
    def backups(self) -> Path:
        return self._beside("backups")

    def building(self, what: str) -> Path:
        return self._beside(f"building-{what}.db")

    def aside(self, why: str, wall_ms: int) -> Path:
        """A free name that says why and when (UTC, by this box's clock)."""
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall_ms / 1000))
        path, number = self._beside(f"{why}-{at}.db"), 1
        while path.exists():
            number += 1
            path = self._beside(f"{why}-{at}-{number}.db")
        return path

    def all_older(self) -> list[Path]:
        """Files of older epochs, by name."""
        return self._matching(re.compile(rf"{re.escape(self._stem)}-[0-9a-f]{{8,64}}\.db"))

    def all_mended(self) -> dict[str, Path]:
        """Files that are to take the place of an older epoch's, by epoch."""
        files = self._matching(re.compile(rf"{re.escape(self._stem)}-[0-9a-f]{{8,64}}\.mended\.db"))
        return {self.epoch_in(path): path for path in files}

    @staticmethod
    def epoch_in(path: Path) -> str:
        """The epoch in the name of an older epoch's file."""
        return path.name.rpartition("-")[2].partition(".")[0]

    def all_building(self) -> list[Path]:
        return self._matching(re.compile(rf"{re.escape(self._stem)}\.building-[a-z]+\.db"))

    def all_aside(self) -> list[Path]:
        """Files that were set aside, with their logs."""
        return self._matching(re.compile(rf"{re.escape(self._stem)}\.(damaged|copy)-.+"))

    def _beside(self, ending: str) -> Path:
        return self.folder / f"{self._stem}.{ending}"

    def _matching(self, pattern: re.Pattern[str]) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if pattern.fullmatch(path.name))


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log of a database file."""
    return path.with_name(f"{path.name}-wal")


def shared_of(path: Path) -> Path:
    """The index of the write-ahead log; worthless without a process that uses it."""
    return path.with_name(f"{path.name}-shm")


class Disk:
    """What is done to whole files. Given from outside, so that a test can stop time between any two steps."""

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_file(self, path: Path) -> None:
        """Content on the card."""
        self._sync(path, os.O_RDONLY)

    def sync_folder(self, folder: Path) -> None:
        """Names on the card."""
        self._sync(folder, os.O_RDONLY | os.O_DIRECTORY)

    def write(self, path: Path, content: bytes) -> None:
        """Replace a small file at once: the old one or the new one, whole, for its owner only."""
        temporary = path.with_name(f"{path.name}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.rename(temporary, path)
        self.sync_folder(path.parent)

    def _sync(self, path: Path, flags: int) -> None:
        descriptor = os.open(path, flags | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def for_us_only() -> Iterator[None]:
    """What is created inside, by SQLite too, is for this user only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)

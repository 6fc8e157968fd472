"""Room on the card: what is free, and a file of real blocks that is given up when nothing is."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger("ledger")

NAME = "ballast"


def free_bytes(folder: Path) -> int:
    """What this user may still write on the folder's file system. Raises `OSError`."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


class Ballast:
    """The file `ballast` beside the ledger. Given up so that drops, deletes, audit entries and acks can be written
    on a full card; made again when there is room. No method raises."""

    def __init__(self, folder: Path, size: int, free: Callable[[Path], int] = free_bytes) -> None:
        self.path = folder / NAME
        self._folder = folder
        self._size = size
        self._free = free

    @property
    def missing(self) -> int:
        """Bytes that are set aside for it and that it does not hold now."""
        try:
            return max(0, self._size - self.path.stat().st_size)
        except OSError:
            return self._size

    def free(self) -> int:
        """Bytes free on the card beside what is set aside; below 0 when others use that. 0 when the card does not
        answer."""
        try:
            return self._free(self._folder) - self.missing
        except OSError:
            return 0

    def make(self, spare: int) -> None:
        """Take the blocks, when so much room is left then."""
        if not self.missing or self.free() < spare:
            return
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, self._size)  # blocks, not a hole; nothing is written to the card for it
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            log.warning("no ballast: %s", error)
            self.release()

    def release(self) -> bool:
        """Give the blocks back. True when there were any."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            held = os.fstat(file).st_size > 0
            os.truncate(file, 0)
            os.fsync(file)  # the file system gives the blocks out again only when its journal has this
        except OSError as error:
            log.warning("the ballast cannot be given up: %s", error)
            return False
        finally:
            os.close(file)
        if held:
            log.warning("the card is full: the ballast is given up")
        return held

"""The state folder as a power cut would leave it at each step that a new epoch takes on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.ledger.files import Disk


def image(folder: Path, to: Path) -> Path:
    """What is on disk now. The index of a log dies with the machine."""
    to.mkdir(parents=True)
    for file in folder.iterdir():
        if file.is_file() and not file.name.endswith("-shm"):
            shutil.copy(file, to)
    return to


class CutDisk(Disk):
    """Keeps an image of the folder before and after each step on whole files."""

    def __init__(self, folder: Path, images: Path) -> None:
        self._folder = folder
        self._images = images
        self.taken: list[Path] = []
        self.armed = False

    def rename(self, old: Path, new: Path) -> None:
        self._take()
        super().rename(old, new)
        self._take()

    def remove(self, path: Path) -> None:
        there = path.exists()
        super().remove(path)
        if there:
            self._take()

    def sync_file(self, path: Path) -> None:
        self._take()
        super().sync_file(path)

    def _take(self) -> None:
        if self.armed:
            self.taken.append(image(self._folder, self._images / f"cut-{len(self.taken):03}"))


class FailingDisk(Disk):
    """Refuses the n-th renaming, once."""

    def __init__(self) -> None:
        self.fail_at = 0
        self.renames = 0

    def rename(self, old: Path, new: Path) -> None:
        if new.suffix == ".db":
            self.renames += 1
            if self.renames == self.fail_at:
                raise OSError(5, "Input/output error")
        super().rename(old, new)

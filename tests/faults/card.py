"""A memory card that can lose its power: ext4 with 4 kB blocks in an image file in memory, on a loop device.

What the kernel has not written to the image yet is lost with a cut: the raw image is copied as it is, the old one is
thrown away, the copy is mounted (ext4 replays its journal). What a real card's own cache would lose is not shown.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.frame import FaultFailed, prefix, require
from tests.faults.needs import program

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of random name is made in it)
BUSY_S = 5.0


class Card:
    """`mount` and `unmount` as often as wanted; `folder` is where a gateway keeps its state."""

    def __init__(self, work: Path, megabytes: int) -> None:
        self._image = work / "card.img"
        self.mounted_at = work / "mnt"
        self.mounted_at.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        call("mkfs.ext4", "-q", "-b", "4096", str(self._image))
        self._mounted = False

    @property
    def folder(self) -> Path:
        return self.mounted_at / "state"

    def mount(self, *options: str) -> None:
        call("mount", "-o", ",".join(["loop", "noatime", *options]), str(self._image), str(self.mounted_at))
        self._mounted = True

    def unmount(self) -> None:
        """Nothing may use it any more, or what does must end within seconds. Raises `FaultFailed`."""
        if not self._mounted:
            return
        deadline = time.monotonic() + BUSY_S
        while (done := attempt("umount", str(self.mounted_at))).returncode:
            require(time.monotonic() < deadline, f"umount: {done.stderr}")
            time.sleep(0.02)
        self._mounted = False

    def check(self) -> None:
        """As a technician does with a card that went read-only. Raises `FaultFailed`."""
        done = attempt("e2fsck", "-fy", str(self._image))
        require(done.returncode in (0, 1), f"e2fsck: {done.stdout[-500:]}")

    def cut(self) -> None:
        """The power goes now and comes back. Whoever wrote to it has to be dead already."""
        marker = self.mounted_at / "never-synchronised"
        marker.write_bytes(os.urandom(4096))
        after = self._image.with_suffix(".cut")
        call("cp", "--sparse=always", str(self._image), str(after))
        self.unmount()
        after.replace(self._image)
        self.mount()
        require(not marker.exists() or marker.stat().st_size == 0, "the cut lost nothing: this is no power cut")

    def end(self) -> None:
        """Whatever is left of it goes."""
        try:
            self.unmount()
        except FaultFailed:
            attempt("umount", "-l", str(self.mounted_at))
            raise


@contextmanager
def card(megabytes: int = 256) -> Iterator[Card]:
    """A mounted card, gone at the end of the block. Needs root."""
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=MEMORY) as work:
        made = Card(Path(work), megabytes)
        try:
            made.mount()
            yield made
        finally:
            made.end()


def call(name: str, *arguments: str) -> str:
    """Run a program of the system. Raises `FaultFailed` with what it said."""
    done = attempt(name, *arguments)
    require(done.returncode == 0, f"{name} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def attempt(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same for what may fail."""
    argv = [program(name) or name, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

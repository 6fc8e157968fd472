"""A small file system of its own, to be filled to the last block. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.programs import require_file

MB = 1 << 20


@contextmanager
def small_card(folder: Path, kind: str, megabytes: int) -> Iterator[Path]:
    """Mounts a new file system of this kind (`tmpfs`, `ext4` with 4 kB blocks) below `folder`; unmounts it at the end.
    Who may not mount skips the test with a line; where CI=true that is a failure."""
    if os.geteuid() != 0:
        may_not("not root")
    point = folder / "card"
    point.mkdir()
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(point)]
    else:
        require_file("/sbin/mkfs.ext4", "e2fsprogs")
        image = folder / "card.img"
        with image.open("wb") as file:
            file.truncate(megabytes * MB)
        run("mkfs.ext4", "-q", "-b", "4096", "-m", "0", str(image))
        mount = ["mount", "-o", "loop", str(image), str(point)]
    done = run(*mount, check=False)
    if done.returncode:
        may_not(done.stderr.strip())
    try:
        yield point
    finally:
        run("umount", str(point))


def may_not(why: str) -> NoReturn:
    """Skip, or fail where CI=true."""
    line = f"this test needs the right to mount a file system (root): {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)


def run(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A program of the system; sbin is not on everybody's path."""
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
    return subprocess.run(argv, check=check, capture_output=True, text=True, timeout=60, env=env)


class Filler:
    """A file of somebody else's that takes all the room there is."""

    def __init__(self, card: Path) -> None:
        self._path = card / "somebody-elses"

    def fill(self, leave: int = 0) -> None:
        """Take what is free, but for so many bytes."""
        with self._path.open("ab") as file:
            for size in (MB, 4096, 1):
                block = bytes(size)
                while self._free() - size >= leave:
                    try:
                        os.write(file.fileno(), block)
                    except OSError:
                        break
            os.fsync(file.fileno())

    def _free(self) -> int:
        room = os.statvfs(self._path.parent)
        return room.f_bavail * room.f_frsize

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

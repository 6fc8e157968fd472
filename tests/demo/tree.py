"""A program with its whole process tree, found by a mark in the environment that every process of it is given."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

LOOK_S = 0.02


class Tree:
    """Runs a program; knows which processes it has left. The mark stands in PATH: even drivers and the shells that
    guard them get that, and nothing else of our environment."""

    def __init__(self, argv: list[str], folder: Path, **environment: str) -> None:
        self.mark = f"/mark-{os.urandom(8).hex()}"
        self.err = folder / "err.txt"
        self.out = folder / "out.txt"
        variables = {**os.environ, "TMPDIR": str(folder), **environment, "PATH": f"{os.environ['PATH']}:{self.mark}"}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=variables, start_new_session=True
            )

    def pids(self) -> dict[int, str]:
        """Processes of this tree that live, with their command lines."""
        return marked(self.mark)

    def until_says(self, text: str, timeout: float = 50.0) -> None:
        """Until it has written this to stderr."""
        deadline = time.monotonic() + timeout
        while text not in (said := self.err.read_text(encoding="utf-8")):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            pause()

    def end(self, timeout: float = 50.0) -> int:
        return self.process.wait(timeout)

    def left(self, within_s: float) -> dict[int, str]:
        """What still lives after at most so long."""
        deadline = time.monotonic() + within_s
        while (left := self.pids()) and time.monotonic() < deadline:
            pause()
        return left

    def clean_up(self) -> None:
        """For a test that fails: end what is ours."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in self.left(3.0):
            end(pid)


def marked(mark: str) -> dict[int, str]:
    """Living processes with this mark in their environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if mark.encode() in (folder / "environ").read_bytes() and not gone(int(folder.name)):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # It ended meanwhile, or is another user's.
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody reaps has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def end(pid: int) -> None:
    """kill -9, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def pause() -> None:
    """Give the others a moment before the next look."""
    select.select([], [], [], LOOK_S)

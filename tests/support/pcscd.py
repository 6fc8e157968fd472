"""A real pcscd with a virtual reader of two slots, in mount and network namespaces of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators.vpcd import Dial, Slot
from tests.support.pcscd_inside import DRIVER
from tests.support.programs import require_file, require_module, require_program

ROOT = Path(__file__).parents[2]


class Pcscd:
    """`slots` are those of the readers `names`."""

    names = ("Virtual PCD 00 00", "Virtual PCD 00 01")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        user = ["--map-root-user"] if os.geteuid() else []
        argv = ["unshare", *user, "--mount", "--net", sys.executable, "-m", "tests.support.pcscd_inside", str(folder)]
        self._inside = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer("ready")
        self.slots = [Slot(_unix(folder / f"slot{number}")) for number in range(2)]

    @property
    def env(self) -> dict[str, str]:
        """For whoever is to reach this pcscd, and no other."""
        root = Path(f"/proc/{self._inside.pid}/root")  # Its files as it sees them (proc(5)).
        return {"PCSCLITE_CSOCK_NAME": str(root / "run" / "pcscd" / "pcscd.comm")}

    def start(self) -> None:
        self._say("start")

    def kill(self) -> None:
        """SIGKILL: it says goodbye to nobody."""
        self._say("kill")

    def stop(self) -> None:
        self._say("stop")

    def freeze(self) -> None:
        """SIGSTOP: it is there and answers nobody."""
        self._say("freeze")

    def end(self) -> None:
        for slot in self.slots:
            slot.remove()
        assert self._inside.stdin is not None
        self._inside.stdin.close()
        self._inside.wait(20)
        assert self._inside.stdout is not None
        self._inside.stdout.close()

    def _say(self, word: str) -> None:
        assert self._inside.stdin is not None
        self._inside.stdin.write(word + "\n")
        self._inside.stdin.flush()
        self._answer("done")

    def _answer(self, expected: str) -> None:
        assert self._inside.stdout is not None
        line = self._inside.stdout.readline().strip()
        if line != expected:
            raise RuntimeError(f"pcscd's namespaces: {line!r} instead of {expected!r}")


@contextmanager
def pcscd() -> Iterator[Pcscd]:
    require_file("/usr/sbin/pcscd", "pcscd")
    require_program("unshare", "util-linux")
    require_module("smartcard", "gcc swig libpcsclite-dev")
    require_file(DRIVER, "vsmartcard-vpcd")
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:  # A socket's path has 107 bytes.
        running = Pcscd(Path(folder))
        try:
            running.start()
            yield running
        finally:
            running.end()


def _unix(path: Path) -> Dial:
    def dial() -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            raise
        return line

    return dial

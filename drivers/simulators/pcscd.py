"""A real pcscd with a virtual reader of two slots, in mount and network namespaces of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from drivers.simulators.pcscd_inside import DRIVER
from drivers.simulators.simulated import CannotSimulate
from drivers.simulators.vpcd import Dial, Slot

ROOT = Path(__file__).parents[2]
DAEMON = "/usr/sbin/pcscd"


class Pcscd:
    """`slots` are those of the readers `names`; their sockets are made in `folder`. The constructor starts it;
    `end` ends everything. Raises `CannotSimulate` when the kernel or a missing package forbids it."""

    names = ("Virtual PCD 00 00", "Virtual PCD 00 01")

    def __init__(self, folder: Path) -> None:
        _check_machine()
        user = ["--map-root-user"] if os.geteuid() else []
        argv = ["unshare", *user, "--mount", "--net"]
        argv += [sys.executable, "-m", "drivers.simulators.pcscd_inside", str(folder)]
        self._inside = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._stdin, self._stdout, self._stderr = _pipes(self._inside)
        if self._stdout.readline().strip() != "ready":
            said = self._stderr.read().strip().splitlines()[-1:]
            self.end()
            raise CannotSimulate(
                f"pcscd got no namespaces of its own: {' '.join(said) or 'unshare said nothing'}",
                "Run it as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1; "
                "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a container --privileged)",
            )
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

    def move(self) -> None:
        """From its next start on it has the same reader at another port."""
        self._say("move")

    def freeze(self) -> None:
        """SIGSTOP: it is there and answers nobody."""
        self._say("freeze")

    def end(self) -> None:
        for slot in getattr(self, "slots", []):
            slot.remove()
        self._stdin.close()
        self._inside.wait(20)
        self._stdout.close()
        self._stderr.close()

    def _say(self, word: str) -> None:
        self._stdin.write(word + "\n")
        self._stdin.flush()
        if (answer := self._stdout.readline().strip()) != "done":
            raise RuntimeError(f"pcscd's namespaces: {answer!r} instead of 'done'")


def _check_machine() -> None:
    for path, package in ((DAEMON, "pcscd"), (DRIVER, "vsmartcard-vpcd")):
        if not Path(path).is_file():
            raise CannotSimulate(f"{path} is not there", f"Install it: apt install {package}")
    if shutil.which("unshare") is None:
        raise CannotSimulate("the program unshare is not there", "Install it: apt install util-linux")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("it is spawned with pipes")
    return process.stdin, process.stdout, process.stderr


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

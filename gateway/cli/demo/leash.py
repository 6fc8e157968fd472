"""Ends what the demo has started when the demo itself is killed: a tiny shell that outlives it by a second.

Most children end with their input, and `setpriv` asks the kernel for the others; this is for those that hang, that
have changed their user since (a broker started by root), and for systems without `setpriv`.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress


class Leash:
    """Guarantee: a second after this process is gone, however it went, every group added and not deleted is
    killed. Holds nothing of ours but the read end of its own stdin."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # The gateway keeps its drivers on the same leash (docs/decisions/0001-guard-process.md).
        from gateway.devices.guard import SCRIPT, SHELL

        self._shell = subprocess.Popen(
            [SHELL, "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )

    def add(self, group: int) -> None:
        """From now on this process group ends with us."""
        self._say(f"add {group}\n")

    def delete(self, group: int) -> None:
        """This process group is no more."""
        self._say(f"del {group}\n")

    def stop(self) -> None:
        """With nothing left on the leash the shell ends at once."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.close()
            self._shell.wait()

    def _say(self, line: str) -> None:
        if self._shell is None or self._shell.stdin is None:
            return
        with suppress(BrokenPipeError):  # Somebody killed it: the children's own ways to end remain.
            self._shell.stdin.write(line.encode("ascii"))
            self._shell.stdin.flush()

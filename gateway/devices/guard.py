"""The guard: a tiny shell that ends every driver's process group when the daemon is gone (decision 0001).

Guarantee: `GRACE_S` after the daemon's end, however it came, the guard sends SIGKILL to every process group
that was added and not deleted. It holds nothing of the daemon but the read end of its own stdin.
"""

from __future__ import annotations

import asyncio
import logging
import os

from gateway.devices.budget import Bucket
from gateway.devices.child import Child
from gateway.devices.pipe import LineWriter

GRACE_S = 1
"""From the daemon's end to SIGKILL: drivers that can close their device do so when their input ends."""
AGAIN_S = 5.0
"""Least time between two starts of the guard, should it be killed."""
SHELL = "/bin/sh"

SCRIPT = f"""\
trap '' HUP INT QUIT TERM PIPE ALRM USR1 USR2
groups=' '
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    del) case $groups in
           *" $group "*) groups="${{groups%%" $group "*}} ${{groups#*" $group "}}" ;;
         esac ;;
  esac
done
set -- $groups
[ $# -eq 0 ] && exit 0
sleep {GRACE_S}
for group; do kill -s KILL -- "-$group"; done
"""
"""POSIX shell, nothing else: runs on dash, bash and busybox. Ignored signals stay ignored in `sleep` too."""

log = logging.getLogger("gateway.devices")


class Guard:
    """Feeds the shell. Killed by someone, it is started again with the groups that are still there."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._shell: Child | None = None
        self._later: asyncio.TimerHandle | None = None
        self._starts = Bucket(1 / AGAIN_S, 1)
        self._running = False

    @property
    def pid(self) -> int | None:
        return None if self._shell is None else self._shell.pid

    def start(self) -> None:
        """Spawn the shell. A machine that cannot is told in the log, and it is tried again."""
        self._loop = asyncio.get_running_loop()
        self._running = True
        self._spawn()

    def add(self, group: int) -> None:
        """From now on this process group is killed when the daemon is gone."""
        self._groups.add(group)
        self._say(f"add {group}\n")

    def delete(self, group: int) -> None:
        """This process group is no more."""
        self._groups.discard(group)
        self._say(f"del {group}\n")

    async def stop(self, timeout_s: float) -> None:
        """End of its input. With no groups left it ends at once; otherwise it kills them and nobody waits."""
        self._running = False
        if self._later is not None:
            self._later.cancel()
        if self._shell is None:
            return
        self._writer.stop()
        self._shell.close_input()
        await self._shell.wait(timeout_s)

    def _spawn(self) -> None:
        self._later = None
        self._starts.spend(self._loop.time(), 1, 0)
        shell = Child([SHELL, "-c", SCRIPT], {"PATH": os.environ.get("PATH", os.defpath)}, self._gone)
        try:
            shell.start(listen=False)
        except OSError as error:
            log.warning("the guard of the drivers does not start: %s. Look at memory and processes", error)
            self._again()
            return
        self._shell = shell
        self._writer = LineWriter(shell.stdin, shell.signal)
        self._writer.start(self._loop)
        for group in sorted(self._groups):
            self._say(f"add {group}\n")

    def _say(self, line: str) -> None:
        if self._shell is not None:
            self._writer.write(line.encode())

    def _gone(self) -> None:
        self._writer.stop()
        self._shell = None
        if self._running:
            log.warning("the guard of the drivers was ended from outside; a new one is started")
            self._again()

    def _again(self) -> None:
        self._later = self._loop.call_later(self._starts.wait(self._loop.time()), self._spawn)

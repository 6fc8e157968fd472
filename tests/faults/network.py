"""A network of our own for one row: its loopback, its rules and its queues are not the machine's, and go with it."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.card import call
from tests.faults.frame import FaultFailed

CLONE_NEWNET = 0x40000000  # sched.h
MTU = "1500"


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and all processes and threads that it starts inside the block, are alone on a loopback of their
    own (unshare(2), setns(2)). Needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _done(libc.unshare(CLONE_NEWNET), "unshare")
        try:
            # As on a wire: else loopback sends 64 kB at once.
            call("ip", "link", "set", "lo", "mtu", MTU, "up")
            yield
        finally:
            _done(libc.setns(before, CLONE_NEWNET), "setns")
    finally:
        os.close(before)


def lose(port: int, share: float) -> None:
    """From now on so many of the packets to and from this port get lost."""
    for side in ("--dport", "--sport"):
        rule = ["-A", "INPUT", "-p", "tcp", side, str(port), "-m", "statistic", "--mode", "random"]
        call("iptables", "-w", *rule, "--probability", str(share), "-j", "DROP")


def packets_lost() -> int:
    """How many packets the rules of `lose` have taken."""
    return sum(int(line.split()[0]) for line in call("iptables", "-w", "-nvxL", "INPUT").splitlines() if "DROP" in line)


def slow_down(port: int, rate: str) -> None:
    """From now on what goes to and from this port has this rate (as tc(8) writes it); all else is free."""
    call("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "10")
    call("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:10", "htb", "rate", "10gbit")
    call("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:20", "htb", "rate", rate, "burst", "4k")
    for side in ("dport", "sport"):
        match = ["match", "ip", side, str(port), "0xffff", "flowid", "1:20"]
        call("tc", "filter", "add", "dev", "lo", "parent", "1:", "protocol", "ip", "u32", *match)


def bytes_slowed() -> int:
    """How many bytes went through the slow class."""
    told = call("tc", "-s", "class", "show", "dev", "lo")
    found = re.search(r"class htb 1:20 .*?Sent (\d+) bytes", told, re.DOTALL)
    return int(found.group(1)) if found else 0


def _done(result: int, what: str) -> None:
    if result != 0:
        raise FaultFailed(f"{what}: {os.strerror(ctypes.get_errno())}")

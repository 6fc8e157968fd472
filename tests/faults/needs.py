"""What a fault needs of the machine, and whether it is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.faults.frame import Fault

ROOT = "root"
POSTGRESQL = "pg_ctl"
PACKAGES = {
    "mosquitto": "mosquitto",
    "strace": "strace",
    "faketime": "faketime",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    POSTGRESQL: "postgresql",
    "iptables": "iptables",
    "tc": "iproute2",
    "ip": "iproute2",
}
"""Program → Debian package."""
CAPABILITIES = 1 << 21 | 1 << 12
SBIN = "/usr/sbin:/sbin"
FAKETIME = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf", "/usr/lib")


def missing(fault: Fault) -> str:
    """Why it cannot run here; empty when it can."""
    wanted = [name for name in ("mosquitto", *fault.needs) if name != ROOT and program(name) is None]
    reasons = [f"needs {name} (apt install {PACKAGES[name]})" for name in wanted]
    if ROOT in fault.needs and not may_mount():
        reasons.insert(0, "needs root, with the right to mount and to make networks")
    return ", ".join(reasons)


def may_mount() -> bool:
    """Whether we are root with CAP_SYS_ADMIN and CAP_NET_ADMIN (capabilities(7)): root in a container often is not."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return os.geteuid() == 0 and effective & CAPABILITIES == CAPABILITIES


def program(name: str) -> str | None:
    """Path of a program, also where Debian keeps those of the administrator."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or shutil.which(name, path=SBIN) or (str(found[-1]) if found else None)


def libfaketime() -> str:
    """The library that tells another time."""
    found = [str(path) for folder in FAKETIME if (path := Path(folder) / "faketime" / "libfaketime.so.1").exists()]
    return found[0] if found else "libfaketime.so.1"

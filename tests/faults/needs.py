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
SBIN = "/usr/sbin:/sbin"
FAKETIME = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf", "/usr/lib")


def missing(fault: Fault) -> str:
    """Why it cannot run here; empty when it can."""
    if fault.not_yet:
        return f"not there yet: {fault.not_yet}"
    wanted = [name for name in ("mosquitto", *fault.needs) if name != ROOT and program(name) is None]
    reasons = [f"needs {name} (apt install {PACKAGES[name]})" for name in wanted]
    if ROOT in fault.needs and os.geteuid() != 0:
        reasons.insert(0, "needs root")
    return ", ".join(reasons)


def program(name: str) -> str | None:
    """Path of a program, also where Debian keeps those of the administrator."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or shutil.which(name, path=SBIN) or (str(found[-1]) if found else None)


def libfaketime() -> str:
    """The library that tells another time."""
    found = [str(path) for folder in FAKETIME if (path := Path(folder) / "faketime" / "libfaketime.so.1").exists()]
    return found[0] if found else "libfaketime.so.1"

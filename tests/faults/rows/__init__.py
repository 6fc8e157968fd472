"""The faults, a file for each kind. The order is that of the table."""

from __future__ import annotations

from tests.faults.frame import Fault
from tests.faults.needs import ROOT
from tests.faults.rows import cut, disk, kill

CARD = (ROOT, "mkfs.ext4", "mount")

_ALL = (
    Fault("kill", "kill -9 at random under load", kill.at_random),
    Fault("kill-at-sync", "kill -9 at every k-th synchronisation", kill.at_each_sync, ("strace",)),
    Fault("power-cut", "power cut by image copy", cut.power_cut, CARD),
    Fault("disk-full", "the disk is full, and has room again", disk.full, CARD),
    Fault("read-only", "the file system goes read-only, and is repaired", disk.read_only, CARD),
    Fault("fsync-eio", "the disk does not confirm", disk.no_sync, ("strace",)),
    Fault("fsync-slow", "the disk is slow to confirm", disk.slow, ("strace",)),
)

FAULTS = {fault.name: fault for fault in _ALL}

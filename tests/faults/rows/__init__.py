"""The faults, a file for each kind. The order is that of the table."""

from __future__ import annotations

from functools import partial

from tests.faults.frame import Fault
from tests.faults.needs import POSTGRESQL, ROOT
from tests.faults.quota_site import QuotaSite
from tests.faults.rows import centre, clock, cut, damage, devices, disk, kill, wire

CARD = (ROOT, "mkfs.ext4", "mount")

_ALL = (
    Fault("kill", "kill -9 at random under load", kill.at_random),
    Fault("kill-at-sync", "kill -9 at every k-th synchronisation", kill.at_each_sync, ("strace",)),
    Fault("cut-at-sync", "power cut at every k-th synchronisation", kill.cut_at_each_sync, (*CARD, "strace")),
    Fault("power-cut", "power cut by image copy", cut.power_cut, CARD),
    Fault("disk-full", "the disk is full, and has room again", disk.full, CARD),
    Fault("read-only", "the file system goes read-only, and is repaired", disk.read_only, CARD),
    Fault("fsync-eio", "the disk does not confirm", disk.no_sync, ("strace",)),
    Fault("fsync-slow", "the disk is slow to confirm", disk.slow, ("strace",)),
    Fault("ledger-flipped", "bytes of ledger.db are turned over", damage.flipped),
    Fault("ledger-torn", "the end of ledger.db is gone", damage.torn),
    Fault("ledger-older", "an older copy of ledger.db is put back", damage.older_copy),
    Fault("clock", "1970, then 56 years later, then an hour less", clock.jumps, ("faketime",)),
    Fault("broker-killed", "the broker is killed after it has confirmed", wire.broker_killed),
    Fault("broker-stopped", "the broker stops answering", wire.broker_stopped),
    Fault("acks-dropped", "acks do not arrive", wire.acks_dropped),
    Fault("black-hole", "packets go nowhere", wire.black_hole),
    Fault("reset", "the link is reset", wire.reset),
    Fault("loss-20", "one packet in five is lost", wire.loss, (ROOT, "iptables", "ip")),
    Fault("256-kbit", "a thin link", wire.thin, (ROOT, "tc", "ip")),
    Fault("centre-killed", "kill -9 of the centre under load", centre.killed),
    Fault("worker-killed", "two intake workers, one is killed", centre.worker_killed),
    Fault("postgresql", "PostgreSQL is restarted", centre.postgres_restarted, (POSTGRESQL,)),
    Fault("house-killed", "kill -9 of the daemon with all its drivers", devices.house_killed),
    Fault("printer-driver", "kill -9 of the printer's driver in a receipt", devices.printer_driver_killed),
    Fault("quota-kill", "quotas at stake: kill -9 at random", partial(kill.at_random, make=QuotaSite)),
    Fault("quota-sync", "quotas at stake: kill -9 at syncs", partial(kill.at_each_sync, make=QuotaSite), ("strace",)),
    Fault("quota-cut", "quotas at stake: power cut", partial(cut.power_cut, make=QuotaSite), CARD),
    Fault("quota-older", "quotas at stake: an older copy", partial(damage.older_copy, make=QuotaSite)),
    Fault("quota-black-hole", "quotas at stake: one gateway is cut off", partial(wire.black_hole, make=QuotaSite)),
    Fault("quota-deaf", "quotas at stake: no answers", partial(wire.acks_dropped, make=QuotaSite)),
    Fault("quota-centre", "quotas at stake: kill -9 of the centre", partial(centre.killed, make=QuotaSite)),
)

FAULTS = {fault.name: fault for fault in _ALL}

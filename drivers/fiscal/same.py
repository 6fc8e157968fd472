"""Whether the device at the cable is the one that a work was begun on. Pure.

Behind one name there may be another device by now: somebody has changed the option `port` or `family`, the cable, the
printer itself. Its counters know nothing of the work, and may fit it by chance. So a work is settled only by a device
that says the numbers that were stored before anything of it was sent; one that says none may be any.
"""

from __future__ import annotations

from drivers.contract.printer import Baseline, Outcome
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason
from drivers.fiscal.said import Identity


def other_device(ending: Ending, here: Identity, *, line_kept: bool = False) -> Outcome | None:
    """None when it is the same device, else the outcome that says why it cannot be taken for that. `line_kept`: the
    work was begun by this very process on this very port, which is enough for a device that tells no number at all."""
    before = ending.baseline
    pairs = ((before.serial, here.serial), (before.fiscal_memory, here.fiscal_memory))
    for was, now in pairs:
        if was and now and was != now:
            return ending.unknown(Reason.OTHER_DEVICE, f"it was begun on device {_name(before)}, this is {now}")
    if any(was and now for was, now in pairs):
        return None
    if before.serial or before.fiscal_memory:
        what = f"it was begun on device {_name(before)}, and this one does not say which it is"
        return ending.unknown(Reason.DEVICE_NOT_TOLD, what)
    if here.serial or here.fiscal_memory or not line_kept:
        return ending.unknown(Reason.DEVICE_NOT_TOLD, "the device that it was begun on did not say which it is")
    return None


def _name(before: Baseline) -> str:
    return before.serial or f"with fiscal memory {before.fiscal_memory}"

"""A device's clock tells local time without an offset: which moment that is, and whether summer time holds then.

Local is where the process is: the gateway gives a driver the place's zone (`TZ`, docs/driver-contract.md). libc knows
the rules of its zones, so that a driver needs no library for them.

When the clocks are put back an hour comes twice: what is told in it is taken for the moment that is nearer to now. What
is told of the hour that is left out in spring comes from a clock that has not been put forward yet: it is taken so, and
an hour later the difference shows.
"""

from __future__ import annotations

import time
from datetime import datetime


def off_s(device_time: str, now_s: float) -> float:
    """By how many seconds a device's clock is ahead (behind: negative). `now_s`: seconds since 1970 in UTC, when it was
    told. Raises `ValueError` when it is no time."""
    return _moment(device_time, now_s) - now_s


def is_summer(device_time: str, now_s: float) -> bool:
    """Whether summer time holds at this local time. Raises `ValueError` when it is no time."""
    return time.localtime(_moment(device_time, now_s)).tm_isdst > 0


def _moment(device_time: str, now_s: float) -> float:
    told = datetime.fromisoformat(device_time)
    # Without a zone of its own, `timestamp` asks libc; `fold` is the second of two such hours (PEP 495).
    moments = (told.replace(fold=fold).timestamp() for fold in (0, 1))
    return min(moments, key=lambda moment: abs(moment - now_s))

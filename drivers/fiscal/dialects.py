"""The families that this driver speaks, by the name that the option `family` gives them. A family's code is loaded when
it is the one that is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.fiscal.dialect import Clerk, Dialect
from drivers.fiscal.said import Identity


class Spoken(msgspec.Struct, frozen=True):
    """How a family's dialect is made, what it becomes when the device has said who it is, and which commands may be
    sent as they are: those that only read, feed or cut paper, or open the drawer. An allow list: what is not on it may
    sell, pay, close, move cash, set the clock or end the day."""

    make: Callable[[Clerk], Dialect]
    raw: frozenset[int]
    known: Callable[[Dialect, Identity], Dialect] = lambda dialect, identity: dialect


def _datecs_v1_a(clerk: Clerk) -> Dialect:
    from drivers.fiscal.datecs_v1_dialect import DatecsV1
    from drivers.fiscal.datecs_v1_family import DATECS_V1_A

    return DatecsV1(DATECS_V1_A, clerk)


def _datecs_v1_b(clerk: Clerk) -> Dialect:
    from drivers.fiscal.datecs_v1_dialect import DatecsV1
    from drivers.fiscal.datecs_v1_family import DATECS_V1_B

    return DatecsV1(DATECS_V1_B, clerk)


def _datecs_v2(clerk: Clerk) -> Dialect:
    from drivers.fiscal.datecs_v2_dialect import DatecsV2
    from drivers.fiscal.datecs_v2_family import DATECS_V2

    return DatecsV2(DATECS_V2, clerk)


def _this_datecs_v2(dialect: Dialect, identity: Identity) -> Dialect:
    from drivers.fiscal.datecs_v2_dialect import DatecsV2

    return dialect.known(identity) if isinstance(dialect, DatecsV2) else dialect


def _tremol(clerk: Clerk) -> Dialect:
    from drivers.fiscal.zfp_dialect import Tremol
    from drivers.fiscal.zfp_family import TREMOL

    return Tremol(TREMOL, clerk)


_RAW_V1_A = frozenset({32, 33, 35, 44, 45, 47, 62, 63, 64, 65, 68, 74, 76, 80, 86, 90, 97, 99, 103, 106, 110, 113})
_RAW_V1_B = frozenset({33, 35, 44, 47, 62, 63, 64, 65, 68, 74, 76, 80, 86, 90, 97, 99, 103, 106, 110, 113})
_RAW_V2 = frozenset({44, 46, 50, 62, 64, 65, 68, 74, 76, 80, 86, 90, 99, 100, 103, 106, 110, 112, 123})
_RAW_ZFP = frozenset({0x20, 0x21, 0x29, 0x2A, 0x2B, 0x60, 0x61, 0x62, 0x68, 0x6D, 0x6E, 0x71, 0x72})

SPOKEN: Mapping[str, Spoken] = {
    "datecs-v1": Spoken(_datecs_v1_a, _RAW_V1_A),
    "datecs-v1b": Spoken(_datecs_v1_b, _RAW_V1_B),
    "datecs-v2": Spoken(_datecs_v2, _RAW_V2, _this_datecs_v2),
    "tremol": Spoken(_tremol, _RAW_ZFP),
}
"""Sources of the allow lists: the protocol documents that the dialects name. Not 46 in version 1 (a reversal) and not
45 in version 2 (it can switch printing off); not 70, whose DATA alone tells reading from moving cash; not 48, which
opens."""


def dialect_of(family: str, clerk: Clerk) -> Dialect:
    """The dialect of a family. A clerk without a password has the factory's. Raises `KeyError`."""
    spoken = SPOKEN[family]
    made = spoken.make(clerk)
    if clerk.password or not made.family.default_password:
        return made
    return spoken.make(msgspec.structs.replace(clerk, password=made.family.default_password))

"""The ble driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_UUID = r"[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"
_BEACON = (
    rf"^((ibeacon|altbeacon):{_UUID}:[0-9]{{1,5}}:[0-9]{{1,5}}|eddystone:[0-9A-Fa-f]{{20}}:[0-9A-Fa-f]{{12}})$(?!\n)"
)
_FAMILY = rf"^((ibeacon|altbeacon):{_UUID}(:[0-9]{{1,5}})?|eddystone:[0-9A-Fa-f]{{20}})$(?!\n)"

BeaconId = Annotated[
    str,
    Meta(
        pattern=_BEACON,
        description="ibeacon:UUID:MAJOR:MINOR, altbeacon:ID:MAJOR:MINOR or eddystone:NAMESPACE:INSTANCE",
    ),
]
Family = Annotated[
    str,
    Meta(
        pattern=_FAMILY,
        description="What all of them have in common: ibeacon:UUID, ibeacon:UUID:MAJOR, altbeacon:ID or "
        "eddystone:NAMESPACE",
    ),
]
Dbm = Annotated[int, Meta(ge=-110, le=-20)]


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A beacon of the place's own that hangs somewhere and has to be looked after."""

    id: BeaconId
    name: Annotated[str, Meta(min_length=1, max_length=40, description="What people call it, such as `hall`")]


class Frame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the place's adapter sends as a beacon itself: `id`, or `url` as an Eddystone-URL."""

    id: BeaconId | None = None
    url: Annotated[str, Meta(pattern=r"^https?://[!-~]{1,40}$(?!\n)")] | None = None
    power_dbm: Annotated[
        int, Meta(ge=-100, le=20, description="Measured: at 1 m for ibeacon, at 0 m for eddystone and url")
    ] = -59

    def __post_init__(self) -> None:
        if (self.id is None) == (self.url is None):
            raise ValueError("advertise takes either id or url")
        if self.url is not None and len(compress(self.url)) > URL_MAX:
            raise ValueError(f"url takes more than {URL_MAX} bytes as an Eddystone-URL: shorten it")
        if self.id is not None and canonical(self.id).startswith("altbeacon"):
            raise ValueError("an altbeacon needs a company identifier of its own: advertise ibeacon, eddystone or url")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which adapter, which beacons count, and what is near.

    -70 and -80 dBm: some three metres from a beacon of -59 dBm at 1 m, and 10 dB below it, which a body in between
    takes away. 10 s unseen: wearables send each second, and one in three is lost in a crowd. New levels count 30 %:
    a jump of 20 dB is through after four of them.
    """

    adapter: Annotated[
        str,
        Meta(
            pattern=r"^(|hci[0-9]{1,2}|([0-9A-F]{2}:){5}[0-9A-F]{2})$(?!\n)",
            description="Address of the adapter (stays with it in any socket) or its name; empty if there is only one",
        ),
    ] = ""
    bus: Annotated[
        str, Meta(max_length=200, pattern=r"^[!-~]*$(?!\n)", description="D-Bus address; empty: the system's own bus")
    ] = ""
    mode: Annotated[Literal["active", "passive"], Meta(description="Active is the dependable one")] = "active"
    people: Annotated[
        tuple[Family, ...], Meta(max_length=16, description="Families of beacons that people wear as credentials")
    ] = ()
    phone_keys: Annotated[
        str, Meta(pattern=r"^(|/[!-~]+)$(?!\n)", description="File with the phones' IRKs, mode 0600; empty: no phones")
    ] = ""
    own: Annotated[tuple[Own, ...], Meta(max_length=100, description="The place's own beacons")] = ()
    enter_dbm: Annotated[Dbm, Meta(description="dBm, smoothed, from which on somebody is near")] = -70
    leave_dbm: Annotated[Dbm, Meta(description="dBm, smoothed, below which somebody has gone")] = -80
    unseen_s: Annotated[int, Meta(ge=1, le=600, description="Seconds unheard after which somebody has gone")] = 10
    weight_percent: Annotated[
        int, Meta(ge=5, le=100, description="How much a new level counts against those before; 100: no smoothing")
    ] = 30
    sightings: Annotated[
        int, Meta(ge=1, le=20, description="So often heard at `enter_dbm` or more before somebody is near")
    ] = 2
    silent_min: Annotated[int, Meta(ge=1, le=10_080, description="Minutes unheard: a beacon of our own is silent")] = 30
    battery_mv: Annotated[int, Meta(ge=0, le=6000, description="Below so many mV a battery is low; 0: never")] = 2400
    watchdog_s: Annotated[
        int, Meta(ge=1, le=3600, description="Seconds without any advertisement: scanning is started again")
    ] = 60
    advertise: Frame | None = None

    def __post_init__(self) -> None:
        if self.leave_dbm >= self.enter_dbm:
            raise ValueError("leave_dbm must be below enter_dbm")
        if self.mode == "passive" and self.phone_keys:
            raise ValueError("passive scanning hears only patterns known before: phones need mode active")
        ids = [canonical(one.id) for one in self.own]
        if len(set(ids)) != len(ids) or len({one.name for one in self.own}) != len(ids):
            raise ValueError("an own beacon stands there twice")
        for family in self.people:
            canonical(family)


def canonical(text: str) -> str:
    """An id or a family as it is compared: lower-case, no hyphens, plain numbers. Raises `ValueError`."""
    kind, first, *rest = text.lower().replace("-", "").split(":")
    if kind == "eddystone":
        return ":".join((kind, first, *rest))
    numbers = [int(number) for number in rest]
    if any(number > 0xFFFF for number in numbers):
        raise ValueError("major and minor are 0 to 65535")
    return ":".join((kind, first, *map(str, numbers)))


URL_MAX = 17
"""Bytes of the compressed URL after its scheme. Eddystone Protocol Specification, Eddystone-URL, "Frame
Specification"."""
_SCHEMES = ("http://www.", "https://www.", "http://", "https://")
_ENDS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")


def compress(url: str) -> bytes:
    """A URL as Eddystone-URL writes it, without the byte of its scheme (`scheme`). Same source, "Eddystone-URL HTTP URL
    encoding": 0x00 to 0x06 stand for `.com/` and so on, 0x07 to 0x0d for the same without the slash."""
    rest = url[len(_SCHEMES[scheme(url)]) :]
    for at, end in enumerate(_ENDS):
        rest = rest.replace(end + "/", chr(at)).replace(end, chr(at + 7))
    return rest.encode("ascii")


def scheme(url: str) -> int:
    """The byte of its scheme. Same source, "URL Scheme Prefix"."""
    return next(at for at, start in enumerate(_SCHEMES) if url.startswith(start))

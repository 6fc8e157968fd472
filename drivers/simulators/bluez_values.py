"""Values of BlueZ's objects (doc/org.bluez.Device.rst)."""

from __future__ import annotations

from typing import Any

from dbus_fast import Variant

from drivers.simulators.beacons import Advertised


def told(rssi: int, sent: Advertised) -> dict[str, Variant]:
    """What one advertisement changes about a device."""
    now = {"RSSI": Variant("n", rssi)}
    if sent.manufacturer:
        data = {company: Variant("ay", content) for company, content in sent.manufacturer.items()}
        now["ManufacturerData"] = Variant("a{qv}", data)
    if sent.service:
        content = {uuid: Variant("ay", data) for uuid, data in sent.service.items()}
        now["ServiceData"] = Variant("a{sv}", content)
    return now


def device(adapter: str, address: str, random: bool) -> dict[str, Variant]:
    """A device that nobody has heard before."""
    return {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random" if random else "public"),
        "Adapter": Variant("o", adapter),
        "Alias": Variant("s", address.replace(":", "-")),
        "Paired": Variant("b", False),
        "Connected": Variant("b", False),
        "UUIDs": Variant("as", []),
    }


def plain(value: Any) -> Any:
    """A variant's content, variants within it as well."""
    content = value.value if isinstance(value, Variant) else value
    if isinstance(content, dict):
        return {key: plain(one) for key, one in content.items()}
    return content

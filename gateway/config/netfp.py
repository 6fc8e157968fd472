"""What the section [netfp] may say: who may be let in from where, and which printers there are."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from gateway.config.types import Configuration, NetfpSection
from gateway.model.errors import ConfigurationError

Wrong = Callable[[Sequence[str | int], str, str], ConfigurationError]
"""The error for what stands at a path: what is wrong, what to do."""

PRINTER = "fiscal"
"""The driver of fiscal printers; what one that is not ours drives, only its hello says."""
TAKEN = "taskinfo"
"""What stands in the place of a printer's id in an address of its own."""


def check_netfp(configuration: Configuration, wrong: Wrong) -> None:
    """Raises `ConfigurationError`."""
    netfp = configuration.netfp
    if netfp is None:
        return
    _check_address(netfp, wrong)
    if netfp.port and netfp.port == configuration.api.port and netfp.address == configuration.api.address:
        advice = "Give each its own; ErpNet.FP's clients expect 8001"
        raise wrong(("netfp", "port"), f"port {netfp.port} is that of [api]", advice)
    known = {device.id: device for device in configuration.device}
    names: set[str] = set()
    devices: dict[str, str] = {}
    for name, device in netfp.printers.items():
        path = ("netfp", "printers", name)
        if name.lower() in names or name.lower() == TAKEN:
            raise wrong(path, f"{name!r} cannot be a printer's id here", "Choose another one")
        if device not in known:
            raise wrong(path, f"there is no device {device!r}", f"Devices here: {', '.join(sorted(known)) or 'none'}")
        if known[device].driver != PRINTER and not known[device].command:
            raise wrong(path, f"{device!r} is no fiscal printer", f"Name a device whose driver is {PRINTER!r}")
        if device in devices:
            raise wrong(path, f"{device!r} is printer {devices[device]!r} already", "Name each device once")
        names.add(name.lower())
        devices[device] = name


def _check_address(netfp: NetfpSection, wrong: Wrong) -> None:
    try:
        local = ipaddress.ip_address(netfp.address).is_loopback
    except ValueError:
        raise wrong(("netfp", "address"), f"{netfp.address!r} is no address", "Write one such as 192.168.4.2") from None
    if (netfp.certificate is None) != (netfp.certificate_key is None):
        raise wrong(("netfp",), "certificate and certificate_key go together", "Give both or none")
    if local:
        return
    if not netfp.tokens:
        advice = 'Give each client a token: tokens.till-2 = "till-2.token"'
        raise wrong(("netfp", "address"), "from the network anybody could print receipts", advice)
    if netfp.certificate is None and not netfp.plain:
        advice = "Give certificate and certificate_key; or plain = true where nobody else is on that network"
        raise wrong(("netfp", "address"), "tokens would cross the network in the clear", advice)

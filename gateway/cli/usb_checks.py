"""Checks of devices on USB that a configuration names by number or socket, in what the kernel lists. Read only."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.cli.finding import Check, Level

PREFIX = "usb:"
DEVICES, NODES = Path("/sys/bus/usb/devices"), Path("/dev/bus/usb")


def usb_check(device: str, port: str, devices: Path = DEVICES, nodes: Path = NODES) -> Check:
    """One device: there, once, may be opened, and not in the hands of a driver of the kernel."""
    name = f"port of {device}"
    found = [folder for folder in sorted(devices.glob("*")) if _is(folder, port.removeprefix(PREFIX))]
    if not found:
        return Check(name, Level.FAIL, f"no device {port} is plugged in", "Plug it in, or correct the port: see lsusb")
    if len(found) > 1:
        advice = f"Add its serial number, or name its socket: {', '.join(PREFIX + folder.name for folder in found)}"
        return Check(name, Level.FAIL, f"{len(found)} devices are {port}", advice)
    (folder,) = found
    for interface in sorted(devices.glob(f"{folder.name}:*")):
        taken = (interface / "driver").resolve().name
        if (interface / "driver").exists() and taken != "usbfs":
            advice = f"sudo rmmod {taken}, and install smartplace.modprobe.conf (docs/install.md)"
            return Check(name, Level.FAIL, f"{port} is taken by the kernel's driver {taken}", advice)
    node = nodes / _number(folder, "busnum") / _number(folder, "devnum")
    if not os.access(node, os.R_OK | os.W_OK):
        advice = "Run this as the gateway's user; or install the project's udev rules and plug it in again"
        return Check(name, Level.FAIL, f"{port} ({node}) may not be opened by this user", advice)
    return Check(name, Level.PASS, f"{port} in socket {folder.name}")


def _is(folder: Path, wanted: str) -> bool:
    if folder.name == wanted:
        return True
    vendor, product, serial = _said(folder, "idVendor"), _said(folder, "idProduct"), _said(folder, "serial")
    numbers = f"{vendor}:{product}"
    return bool(vendor) and (wanted[:9].lower(), wanted[9:]) in {(numbers, ""), (numbers, f":{serial}")}


def _number(folder: Path, name: str) -> str:
    said = _said(folder, name)
    return f"{int(said):03}" if said.isdecimal() else ""


def _said(folder: Path, name: str) -> str:
    """What the kernel says of a device; empty when it says nothing."""
    try:
        return (folder / name).read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""

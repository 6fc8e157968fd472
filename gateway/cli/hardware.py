"""Checks of what single drivers need of the machine, for `smartplace doctor`. Read only: nothing is opened that would
answer differently afterwards."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.cli.finding import Check, Level
from gateway.config.load import Loaded

_USB_MAJOR = 180
"""USB devices with a file of their own, printers (usblp) among them."""
_INPUT_MAJOR = 13
"""Input devices (Linux, Documentation/admin-guide/devices.txt)."""


class Machine(NamedTuple):
    """Where the machine tells of itself."""

    bluetooth: Path = Path("/sys/class/bluetooth")
    system_bus: Path = Path("/run/dbus/system_bus_socket")
    devices: Path = Path("/dev")


MACHINE = Machine()


def hardware_checks(loaded: Loaded, machine: Machine = MACHINE) -> Iterator[Check]:
    """Of every device that has something of its own to look at."""
    for device in loaded.configuration.device:
        match device.driver:
            case "ble":
                yield from _bluetooth(device.id, device.options, machine)
            case "scanner":
                yield from _scanner(device.id, device.options)
            case "slip":
                yield from _slip(device.id, device.options)
            case "wedge":
                yield _wedge(device.id, Path(str(device.options.get("port", "/dev/uinput"))))
            case "wiegand":
                yield from _wiegand(device.id, device.options, machine)
            case _:
                continue


def _bluetooth(device: str, options: Mapping[str, Any], machine: Machine) -> Iterator[Check]:
    name = f"bluetooth of {device}"
    # A connection has a name such as hci0:64 beside its adapter's.
    adapters = sorted(path for path in machine.bluetooth.glob("hci*") if ":" not in path.name)
    if not adapters:
        advice = "Plug an adapter in; a Pi's own may be switched off in config.txt (dtoverlay=disable-bt)"
        yield Check(name, Level.FAIL, "this machine has no Bluetooth adapter", advice)
        return
    off = [path.name for path in adapters if any(_blocked(switch) for switch in path.glob("rfkill*"))]
    if len(off) == len(adapters):
        advice = "rfkill unblock bluetooth; a hard block is a switch of the machine"
        yield Check(name, Level.FAIL, f"{', '.join(off)} is switched off (rfkill)", advice)
    elif str(options.get("adapter", "")).startswith("hci") and len(adapters) > 1:
        cause = f"{options['adapter']} may be another adapter after the next start: there are {len(adapters)}"
        yield Check(name, Level.WARN, cause, "Write its address into `adapter`: bluetoothctl list")
    else:
        yield Check(name, Level.PASS, ", ".join(path.name for path in adapters if path.name not in off))
    if not options.get("bus") and not _is_socket(machine.system_bus):
        yield Check(f"bus of {device}", Level.FAIL, f"{machine.system_bus} is no socket", "apt install dbus bluez")


def _blocked(switch: Path) -> bool:
    """Soft or hard (Linux, Documentation/ABI/stable/sysfs-class-rfkill)."""
    try:
        return any((switch / kind).read_text(encoding="ascii").strip() == "1" for kind in ("soft", "hard"))
    except OSError:
        return False


def _scanner(device: str, options: Mapping[str, Any]) -> Iterator[Check]:
    """Whether the port is of the kind that `mode` says; whether it is there is looked at with all ports."""
    port, keyboard = Path(str(options.get("port"))), options.get("mode") == "keyboard"
    try:
        about = port.stat()
    except OSError:
        return
    if not stat.S_ISCHR(about.st_mode) or (os.major(about.st_rdev) == _INPUT_MAJOR) == keyboard:
        return
    wrong, right = ("serial port", "serial") if keyboard else ("keyboard", "keyboard")
    yield Check(
        f"mode of {device}",
        Level.FAIL,
        f"{port} is a {wrong}",
        f'Set `mode = "{right}"`, or the scanner to the other interface with its setting codes',
    )


def _slip(device: str, options: Mapping[str, Any]) -> Iterator[Check]:
    """Whether the port is of the kind that `line` says; whether it is there is looked at with all ports."""
    port, usb = Path(str(options.get("port"))), options.get("line") == "usb"
    if re.fullmatch(r"/dev/usb/lp\d+", str(port)):
        cause = f"{port} may be another printer after the next start"
        yield Check(f"name of {device}", Level.WARN, cause, "Give it a name by udev: docs/drivers/slip.md, Its port")
    try:
        about = port.stat()
    except OSError:
        return
    if not stat.S_ISCHR(about.st_mode) or (os.major(about.st_rdev) == _USB_MAJOR) == usb:
        return
    wrong, right = ("no USB printer", "serial") if usb else ("the file of a USB printer", "usb")
    yield Check(f"line of {device}", Level.FAIL, f"{port} is {wrong}", f'Set `line = "{right}"`, or correct `port`')


def _wedge(device: str, port: Path) -> Check:
    name = f"port of {device}"
    try:
        mode = port.stat().st_mode
    except OSError as error:
        advice = "modprobe uinput, and a file in /etc/modules-load.d; or correct `port`"
        return Check(name, Level.FAIL, f"{port}: {error.strerror or error}", advice)
    if not stat.S_ISCHR(mode) and not stat.S_ISFIFO(mode):
        return Check(name, Level.FAIL, f"{port} makes no keyboard", "Name /dev/uinput")
    if mode & stat.S_IWOTH:
        cause = f"everybody on this machine may write to {port}, and so type anything"
        return Check(name, Level.FAIL, cause, "Take the rule for uinput of the project's udev rules")
    if not os.access(port, os.W_OK):
        advice = "Run this as the gateway's user, or give it access: docs/drivers/wedge.md, Setting the machine up"
        return Check(name, Level.FAIL, f"{port} may not be written to by this user", advice)
    return Check(name, Level.PASS, str(port))


def _wiegand(device: str, options: Mapping[str, Any], machine: Machine) -> Iterator[Check]:
    if isinstance(edges := options.get("edges"), str):
        yield _edges(f"edges of {device}", Path(edges))
        return
    chip, name = str(options.get("chip", "/dev/gpiochip0")), f"chip of {device}"
    chips = sorted(machine.devices.glob("gpiochip*"))
    if not chips:
        cause = "this machine has no GPIO chip that its kernel knows"
        yield Check(name, Level.FAIL, cause, "Wiegand wires need a board with pins, such as a Pi")
    elif len(chips) > 1 and Path(chip).name.startswith("gpiochip"):
        cause = f"{chip} may be another chip with the next kernel: there are {len(chips)}"
        yield Check(name, Level.WARN, cause, "Write its label into `chip`: gpiodetect shows it in brackets")


def _edges(name: str, pipe: Path) -> Check:
    try:
        mode = pipe.stat().st_mode
    except OSError as error:
        return Check(name, Level.FAIL, f"{pipe}: {error.strerror or error}", "Start what feeds it")
    if not stat.S_ISFIFO(mode):
        return Check(name, Level.FAIL, f"{pipe} is no pipe", "mkfifo it, owned by the gateway's user, mode 0600")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        cause = f"others may write to {pipe}, and so present any card"
        return Check(name, Level.FAIL, cause, f"chmod 600 {pipe}, owned by the gateway's user")
    return Check(name, Level.PASS, str(pipe))


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False

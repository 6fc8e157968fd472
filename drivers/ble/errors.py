"""What can go wrong between us, BlueZ and beacons: closed codes, what was seen, what to do."""

from __future__ import annotations

from enum import StrEnum

from drivers.contract.core import Problem
from drivers.driver import DeviceError


class Code(StrEnum):
    """Every problem that this driver can report. The last three leave the device ready: beacons want looking after."""

    NO_BUS = "no_bus"
    NO_SERVICE = "no_service"
    DENIED = "denied"
    NO_ADAPTER = "no_adapter"
    SEVERAL = "several"
    UNPLUGGED = "unplugged"
    POWERED_OFF = "powered_off"
    BUSY = "busy"
    NO_PASSIVE = "no_passive"
    NO_ADVERTISING = "no_advertising"
    HUNG = "hung"
    KEYS = "keys"
    FAILED = "failed"
    BEACON_SILENT = "beacon_silent"
    BATTERY_LOW = "battery_low"
    NOTHING_HEARD = "nothing_heard"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_BUS: (
        "there is no D-Bus at {bus}",
        "Start it (`systemctl start dbus.socket`), or leave `bus` out of the options",
    ),
    Code.NO_SERVICE: (
        "bluetoothd does not run",
        "Install it (`apt install bluez`) and start it: `systemctl enable --now bluetooth`",
    ),
    Code.DENIED: (
        "BlueZ refuses this user",
        "Put the gateway's user into the group bluetooth (`usermod -aG bluetooth smartplace`) and restart the gateway",
    ),
    Code.NO_ADAPTER: (
        "BlueZ knows no adapter {wanted}; it knows {known}",
        "Plug the adapter in, correct `adapter`; `bluetoothctl list` shows what is there",
    ),
    Code.SEVERAL: (
        "BlueZ knows several adapters: {known}",
        "Write the address of the one that is meant into `adapter`",
    ),
    Code.UNPLUGGED: (
        "adapter {wanted} went away",
        "Plug it in again; if it keeps happening, use a shorter cable or a powered hub",
    ),
    Code.POWERED_OFF: (
        "adapter {wanted} is switched off",
        "`rfkill unblock bluetooth`, then `bluetoothctl power on`; AutoEnable=true in bluetooth/main.conf keeps it on",
    ),
    Code.BUSY: (
        "another program keeps BlueZ from scanning",
        "Stop it (often a pairing dialogue or another scanner), or restart bluetooth: `systemctl restart bluetooth`",
    ),
    Code.NO_PASSIVE: (
        "this BlueZ cannot scan passively: {why}",
        'Set `mode = "active"`, or start BlueZ 5.56 or newer with --experimental on a kernel of 5.10 or newer',
    ),
    Code.NO_ADVERTISING: (
        "BlueZ does not send our own beacon: {why}",
        "Leave out `advertise`, or stop what else advertises; `bluetoothctl show` says how many may",
    ),
    Code.HUNG: (
        "bluetoothd does not answer",
        "It is tried again by itself; if this goes on: `systemctl restart bluetooth`, then restart the box",
    ),
    Code.KEYS: (
        "the phones' keys in {path} cannot be used: {why}",
        "Give the file mode 0600 and one line NAME = 32 hex digits for each phone",
    ),
    Code.FAILED: (
        "BlueZ answers with {why}",
        "It is tried again by itself; `journalctl -u bluetooth` says more",
    ),
    Code.BEACON_SILENT: (
        "not heard for {minutes} min: {names}",
        "Look whether it still hangs where it should, and change its battery",
    ),
    Code.BATTERY_LOW: (
        "battery low: {names}",
        "Change its battery within the next weeks",
    ),
    Code.NOTHING_HEARD: (
        "no advertisement at all for {seconds} s; the scanner was started again {times} times",
        "Look at the adapter and its antenna; if beacons are near: unplug it and plug it in again, or restart the box",
    ),
}
"""Cause template and advice of each code."""

BY_NAME = {
    "org.freedesktop.DBus.Error.ServiceUnknown": Code.NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Code.NO_SERVICE,
    "org.freedesktop.DBus.Error.TimedOut": Code.NO_SERVICE,
    "org.freedesktop.DBus.Error.AccessDenied": Code.DENIED,
    "org.freedesktop.DBus.Error.NoReply": Code.HUNG,
    "org.bluez.Error.NotReady": Code.POWERED_OFF,
    "org.bluez.Error.InProgress": Code.BUSY,
    "org.freedesktop.DBus.Error.UnknownObject": Code.UNPLUGGED,
    "org.freedesktop.DBus.Error.UnknownMethod": Code.UNPLUGGED,
}
"""What error names of D-Bus (D-Bus Specification, Message Bus Messages) and of BlueZ (doc/org.bluez.Adapter.rst) mean.
`NoReply` also comes when bluetoothd dies amid a call."""
_ACTIVATION = ("org.freedesktop.systemd1.", "org.freedesktop.DBus.Error.Spawn.")
"""bluetoothd was to be started for us, and could not be."""


def problem(code: Code, **seen: object) -> Problem:
    """The problem of this code, for people. `seen` fills in its cause."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(**seen), advice)


def fault(code: Code, **seen: object) -> DeviceError:
    """The same, to be raised."""
    return DeviceError(problem(code, **seen))


def of_bluez(name: str, adapter: str) -> DeviceError:
    """What an error of this name, met while using that adapter, means."""
    code = Code.NO_SERVICE if name.startswith(_ACTIVATION) else BY_NAME.get(name, Code.FAILED)
    return fault(code, wanted=adapter, why=name)

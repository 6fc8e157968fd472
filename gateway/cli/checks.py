"""Checks of what a configuration names: keys and their modes, ports, devices that nobody uses. Read only."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gateway.cli.finding import Check, Level
from gateway.cli.usb_checks import PREFIX, usb_check
from gateway.config.load import Loaded
from gateway.config.types import DeskStation
from gateway.model.errors import GatewayError

_DESFIRE_KEY = re.compile(r"(?:\d{1,3}\s+)?[0-9A-Fa-f]{32}")
_PHONE_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\s*=\s*[0-9A-Fa-f]{32}")
_OWN_PORTS = frozenset({"wedge"})
"""Drivers whose `port` is looked at in `gateway.cli.hardware`."""
PCSCD_SOCKET = Path("/run/pcscd/pcscd.comm")
"""Where pcscd, or systemd for it, waits for its clients."""


def file_checks(loaded: Loaded) -> Iterator[Check]:
    """What the configuration names, apart from the machine: keys, and devices without a station."""
    yield from key_checks(loaded)
    used = {device for station in loaded.configuration.station for device in _devices(station)}
    for device in loaded.configuration.device:
        if device.id not in used:
            advice = "Name it in a station, or take it out"
            yield Check(f"device {device.id}", Level.WARN, "no station uses it", advice)


def key_checks(loaded: Loaded) -> Iterator[Check]:
    """Every file with a key or a password: there, readable, for nobody else, and what it should be."""
    from gateway.identity.keys import read_issuer, read_secret, read_trust
    from gateway.wire.bundle import parse_public_key

    keys, sync = loaded.configuration.keys, loaded.configuration.sync
    secrets = (
        ("keys.card", keys.card, 32),
        ("keys.sun_meta", keys.sun_meta, 16),
        ("keys.sun_master", keys.sun_master, 16),
    )
    for name, relative, size in secrets:
        if relative is not None:
            yield _key(name, loaded.path(relative), partial(read_secret, size=size, what="key"))
    for relative in keys.bundles:
        yield _key("keys.bundles", loaded.path(relative), lambda path: parse_public_key(path.read_text("utf-8")))
    for issuer, relative in keys.passes.items():
        yield _key(f"keys.passes.{issuer}", loaded.path(relative), partial(read_issuer, issuer=issuer))
    if keys.trust is not None:
        yield _key("keys.trust", loaded.path(keys.trust), read_trust)
    for name, relative in (("sync.ca", sync.ca), ("sync.certificate", sync.certificate)):
        if relative is not None:
            yield _key(name, loaded.path(relative), _nothing_more)
    for name, relative in (("sync.certificate_key", sync.certificate_key), ("sync.password", sync.password)):
        if relative is not None:
            yield _key(name, loaded.path(relative), _for_nobody_else)
    for station in loaded.configuration.station:
        if isinstance(station, DeskStation) and station.staff is not None:
            yield _key(
                f"staff of {station.id}", loaded.path(station.staff), partial(read_secret, size=16, what="token")
            )
    for device in loaded.configuration.device:
        for place, path in _device_keys(device.options):
            yield _key(f"key of {device.id}{place}", Path(path), partial(read_secret, size=16, what="key"))
        for name, read in _DEVICE_SECRETS.get(device.driver, {}).items():
            if isinstance(file := device.options.get(name), str) and file:
                yield _key(f"{name} of {device.id}", Path(file), read)
        desfire = device.options.get("desfire")
        # A name without / is handed over by systemd to the daemon alone: its driver says what it finds.
        if isinstance(desfire, dict) and str(desfire.get("key_file")).startswith("/"):
            yield _key(f"keys of {device.id}", Path(desfire["key_file"]), _desfire_keys)


def _device_keys(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key files that a driver reads itself (`osdp`: one for each reader), with what tells them apart."""
    for reader in options.get("readers", ()):
        if isinstance(reader, dict) and isinstance(path := reader.get("key"), str):
            yield f", reader {reader.get('address')}", path


def port_checks(loaded: Loaded) -> Iterator[Check]:
    """The device files of all devices: there, accessible, by a name that stays, each for one device."""
    taken: dict[str, str] = {}
    for device in loaded.configuration.device:
        if device.driver in _OWN_PORTS:
            continue
        for name in ("port", "source", "chip"):
            path = device.options.get(name)
            # A camera's source may be a URL or a recording: only device files are looked at.
            if isinstance(path, str) and path.startswith("/" if name == "port" else "/dev/"):
                # The lines of one GPIO chip may serve many devices.
                shared = name == "chip" or device.options.get("board") == "gpio"
                yield _port(device.id, Path(path), {} if shared else taken)
            elif isinstance(path, str) and path.startswith(PREFIX) and not path.startswith(PREFIX + "/"):
                yield usb_check(device.id, path)


def pcscd_checks(loaded: Loaded, socket: Path = PCSCD_SOCKET) -> Iterator[Check]:
    """Whether pcscd is there for the readers that need it. It is only looked at: to call it would start it."""
    readers = [device.id for device in loaded.configuration.device if device.driver == "pcsc" and not device.command]
    if not readers:
        return
    name = f"pcscd for {', '.join(readers)}"
    try:
        there = stat.S_ISSOCK(socket.stat().st_mode)
    except OSError as error:
        advice = "apt install pcscd, then systemctl enable --now pcscd.socket"
        yield Check(name, Level.FAIL, f"{socket}: {error.strerror or error}", advice)
        return
    if not there or not os.access(socket, os.W_OK):
        cause = f"{socket} may not be used by this user" if there else f"{socket} is no socket"
        yield Check(name, Level.FAIL, cause, "Run this as the gateway's user; else systemctl restart pcscd.socket")
    else:
        yield Check(name, Level.PASS, str(socket))


def _port(device: str, port: Path, taken: dict[str, str]) -> Check:
    name = f"port of {device}"
    real = os.path.realpath(port)
    if (other := taken.setdefault(real, device)) != device:
        return Check(name, Level.FAIL, f"{port} is the port of {other} too", "Give each device its own port")
    try:
        mode = port.stat().st_mode
    except OSError as error:
        advice = "Plug the device in, or correct the port: ls -l /dev/serial/by-id shows what is there"
        return Check(name, Level.FAIL, f"{port}: {error.strerror or error}", advice)
    if not stat.S_ISCHR(mode):
        return Check(name, Level.FAIL, f"{port} is no device", "Correct the port")
    if not os.access(port, os.R_OK | os.W_OK):
        advice = "Run this as the gateway's user, or give it access: the project's udev rules do"
        return Check(name, Level.FAIL, f"{port} may not be opened by this user", advice)
    if port.name.startswith(("ttyUSB", "ttyACM", "video", "event")) and str(port.parent) in ("/dev", "/dev/input"):
        advice = "Name it by /dev/serial/by-id or by-path (cameras: /dev/v4l/by-id, keyboards: /dev/input/by-id)"
        return Check(name, Level.WARN, f"{port} may be another device after the next start", advice)
    return Check(name, Level.PASS, str(port))


def _key(name: str, path: Path, read: Callable[[Path], object]) -> Check:
    try:
        read_mode(path)
        read(path)
    except PermissionError:
        return Check(name, Level.WARN, f"{path} may not be read by this user", "Use sudo, or run as the gateway's user")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not text"
        return Check(name, Level.FAIL, f"{path}: {what}", "Put the file there")
    except GatewayError as error:
        return Check(name, Level.FAIL, f"{path}: {error.what}", error.advice)
    return Check(name, Level.PASS, str(path))


def read_mode(path: Path) -> int:
    """The file's mode, once it could be opened for reading. Raises `OSError`."""
    with path.open("rb") as opened:
        return stat.S_IMODE(os.fstat(opened.fileno()).st_mode)


def _for_nobody_else(path: Path) -> None:
    if read_mode(path) & 0o077:
        raise GatewayError("others may read it", f"chmod 600 {path}")


def _desfire_keys(path: Path) -> None:
    """As docs/genuine-cards.md has it. What the file holds is never shown."""
    _for_nobody_else(path)
    lines = path.read_text("ascii").split("\n")
    if not any(lines) or not all(_DESFIRE_KEY.fullmatch(line.strip()) for line in lines if line.strip()):
        raise GatewayError("not keys of 16 bytes in hex", "Write one key a line: its version, and 32 hex digits")


def _phone_keys(path: Path) -> None:
    """As docs/drivers/ble.md has it. What the file holds is never shown."""
    _for_nobody_else(path)
    lines = [line.strip() for line in path.read_text("ascii").splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    if not kept or not all(_PHONE_KEY.fullmatch(line) for line in kept):
        raise GatewayError("not a line NAME = 32 hex digits for each phone", "Write it as docs/drivers/ble.md says")


_DEVICE_SECRETS: dict[str, dict[str, Callable[[Path], object]]] = {
    "ble": {"phone_keys": _phone_keys},
    "fiscal": {"password_file": _for_nobody_else},
    "sip2": {"password": _for_nobody_else},
}
"""Driver → its options that name a file with a secret, and what such a file must be."""


def _nothing_more(_path: Path) -> None:
    """There and readable is all that is asked."""


def _devices(station: object) -> Iterator[str]:
    yield from getattr(station, "readers", ())
    yield from getattr(station, "exit_readers", ())
    for name in ("relay", "printer", "slips", "wedge", "library"):
        if (device := getattr(station, name, None)) is not None:
            yield device

"""Reads a configuration file, checks all of it, and says of an error: file, line, key and remedy. Starts nothing."""

from __future__ import annotations

import importlib
import re
import tomllib
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.gates import check_gates, check_passback
from gateway.config.netfp import check_netfp
from gateway.config.types import (
    Configuration,
    DeskStation,
    DeviceSection,
    GateStation,
    Station,
    TillStation,
)
from gateway.config.values import choices, in_words
from gateway.config.where import line_of, parse_path
from gateway.model.errors import ConfigurationError
from gateway.model.languages import LANGUAGES

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SLIPS = ("slip", "fiscal")
"""Drivers of ours that print slips."""
BEACONS = "ble"
"""The driver whose readings nobody presents."""

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_AT = re.compile(r" - at (?:`key` in )?`([^`]*)`")


class Loaded(msgspec.Struct, frozen=True):
    """A checked configuration and where it came from; `path(p)` resolves the paths in it."""

    configuration: Configuration
    file: Path

    def path(self, relative: str) -> Path:
        """A path of the configuration, seen from its file's folder."""
        return (self.file.parent / relative).resolve()

    @property
    def state(self) -> Path:
        return self.path(self.configuration.gateway.state)


class _Checker:
    """One file under check: knows its text, so that every complaint has a line."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text

    def wrong(self, path: Sequence[str | int], what: str, advice: str) -> ConfigurationError:
        """The error to raise for what stands at `path`."""
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        line = line_of(self._text, tuple(path))
        return ConfigurationError(f"{key}: {what}" if key else what, advice, where=f"{self._file}:{line}")

    def convert(self, data: Any, kind: type[Any], base: tuple[str | int, ...] = ()) -> Any:
        """`data` as `kind`, or the error with its line."""
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            raise self._explain(str(error), kind, base, data) from error

    def _explain(self, message: str, kind: type[Any], base: tuple[str | int, ...], data: Any) -> ConfigurationError:
        at = _AT.search(message)
        inner = parse_path(at[1]) if at else ()
        path = (*base, *inner)
        what = _AT.sub("", message)
        if (unknown := _UNKNOWN.search(message)) is not None:
            import difflib  # For a misspelt key: not worth memory in a daemon whose configuration is right.

            name = unknown[1]
            near = difflib.get_close_matches(name, _all_fields(kind), n=1)
            advice = f"Did you mean `{near[0]}`?" if near else "Remove it, or see docs/configuration.md"
            if near == [name]:
                advice = "It belongs to another section: see docs/configuration.md"
            return self.wrong((*path, name), "there is no such key", advice)
        if (missing := _MISSING.search(message)) is not None:
            return self.wrong(path, f"the key `{missing[1]}` is missing", "Add it: see docs/configuration.md")
        if what.startswith("Invalid enum value") and (possible := choices(kind, inner, data)):
            return self.wrong(path, what, f"Correct the value: one of {', '.join(possible)}")
        return self.wrong(path, in_words(what), "Correct the value: see docs/configuration.md")


def load(file: Path) -> Loaded:
    """The configuration in `file`. Raises `ConfigurationError`; reads no keys and touches no device."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{error.strerror}", "Name the file with --config", where=str(file)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        advice = "Save the file as UTF-8"
        raise ConfigurationError("not text in UTF-8", advice, where=f"{file}:{line}") from error
    checker = _Checker(file, text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        where = f"{file}:{found[1]}" if found else str(file)
        raise ConfigurationError(f"not TOML: {error}", "Correct the line", where=where) from error
    configuration: Configuration = checker.convert(data, Configuration)
    _check_gateway(checker, configuration)
    _check_sync(checker, configuration)
    _check_devices(checker, configuration)
    _check_stations(checker, configuration)
    check_netfp(configuration, checker.wrong)
    return Loaded(configuration, file.resolve())


def driver_options(driver: str) -> type[msgspec.Struct] | None:
    """The options type of one of our drivers, None when there is no such driver."""
    try:
        module = importlib.import_module(f"drivers.{driver}.options")
    except ModuleNotFoundError:
        return None
    options: type[msgspec.Struct] = module.Options
    return options


def _check_gateway(checker: _Checker, configuration: Configuration) -> None:
    gateway = configuration.gateway
    try:
        zoneinfo.ZoneInfo(gateway.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones: "Europe"
        advice = "Write a zone such as Europe/Riga or Europe/Vilnius"
        raise checker.wrong(("gateway", "time_zone"), f"no such zone: {gateway.time_zone!r}", advice) from error
    for language in gateway.languages:
        if language not in LANGUAGES:
            raise checker.wrong(("gateway", "languages"), f"{language!r}", f"Choose from {', '.join(LANGUAGES)}")


def _check_sync(checker: _Checker, configuration: Configuration) -> None:
    sync = configuration.sync
    if not sync.tls and sync.host not in LOOPBACK:
        advice = "Set tls = true; without it only a broker on this machine may be used"
        raise checker.wrong(("sync", "tls"), f"no TLS to {sync.host}", advice)
    if (sync.certificate is None) != (sync.certificate_key is None):
        raise checker.wrong(("sync",), "certificate and certificate_key go together", "Give both or none")


def _check_devices(checker: _Checker, configuration: Configuration) -> None:
    seen: set[str] = set()
    for index, device in enumerate(configuration.device):
        path = ("device", index)
        if device.id in seen:
            raise checker.wrong((*path, "id"), f"{device.id!r} is used twice", "Give each device its own id")
        seen.add(device.id)
        if not device.command:
            _check_options(checker, device, path)


def _check_options(checker: _Checker, device: DeviceSection, path: tuple[str | int, ...]) -> None:
    kind = driver_options(device.driver)
    if kind is None:
        advice = "See docs/drivers.md for the drivers, or give `command` for your own"
        raise checker.wrong((*path, "driver"), f"there is no driver {device.driver!r}", advice)
    checker.convert(device.options, kind, (*path, "options"))


def _check_stations(checker: _Checker, configuration: Configuration) -> None:
    beacons = {device.id for device in configuration.device if device.driver == BEACONS}
    devices = {device.id: device for device in configuration.device}
    stations: set[str] = set()
    owner: dict[str, str] = {}
    shared: dict[str, tuple[str | int, ...]] = {}
    for index, station in enumerate(configuration.station):
        path = ("station", index)
        if station.id in stations:
            raise checker.wrong((*path, "id"), f"{station.id!r} is used twice", "Give each station its own id")
        stations.add(station.id)
        if isinstance(station, GateStation):
            check_passback(station, path, checker.wrong)
        if isinstance(station, TillStation):
            _check_till(checker, station, path)
        for key, device in _uses(station):
            if device not in devices:
                known = ", ".join(sorted(devices)) or "none"
                raise checker.wrong((*path, key), f"there is no device {device!r}", f"Devices here: {known}")
            if owner.get(device) == station.id and key == "relay" and _may_be_relay(devices[device]):
                continue
            if device in owner:
                advice = "A device serves one station, so that a reading has one meaning"
                raise checker.wrong((*path, key), f"{device!r} belongs to station {owner[device]!r} already", advice)
            if device in beacons and not isinstance(station, DeskStation):
                advice = "Give it to a desk: who walks past a gate or stands near a till has asked for nothing"
                raise checker.wrong((*path, key), f"{device!r} hears beacons, which serve a desk only", advice)
            owner[device] = station.id
        if isinstance(station, DeskStation) and station.library is not None:
            if station.library not in devices:
                known = ", ".join(sorted(devices)) or "none"
                raise checker.wrong((*path, "library"), f"there is no device {station.library!r}", f"Devices: {known}")
            shared.setdefault(station.library, (*path, "library"))
    _check_slips(checker, configuration, owner, devices)
    for device, named_at in shared.items():
        if device in owner:
            what = f"{device!r} is a reader, relay, printer or keyboard of station {owner[device]!r}"
            advice = "Name the link to the library's own system (sip2) here, and nowhere else"
            raise checker.wrong(named_at, what, advice)
    boards = {
        device.id: msgspec.convert(device.options, driver_options("relay"))
        for device in configuration.device
        if device.driver == "relay" and not device.command
    }
    check_gates(configuration, boards, checker.wrong)


def _check_slips(
    checker: _Checker, configuration: Configuration, owner: dict[str, str], devices: dict[str, DeviceSection]
) -> None:
    """Stations may share a printer of slips; a fiscal one may be its till's printer as well."""
    printers = {one.printer for one in configuration.station if isinstance(one, TillStation)}
    for index, station in enumerate(configuration.station):
        if isinstance(station, GateStation) or station.slips is None:
            continue
        path, device = ("station", index, "slips"), devices.get(station.slips)
        if device is None:
            known = ", ".join(sorted(devices)) or "none"
            raise checker.wrong(path, f"there is no device {station.slips!r}", f"Devices here: {known}")
        other = device.id in owner and device.id not in printers
        if other or (not device.command and device.driver not in SLIPS):
            advice = "Name a device of the driver slip, or a fiscal printer"
            raise checker.wrong(path, f"{device.id!r} prints no slips", advice)


def _check_till(checker: _Checker, till: TillStation, path: tuple[str | int, ...]) -> None:
    for key in ("payer_means", "on_paper", "z_at"):
        if till.printer is None and getattr(till, key):
            advice = f"Name the till's printer, or remove {key}"
            raise checker.wrong((*path, key), "it does nothing without printer", advice)


def _may_be_relay(device: DeviceSection) -> bool:
    """Whether a reader may be its gate's relay too. What a driver that is not ours is, only its hello says."""
    return bool(device.command) or "relay" in getattr(driver_options(device.driver), "also", ())


def _uses(station: Station) -> list[tuple[str, str]]:
    used = [("readers", reader) for reader in station.readers]
    if isinstance(station, DeskStation) and station.wedge is not None:
        used.append(("wedge", station.wedge))
    if isinstance(station, GateStation):
        used += [("exit_readers", reader) for reader in station.exit_readers]
        used.append(("relay", station.relay))
    if isinstance(station, TillStation) and station.printer is not None:
        used.append(("printer", station.printer))
    return used


def _all_fields(kind: type[Any]) -> list[str]:
    """Names of every key of a struct and of the sections under it: for "did you mean"."""
    if kind is not Configuration:
        return [field.name for field in msgspec.structs.fields(kind)]
    import gateway.config.types as sections

    names = {field.name for field in msgspec.structs.fields(Configuration)}
    for section in vars(sections).values():
        if isinstance(section, type) and issubclass(section, sections.Section):
            names.update(field.name for field in msgspec.structs.fields(section))
    return sorted(names)

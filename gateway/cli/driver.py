"""`smartplace driver`: a driver run by hand, for whoever stands in front of the device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import as_json, config_option
from gateway.cli.decode import decode
from gateway.cli.exits import BadFile
from gateway.cli.output import document, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@click.group()
def driver() -> None:
    """Drivers: programs that speak to one device each."""


driver.add_command(decode)


@driver.command("list")
@as_json
def list_drivers(as_json: bool) -> None:
    """The drivers of this installation: what they drive, their quality level, what was shown on hardware."""
    found = installed()
    if as_json:
        document(drivers=found)
    else:
        table([["driver", "level", "what it drives"], *([d["driver"], d["level"], d["about"]] for d in found)])


@driver.command()
@click.argument("name", required=False)
@click.option("--device", metavar="ID", help="Take driver and options from this device of the configuration.")
@click.option("--option", "options", metavar="KEY=VALUE", multiple=True, help="One option of the driver. Repeat it.")
@click.option("--simulate", is_flag=True, help="No device: a simulated one, where something happens now and then.")
@click.option("--count", type=click.IntRange(1), help="End after so many readings.")
@click.option("--timeout", type=click.FloatRange(0.1), help="End after so many seconds, with exit code 7.")
@as_json
@config_option
def run(
    name: str | None,
    device: str | None,
    options: tuple[str, ...],
    simulate: bool,
    count: int | None,
    timeout: float | None,
    as_json: bool,
    config: Path,
) -> None:
    """Run driver NAME in the foreground and print what it says, until Ctrl-C.

    Options come from the command line, or with --device from the configuration. A card is shown as `card #1`: the
    same number for the same card, never its id. A device that the gateway drives is busy: stop the gateway first.

    With --simulate no device is needed: its simulator runs beside the driver, and a card is put down and taken away
    (a code held up, an input switched) every few seconds. Options that are given too go before the simulator's.
    """
    if simulate and device is not None:
        raise click.UsageError("--simulate takes the place of a device: give NAME, not --device")
    if simulate:
        raise click.exceptions.Exit(_simulated(name, options, count, timeout, as_json=as_json))
    if device is not None and options:
        raise click.UsageError("--device brings the options of the configuration: give --device or --option")
    if device is not None:
        argv, given, zone = _configured(config, device, name)
    else:
        argv, given = _by_hand(name, options)
        zone = _place_zone(config)

    from gateway.cli.watch import watch

    code = watch(argv, device or "by-hand", given, count=count, timeout=timeout, as_json=as_json, time_zone=zone)
    raise click.exceptions.Exit(code)


def installed() -> list[dict[str, str]]:
    """Name, quality level, hardware and first line of each driver's description."""
    import importlib
    import tomllib

    import drivers

    found = []
    for folder in sorted(Path(entry) for entry in drivers.__path__):
        for path in sorted(folder.glob("*/options.py")):
            name = path.parent.name
            quality = path.with_name("quality.toml")
            told = tomllib.loads(quality.read_text(encoding="utf-8")) if quality.exists() else {}
            about = (importlib.import_module(f"drivers.{name}").__doc__ or "").strip().split("\n")[0]
            found.append(
                {
                    "driver": name,
                    "level": str(told.get("level", "unrated")),
                    "hardware": str(told.get("hardware", "")),
                    "about": about,
                }
            )
    return found


def _simulated(
    name: str | None, options: Sequence[str], count: int | None, timeout: float | None, *, as_json: bool
) -> int:
    from gateway.cli.output import talk
    from gateway.cli.simulation import Simulation
    from gateway.cli.watch import watch

    name = _known(name)
    with Simulation(name) as simulation:
        argv, given = _by_hand(name, options, simulation.options)
        talk("simulated: no device is touched")
        return watch(
            argv, "simulated", given, count=count, timeout=timeout, as_json=as_json, simulation=simulation
        )  # fmt: skip


def _configured(config: Path, device: str, name: str | None) -> tuple[Sequence[str], Mapping[str, Any], str]:
    """Command line, options, and the place's time zone."""
    from gateway.config.load import load
    from gateway.model.errors import NotFound

    loaded = load(config)
    section = next((section for section in loaded.configuration.device if section.id == device), None)
    if section is None:
        known = ", ".join(section.id for section in loaded.configuration.device) or "none"
        raise NotFound(f"there is no device {device!r}", f"Devices there: {known}", where=str(loaded.file))
    if name not in (None, section.driver):
        raise click.UsageError(f"device {device} has driver {section.driver}, not {name}")
    zone = loaded.configuration.gateway.time_zone
    return section.command or _argv(section.driver), section.options, zone


def _place_zone(config: Path) -> str:
    """The place's time zone; empty where no configuration can be read, which a driver by hand does not need."""
    from gateway.config.load import load
    from gateway.model.errors import ConfigurationError

    try:
        return load(config).configuration.gateway.time_zone
    except ConfigurationError:
        return ""


def _known(name: str | None) -> str:
    """The name of a driver that is there. Raises `UsageError` for none, `NotFound` for another."""
    import difflib

    from gateway.model.errors import NotFound

    if name is None:
        raise click.UsageError("which driver? Give NAME or --device; smartplace driver list names them")
    names = [found["driver"] for found in installed()]
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Drivers here: {', '.join(names)}"
    raise NotFound(f"there is no driver {name!r}", advice)


def _by_hand(
    name: str | None, options: Sequence[str], simulated: Mapping[str, Any] | None = None
) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Options as the driver's own type has them: `50` becomes a number where it wants one. Those that are given go
    before those of a simulated device."""
    import msgspec

    from gateway.config.load import driver_options

    name = _known(name)
    kind = driver_options(name)
    if kind is None:
        raise RuntimeError(f"driver {name} is there and has no options")
    given = {**(simulated or {}), **dict(_pair(text) for text in options)}
    try:
        checked = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        what, advice = _fault(str(error), kind, given)
        raise BadFile(
            f"options of {name}: {what}", f"{advice}See docs/drivers/{name}.md", code="bad_options"
        ) from error
    told: dict[str, Any] = msgspec.to_builtins(checked)
    return _argv(name), told


def _fault(message: str, kind: type[Any], given: Mapping[str, Any]) -> tuple[str, str]:
    """A complaint of the type check with what may stand there, or what was probably meant."""
    import difflib
    import re

    import msgspec

    from gateway.config.values import choices
    from gateway.config.where import parse_path

    if (unknown := re.search("unknown field `([^`]*)`$", message)) is not None:
        near = difflib.get_close_matches(unknown[1], [field.name for field in msgspec.structs.fields(kind)], n=1)
        return f"there is no option `{unknown[1]}`", f"Did you mean `{near[0]}`? " if near else ""
    if message.startswith("Invalid enum value") and (at := re.search(r" - at `([^`]*)`$", message)) is not None:
        possible = choices(kind, parse_path(at[1]), dict(given))
        return message, f"One of {', '.join(possible)}. " if possible else ""
    return message, ""


def _argv(name: str) -> tuple[str, ...]:
    import sys

    return (sys.executable, "-m", f"drivers.{name}")


def _pair(text: str) -> tuple[str, Any]:
    from gateway.cli.config import without_passwords

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter("write it as key=value", param_hint="--option")
    if without_passwords(value) != value:
        # Every user of the machine sees command lines.
        raise click.BadParameter("no password on a command line: put it into a configuration", param_hint="--option")
    if value.startswith("["):
        import tomllib

        try:
            return key, tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            raise click.BadParameter('write a list as key=["a", "b"]', param_hint="--option") from None
    return key, value

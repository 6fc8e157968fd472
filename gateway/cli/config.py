"""`smartplace config`: checks a configuration, and shows each value with the line that it stands on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import as_json, config_option
from gateway.cli.exits import Exit
from gateway.cli.output import Cell, document, table, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.load import Loaded
    from gateway.config.where import Path as KeyPath

_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@\s]*):[^/\s]*@")
"""Up to the last @ before the path: a password may hold an @ itself."""
_SECRET = re.compile(r"(password|secret|token|pin|passphrase)$")
"""Options of a driver that is not ours may be named so, and hold what they should not; ours name files."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@click.group()
def config() -> None:
    """The configuration file: what is wrong with it, what it comes to."""


@config.command()
@as_json
@config_option
def check(as_json: bool, config: Path) -> None:
    """Check the whole file, and what it names: keys, folders, devices that no station uses.

    Exit code 9 with file, line, key and remedy when it is wrong; 8 when it is right and something needs a look.
    """
    from gateway.cli.checks import file_checks
    from gateway.cli.finding import Level
    from gateway.config.load import load

    loaded = load(config)
    found = [check for check in file_checks(loaded) if check.level is not Level.PASS]
    configuration = loaded.configuration
    if as_json:
        warnings = [{"check": c.name, "cause": c.cause, "advice": c.advice} for c in found]
        document(file=str(loaded.file), gateway=configuration.gateway.id, valid=True, warnings=warnings)
    else:
        devices, stations = len(configuration.device), len(configuration.station)
        click.echo(f"{loaded.file} is valid: {configuration.gateway.id}, devices: {devices}, stations: {stations}")
        for warning in found:
            talk(f"warning: {warning.name}: {warning.cause}. {warning.advice}")
    if found:
        raise click.exceptions.Exit(Exit.WARNINGS)


@config.command()
@as_json
@config_option
def show(as_json: bool, config: Path) -> None:
    """Every key with its value and where it comes from: a line of the file, or the default.

    Keys and passwords are files, whose paths are shown and never what is in them.
    """
    from gateway.config.load import load

    loaded = load(config)
    found = list(values(loaded))
    if as_json:
        keys = [{"key": key, "value": value, "line": number} for key, value, number in found]
        document(file=str(loaded.file), keys=keys)
    else:
        rows: list[list[Cell]] = [
            [f"{key} = {toml(value)}", f"line {number}" if number else "default"] for key, value, number in found
        ]
        click.echo(f"# {loaded.file}")
        table(rows)


def values(loaded: Loaded) -> Iterator[tuple[str, Any, int | None]]:
    """Key, value and line (None: a default) of all that the configuration says, drivers' options included."""
    import tomllib

    import msgspec

    from gateway.config.load import driver_options
    from gateway.config.where import key_lines

    text = loaded.file.read_text(encoding="utf-8")
    written, lines = tomllib.loads(text), key_lines(text)
    whole = msgspec.to_builtins(loaded.configuration)
    for device in whole["device"]:
        options = None if device["command"] else driver_options(device["driver"])
        if options is not None:
            device["options"] = msgspec.to_builtins(msgspec.convert(device["options"], options))
    for path, value in _leaves(whole, ()):
        shown = "***" if _SECRET.search(str(path[-1])) and "options" in path else without_passwords(value)
        yield _key(path), shown, _line(lines, path) if _is_written(written, path) else None


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        steps: Iterator[tuple[str | int, Any]] = iter(value.items())
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        steps = iter(enumerate(value))
    else:
        if value is not None:
            yield path, value
        return
    for step, part in steps:
        yield from _leaves(part, (*path, step))


def _is_written(data: Any, path: KeyPath) -> bool:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError):
            return False
    return True


def _line(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of the key, or of the inline table that it stands in."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _key(path: KeyPath) -> str:
    """As TOML would name it; elements of arrays of tables by their number from 0."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step if _BARE.fullmatch(step) else toml(step)}"
    return text.lstrip(".")


def without_passwords(value: Any) -> Any:
    """URLs (a camera's source) without the password in them; everything else as it is."""
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(r"\1:***@", value)
    if isinstance(value, (list, tuple)):
        return [without_passwords(part) for part in value]
    return value


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    import json

    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(toml(part) for part in value) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)

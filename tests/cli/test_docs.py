"""What is not documented does not exist: verbs, options, exit codes, configuration keys."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from gateway.cli.config import toml
from gateway.cli.exits import Exit
from gateway.cli.main import VERBS, cli
from gateway.config import types
from gateway.config.load import load

DOCS = Path(__file__).parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")

ELSEWHERE = {"tools"}
"""Verbs of other packages: named here, documented there."""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        if name in ELSEWHERE:
            continue
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def sections(text: str) -> dict[str, str]:
    """Headings with what stands below them, up to the next heading."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


ALL = list(commands(cli))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_verb_and_option_is_documented(path: tuple[str, ...], command: click.Command) -> None:
    section = sections(CLI)[f"smartplace {' '.join(path)}"]
    shown = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    missing = [name for option in shown for name in option.opts if not re.search(rf"`{name}\b", section)]
    assert not missing, f"docs/cli.md, section smartplace {' '.join(path)}: describe {missing}"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_of_the_table_has_its_section(name: str) -> None:
    assert f"smartplace {name}" in sections(CLI)


def test_no_section_is_about_a_verb_that_is_not_there() -> None:
    there = {"smartplace " + " ".join(path) for path, _ in ALL} | {f"smartplace {name}" for name in ELSEWHERE}
    assert {heading for heading in sections(CLI) if heading.startswith("smartplace ")} == there


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_documented(code: Exit) -> None:
    assert re.search(rf"^\| {int(code)} \|", sections(CLI)["Exit codes"], re.MULTILINE)


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_verb_that_answers_does_so_as_json_too(path: tuple[str, ...], command: click.Command) -> None:
    if not isinstance(command, click.Group) and path[-1] != "run":
        assert "--json" in [name for option in command.params for name in option.opts]


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "[gateway]": types.GatewaySection,
    "[keys]": types.KeysSection,
    "[sync]": types.SyncSection,
    "[ledger]": types.LedgerSection,
    "[api]": types.ApiSection,
    "[netfp]": types.NetfpSection,
    "[[device]]": types.DeviceSection,
    '[[station]] kind = "desk"': types.DeskStation,
    '[[station]] kind = "gate"': types.GateStation,
    '[[station]] kind = "till"': types.TillStation,
}


def test_no_section_of_the_configuration_is_forgotten() -> None:
    assert set(SECTIONS.values()) == leaves(types.Configuration)


KEYS = [(heading, field) for heading, kind in SECTIONS.items() for field in msgspec.structs.fields(kind)]


@pytest.mark.parametrize(("heading", "field"), KEYS, ids=[f"{heading} {field.name}" for heading, field in KEYS])
def test_every_key_is_documented_with_its_default(heading: str, field: msgspec.structs.FieldInfo) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| \S", sections(CONFIGURATION)[heading], re.MULTILINE))
    assert rows[field.name].strip("`") == default(field)


def test_no_key_is_documented_that_is_not_there() -> None:
    for heading, kind in SECTIONS.items():
        told = set(re.findall(r"^\| `(\w+)` \|", sections(CONFIGURATION)[heading], re.MULTILINE))
        assert told == {field.name for field in msgspec.structs.fields(kind)}


def example() -> str:
    found = re.search(r"^## Complete example.*?^```toml\n(.*?)^```", CONFIGURATION, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_complete_example_is_a_valid_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(example(), encoding="utf-8")
    assert load(file).configuration.gateway.id == "gw-museum"


@pytest.mark.parametrize(("heading", "field"), KEYS, ids=[f"{heading} {field.name}" for heading, field in KEYS])
def test_the_complete_example_has_every_key(heading: str, field: msgspec.structs.FieldInfo) -> None:
    data = tomllib.loads(example())
    name = heading.split("]")[0].strip("[")
    tables = data[name] if isinstance(data[name], list) else [data[name]]
    if "kind" in heading:
        tables = [table for table in tables if f'"{table["kind"]}"' in heading]
    assert any(field.encode_name in table for table in tables)


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "none" if value is None else toml(value)


def leaves(kind: Any) -> set[type[msgspec.Struct]]:
    """Structs that have no structs below them."""
    below: set[type[msgspec.Struct]] = set()
    for field in msgspec.structs.fields(kind):
        for part in parts(field.type):
            below |= leaves(part)
    return below or {kind}


def parts(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in typing.get_args(kind):
        yield from parts(part)

"""Every driver folder is complete, and its quality.toml claims nothing that is not there.

The scale is in docs/drivers.md: a level needs its own section and those below it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.driver import Driver
from gateway.config.types import DeviceSection

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "drivers").glob("*/driver.py"))
FILES = ("__init__.py", "__main__.py", "driver.py", "options.py", "errors.py", "quality.toml")
LEVELS = ("bronze", "silver", "gold")
CLAIMS = {
    "bronze": {
        "simulator",
        "hello_alive_state",
        "options_documented",
        "unplug",
        "silence",
        "garbage",
        "error_advice",
    },
    "silver": {"transcripts", "recovery_ladder", "fuzzed_parser", "hotplug", "doctor"},
    "gold": {"protocol_properties", "throughput", "quirks", "technician_page", "security"},
}
"""What each level claims, each a test, a file, or a module. The keys are closed."""

driver_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))


def quality(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "quality.toml").read_text())


def page(folder: Path) -> str:
    path = ROOT / "docs" / "drivers" / f"{folder.name}.md"
    assert path.is_file(), f"drivers/{folder.name} has no page docs/drivers/{folder.name}.md"
    return path.read_text()


def section(text: str, title: str) -> str:
    """The part of a Markdown page under a heading."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section '## {title}'"
    return found[1]


def named_tests(path: Path) -> set[str]:
    """Names of the tests in a file, those of a class as `Class::test`."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in tree.body:
        inner = [(f"{node.name}::", one) for one in node.body] if isinstance(node, ast.ClassDef) else [("", node)]
        for prefix, one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_"):
                found.add(prefix + one.name)
    return found


def missing(claim: str) -> str:
    """What a claim points to and is not there; empty when all is well."""
    path, _, test = claim.partition("::")
    if test:
        if not (ROOT / path).is_file():
            return f"there is no file {path}"
        return "" if test in named_tests(ROOT / path) else f"there is no test {test} in {path}"
    if "/" in claim:
        return "" if (ROOT / claim).is_file() else f"there is no file {claim}"
    module = ROOT / (claim.replace(".", "/") + ".py")
    return "" if module.is_file() else f"there is no module {claim}"


def driver_class(folder: Path) -> type[Driver[Any]]:
    module = importlib.import_module(f"drivers.{folder.name}.driver")
    found = [
        one
        for _name, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Driver) and one.__module__ == module.__name__
    ]
    assert len(found) == 1, f"drivers/{folder.name}/driver.py has {len(found)} drivers"
    return found[0]


def test_there_are_drivers_to_look_at() -> None:
    assert "relay" in [folder.name for folder in FOLDERS]


@driver_folder
def test_a_driver_folder_has_the_same_files_as_every_other(folder: Path) -> None:
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


@driver_folder
def test_a_driver_is_named_as_its_folder_and_knows_its_kind(folder: Path) -> None:
    driver = driver_class(folder)
    assert driver.name == folder.name
    assert driver.kind
    assert driver.options_type is importlib.import_module(f"drivers.{folder.name}.options").Options


@driver_folder
def test_quality_says_who_how_good_and_how_costly(folder: Path) -> None:
    said = quality(folder)
    assert said["driver"] == folder.name
    assert said["level"] in LEVELS
    assert len(said["hardware"]) > 10
    assert 0 < said["cpu_percent_bound"] <= 100
    assert 0 < said["pss_mb_bound"] <= 200
    known = {"driver", "level", "hardware", "cpu_percent_bound", "pss_mb_bound", *LEVELS}
    assert set(said) <= known


@driver_folder
def test_a_level_fills_its_section_and_those_below(folder: Path) -> None:
    said = quality(folder)
    for level in LEVELS[: LEVELS.index(said["level"]) + 1]:
        assert set(said.get(level, {})) == CLAIMS[level], f"section [{level}]"
    for level in LEVELS:
        assert set(said.get(level, {})) <= CLAIMS[level], f"section [{level}]"


@driver_folder
def test_every_claim_points_to_something_that_is_there(folder: Path) -> None:
    said = quality(folder)
    claims = {f"{level}.{key}": claim for level in LEVELS for key, claim in said.get(level, {}).items()}
    wrong = {key: missing(claim) for key, claim in claims.items() if missing(claim)}
    assert wrong == {}


@driver_folder
def test_the_page_of_the_options_is_the_drivers_own(folder: Path) -> None:
    assert quality(folder)["bronze"]["options_documented"] == f"docs/drivers/{folder.name}.md"


@driver_folder
def test_options_are_frozen_closed_and_by_keyword(folder: Path) -> None:
    config = driver_class(folder).options_type.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    fields = msgspec.structs.fields(driver_class(folder).options_type)
    assert fields
    assert inspect.signature(driver_class(folder).options_type).parameters.keys() == {one.name for one in fields}
    for parameter in inspect.signature(driver_class(folder).options_type).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


@driver_folder
def test_every_option_is_on_the_page(folder: Path) -> None:
    options = driver_class(folder).options_type
    documented = section(page(folder), "Options")
    fields = {one.encode_name for one in msgspec.structs.fields(options)}
    assert {name for name in fields if not re.search(rf"\b{name}\b", documented)} == set()


@driver_folder
def test_the_example_on_the_page_is_a_good_configuration(folder: Path) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", section(page(folder), "Options"), re.MULTILINE | re.DOTALL)
    assert examples, "the section Options has no example in TOML"
    for example in examples:
        devices = tomllib.loads(example)["device"]
        assert isinstance(devices, list), "a device is written as [[device]] with its id: see gateway/config/types.py"
        for device in (msgspec.convert(one, DeviceSection) for one in devices):
            assert device.driver == folder.name
            msgspec.convert(device.options, driver_class(folder).options_type)


@driver_folder
def test_the_options_import_only_the_contract_and_msgspec(folder: Path) -> None:
    tree = ast.parse((folder / "options.py").read_text())
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    ours = {name for name in imported if name.split(".")[0] in {"drivers", "gateway"}}
    assert {name for name in ours if not name.startswith("drivers.contract")} == set()
    assert {name.split(".")[0] for name in imported - ours} <= {"__future__", "typing", "enum", "msgspec"}


@driver_folder
def test_every_problem_code_is_on_the_page(folder: Path) -> None:
    module = importlib.import_module(f"drivers.{folder.name}.errors")
    enums = [
        one
        for _name, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, StrEnum) and one.__module__ == module.__name__
    ]
    assert enums, "errors.py has no closed list of codes"
    codes = {code.value for enum in enums for code in enum}
    text = page(folder)
    assert {code for code in codes if f"`{code}`" not in text} == set()


# The check itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        ("tests/drivers/test_quality.py::test_there_are_drivers_to_look_at", ""),
        ("tests/drivers/test_quality.py::test_that_is_not_there", "no test test_that_is_not_there"),
        ("tests/drivers/test_nothing.py::test_x", "no file tests/drivers/test_nothing.py"),
        ("docs/drivers/relay.md", ""),
        ("docs/drivers/nothing.md", "no file docs/drivers/nothing.md"),
        ("drivers.simulators.relay", ""),
        ("drivers.simulators.nothing", "no module drivers.simulators.nothing"),
    ],
)
def test_a_claim_without_substance_is_found(claim: str, what: str) -> None:
    assert (what in missing(claim)) if what else not missing(claim)

"""Rules tried on a receipt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import smartplace

SAMPLE = Path(__file__).parents[2] / "config" / "bundles" / "demo-rules.json"
RECEIPT = {"lines": [{"id": "1", "text": "Tower ticket", "category": "admission.tower", "unit_cents": 250}]}
PUPIL = {"id": "h-1", "entitlements": ["p1"], "language": "lv"}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "receipt.json").write_text(json.dumps(RECEIPT))
    (tmp_path / "holder.json").write_text(json.dumps(PUPIL))
    return (
        "--rules", str(SAMPLE), "--receipt", str(tmp_path / "receipt.json"), "--holder", str(tmp_path / "holder.json"),
        "--merchant-group", "museum", "--at", "2026-05-30",
    )  # fmt: skip


def test_a_pupil_enters_free_and_every_rule_says_why(files: tuple[str, ...]) -> None:
    told = smartplace("rules", "evaluate", *files)
    assert told.returncode == 0, told.stderr
    assert "Tower ticket: 2.50 -> 0.00" in told.stdout
    assert "jelgava pays 2.50 as tender" in told.stdout
    assert "Skolēniem muzejā bez maksas" in told.stdout


def test_as_json_it_is_the_evaluation_of_the_rules_page(files: tuple[str, ...]) -> None:
    told = json.loads(smartplace("rules", "evaluate", "--json", *files).stdout)
    assert (told["schema"], told["at"], told["totals"]["due_cents"]) == (1, "2026-05-30T12:00:00", 0)


@pytest.mark.parametrize("language", ["de", ""])
def test_a_language_that_no_rule_can_have_is_a_usage_error(files: tuple[str, ...], language: str) -> None:
    done = smartplace("rules", "evaluate", *files, "--language", language)
    assert done.returncode == 2
    assert "'lv', 'lt', 'en', 'ru'" in done.stderr


def test_a_stranger_pays_in_full(files: tuple[str, ...]) -> None:
    without = [arg for arg in files if "holder" not in arg]
    told = json.loads(smartplace("rules", "evaluate", "--json", *without).stdout)
    assert told["totals"]["due_cents"] == 250


@pytest.mark.parametrize("name", ["receipt.json", "holder.json"])
def test_a_file_that_is_not_what_it_should_be_is_9_and_named(files: tuple[str, ...], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"lines": 1, "id": 2}')
    told = smartplace("rules", "evaluate", *files)
    assert told.returncode == 9
    assert str(tmp_path / name) in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("receipt.json", '{"lines": [{"id": "1", "text": "A"}]}', "$.lines[0]: the field `category` is missing"),
        ("receipt.json", '{"lines": [],}', "not JSON: line 1, column 13"),
        ("holder.json", '{"id": "h", "age": 200}', "$.age: 200 is too much"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_has_its_place_in_it(
    files: tuple[str, ...], tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    done = smartplace("rules", "evaluate", *files)
    assert (done.returncode, f"{tmp_path / name}: {says}" in done.stderr) == (9, True), done.stderr


def test_a_wrong_rule_is_9_and_named_by_its_path(files: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('{"schema": 1, "rules": [{"id": "x"}]}')
    told = smartplace("rules", "evaluate", *files, "--rules", str(tmp_path / "rules.json"))
    assert told.returncode == 9
    assert "$.rules[0]" in told.stderr


def test_a_file_that_is_not_there_is_9(files: tuple[str, ...]) -> None:
    assert smartplace("rules", "evaluate", *files, "--rules", "/nowhere.json").returncode == 9


def test_a_merchant_group_that_no_rule_names_is_warned_of(files: tuple[str, ...]) -> None:
    done = smartplace("rules", "evaluate", *files, "--merchant-group", "musem", "--merchant-group", "museum")
    assert done.returncode == 0
    assert "warning: no rule names the merchant group 'musem'; did you mean 'museum'?\n" in done.stderr
    assert done.stderr.count("warning") == 1


def test_a_time_that_is_none_is_a_usage_error(files: tuple[str, ...]) -> None:
    told = smartplace("rules", "evaluate", *files, "--at", "tomorrow")
    assert told.returncode == 2
    assert "2026-05-30" in told.stderr


JELGAVA = SAMPLE.parents[1] / "rules" / "jelgava"
RIDE = {"lines": [{"id": "1", "text": "Ride", "category": "fare.bus", "unit_cents": 150}]}
PENSIONER = {"id": "h-2", "entitlements": ["c1", "s2"], "residence": "jelgava"}
SETTING = {"at": "2026-11-23T08:00", "merchant_groups": ["bus"], "quotas": [{"key": "rides-s2", "left": 7, "used": 13}]}


@pytest.fixture
def ride(tmp_path: Path) -> tuple[str, ...]:
    for name, content in (("receipt", RIDE), ("holder", PENSIONER), ("setting", SETTING)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    given = [
        part for name in ("receipt", "holder", "setting") for part in (f"--{name}", str(tmp_path / f"{name}.json"))
    ]
    return ("--rules", str(JELGAVA), *given)


def test_a_setting_says_place_time_and_what_is_left_and_rules_come_from_a_folder(
    ride: tuple[str, ...],
) -> None:
    told = smartplace("rules", "evaluate", *ride)
    assert told.returncode == 0, told.stderr
    assert "Ride: 1.50 -> 0.00" in told.stdout
    assert "applied: 20 rides a month (bus-free-s2 v1): -0.85, borne by jelgava 0.85" in told.stdout
    assert "for other means of payment" in told.stdout
    assert "left of rides-s2: 6 of 20 until 2026-11-30" in told.stdout


def test_an_option_goes_before_the_setting(ride: tuple[str, ...]) -> None:
    told = json.loads(smartplace("rules", "evaluate", "--json", *ride, "--at", "2026-12-01").stdout)
    assert (told["at"], told["balances"][0]["until"]) == ("2026-12-01T12:00:00", "2026-12-31")
    shop = json.loads(smartplace("rules", "evaluate", "--json", *ride, "--merchant-group", "shop").stdout)
    assert shop["totals"]["due_cents"] == 150
    doubt = json.loads(smartplace("rules", "evaluate", "--json", *ride, "--clock-not-trusted").stdout)
    assert {"clock_not_trusted"} <= {why["reason"] for why in doubt["reasons"]}


@pytest.mark.parametrize("content", ["{", "[]", '{"colour": "red"}', '{"at": "tomorrow"}', '{"quotas": [{"left": 1}]}'])
def test_a_setting_that_is_none_is_9_and_named(ride: tuple[str, ...], tmp_path: Path, content: str) -> None:
    (tmp_path / "setting.json").write_text(content)
    told = smartplace("rules", "evaluate", *ride)
    assert told.returncode == 9
    assert str(tmp_path / "setting.json") in told.stderr

"""Rules tested, checked, compared, and kept in a spreadsheet: the command as an officer runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.rules.folder import put_together
from tests.cli.conftest import Running, said, smartplace
from tests.rules.builders import Json, percent, rule

ROOT = Path(__file__).parents[2]
JELGAVA = ROOT / "config/rules/jelgava"
RECEIPT = {"lines": [{"id": "1", "text": "Book", "category": "books", "unit_cents": 1000}]}
EXAMPLE = {"what": "a book", "at": "2026-05-10", "receipt": RECEIPT, "expect": {"totals": {"due_cents": 900}}}
FOUR = {"lv": "A", "lt": "A", "en": "A", "ru": "A"}


def write(path: Path, *rules: Json, **tables: Any) -> Path:
    """Rules whose titles have all languages unless a test says otherwise."""
    plain = {one["id"]: {"en": f"Rule {one['id']}"} for one in rules}
    titled = [one | ({"title": FOUR} if one["title"] == plain[one["id"]] else {}) for one in rules]
    path.write_text(json.dumps({"schema": 1, "rules": titled, **tables}))
    return path


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


# test ----------------------------------------------------------------------------------------------------


def test_examples_that_hold_are_counted() -> None:
    done = smartplace("rules", "test", JELGAVA)
    assert done.returncode == 0, done.stdout
    assert " examples, 0 failed" in done.stdout
    whole = told(smartplace("rules", "test", JELGAVA, "--json"))
    assert (whole["schema"], whole["failed"], whole["failures"], whole["not_applied"]) == (1, 0, [], [])


def test_an_example_that_fails_is_1_with_its_file_and_what_differs(tmp_path: Path) -> None:
    write(tmp_path / "a.json", rule("a"), examples=[EXAMPLE])
    write(tmp_path / "b.json", examples=[EXAMPLE, {**EXAMPLE, "expect": {"totals": {"due_cents": 1}}}])
    done = smartplace("rules", "test", tmp_path)
    assert done.returncode == 1
    where = f"{tmp_path / 'b.json'}: $.examples[1]"
    assert f"{where}: a book\n  $.totals.due_cents: 900 instead of 1\n3 examples, 1 failed" in done.stdout
    (failure,) = told(smartplace("rules", "test", tmp_path, "--json"), 1)["failures"]
    expected = {"where": where, "what": "a book", "differences": ["$.totals.due_cents: 900 instead of 1"]}
    assert failure == expected


def test_without_an_example_it_is_8_and_rules_that_none_shows_are_named(tmp_path: Path) -> None:
    done = smartplace("rules", "test", write(tmp_path / "a.json", rule("a")))
    assert done.returncode == 8
    assert "what these give: a" in done.stdout
    assert "no example" in done.stderr


def test_a_long_run_says_how_far_it_is_and_obeys(tmp_path: Path) -> None:
    lines = [{**RECEIPT["lines"][0], "id": f"{number}"} for number in range(500)]
    slow = {**EXAMPLE, "receipt": {"lines": lines}, "expect": {"totals": {"list_cents": 500_000}}}
    many = write(tmp_path / "a.json", *(rule(f"r{n}", exclusive_group="x") for n in range(40)), examples=[slow] * 900)
    with Running("rules", "test", many) as run:
        run.until(" of 900 examples, 0 failed …")
        run.interrupt()
        assert run.end() == 130


# check ---------------------------------------------------------------------------------------------------


def test_nothing_to_find_is_0(tmp_path: Path) -> None:
    done = smartplace("rules", "check", write(tmp_path / "a.json", rule("a")))
    assert (done.returncode, done.stdout) == (0, "0 faults, 0 warnings\n")


def test_warnings_are_8_with_code_rule_place_and_advice(tmp_path: Path) -> None:
    old = rule("old", when={"dates": {"until": "2026-05-09"}}, title={"en": "Old"})
    file = write(tmp_path / "a.json", old)
    done = smartplace("rules", "check", file, "--at", "2026-05-10", "--language", "en", "--language", "lv")
    assert done.returncode == 8
    assert "WARNING past: old: ended on 2026-05-09. Take it out" in done.stdout
    assert f"  {file}: $.rules[0].when.dates" in done.stdout
    assert "WARNING language_missing: old: no title in lv" in done.stdout
    assert done.stdout.endswith("0 faults, 2 warnings\n")
    assert smartplace("rules", "check", file, "--at", "2026-05-09", "--language", "en").returncode == 0


def test_faults_are_9_also_as_json(tmp_path: Path) -> None:
    write(tmp_path / "a.json", rule("a"))
    write(tmp_path / "b.json", rule("b", payers=[{"party": "x", "form": "tender", "share_basis_points": 5}]))
    whole = told(smartplace("rules", "check", tmp_path, "--json"), 9)
    (one,) = whole["findings"]
    assert (whole["faults"], whole["warnings"], one["code"], one["level"]) == (1, 0, "senseless", "fault")
    assert (one["rule"], one["file"], one["path"]) == ("b", str(tmp_path / "b.json"), "$.rules[0].payers")
    assert all(one[field] for field in ("text", "advice"))
    (tmp_path / "b.json").write_text("{")
    assert told(smartplace("rules", "check", tmp_path, "--json"), 9)["findings"][0]["code"] == "unreadable"


def test_a_warning_that_is_meant_is_accepted_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", rule("a"), rule("b"))
    assert smartplace("rules", "check", file).returncode == 8
    done = smartplace("rules", "check", file, "--accept", "overlap:b", "--accept", "past:a")
    assert (done.returncode, done.stdout) == (0, "0 faults, 0 warnings, 1 accepted\n")
    assert said(done) == ["nothing to accept: past:a"]


# diff ----------------------------------------------------------------------------------------------------


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Path, Path]:
    city = [{"party": "jelgava", "form": "tender", "rest": True}]
    old = write(tmp_path / "old.json", rule("a"), examples=[EXAMPLE])
    return old, write(tmp_path / "new.json", rule("a", version=2, give=percent(2000), payers=city), examples=[EXAMPLE])


def test_what_changes_is_told_with_reasons_and_costs(versions: tuple[Path, Path]) -> None:
    done = smartplace("rules", "diff", *versions)
    assert done.returncode == 0, done.stderr
    assert "changed: a v1 -> v2" in done.stdout
    assert f"{versions[1]}: $.examples[0]: a book\n  Book: to be paid 9.00 -> 8.00 of 10.00\n" in done.stdout
    assert "  a on Book: applied (1.00) -> applied (2.00)\n" in done.stdout
    assert "1 question, 1 decision changes" in done.stdout
    rows = {line.split("  ")[0]: line.split()[-3:] for line in done.stdout.splitlines()[-3:]}
    assert rows == {
        "jelgava as tender": ["0.00", "2.00", "+2.00"],
        "merchant as discount": ["1.00", "0.00", "-1.00"],
        "left to be paid": ["9.00", "8.00", "-1.00"],
    }


def test_receipts_are_asked_too(versions: tuple[Path, Path], tmp_path: Path) -> None:
    asked = tmp_path / "receipts.jsonl"
    lines = [{"receipt": RECEIPT, "setting": {"place": "shop-1"}}, {"receipt": RECEIPT, "at": "2027-01-01T10:00"}]
    asked.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    whole = told(smartplace("rules", "diff", *versions, "--receipts", asked, "--at", "2026-05-10", "--json"))
    assert (whole["schema"], whole["asked"], whole["changed"]) == (1, 3, 3)
    assert [change["where"] for change in whole["changes"]][1:] == [f"{asked}, line 1", f"{asked}, line 2"]
    assert whole["costs"][0] == {"party": "jelgava", "form": "tender", "before_cents": 0, "after_cents": 600}
    assert whole["changes"][0]["why"] == [
        {"rule": "a", "line": "1", "before": "applied", "after": "applied", "before_cents": 100, "after_cents": 200}
    ]


@pytest.mark.parametrize(
    "line", ["{", '{"receipt": {"lines": []}, "at": "2026-05-10"}', json.dumps({"receipt": RECEIPT})]
)
def test_a_line_that_is_no_question_is_9_with_its_number(
    versions: tuple[Path, Path], tmp_path: Path, line: str
) -> None:
    asked = tmp_path / "receipts.jsonl"
    asked.write_text(json.dumps({"receipt": RECEIPT, "at": "2026-05-10"}) + "\n" + line + "\n")
    done = smartplace("rules", "diff", *versions, "--receipts", asked)
    assert done.returncode == 9
    assert f"{asked}, line 2" in done.stderr


def test_other_words_under_the_same_version_are_8(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old.json", rule("a")), write(tmp_path / "new.json", rule("a", stage=2))
    done = smartplace("rules", "diff", old, new)
    assert done.returncode == 8
    assert "same_version: a v1 -> v1\n  stage: (absent) -> 2\n" in done.stdout
    assert "  none of the questions meets it, so they say nothing about it" in done.stdout
    assert "\n0 questions, 0 decisions change" in done.stdout
    assert "higher version" in done.stderr


# export, import ------------------------------------------------------------------------------------------


def test_a_folder_goes_into_a_spreadsheet_and_comes_back(tmp_path: Path) -> None:
    sheet, back = tmp_path / "rules.csv", tmp_path / "rules.json"
    done = smartplace("rules", "export", JELGAVA, "--csv", sheet)
    assert done.returncode == 0, done.stderr
    assert told(smartplace("rules", "import", sheet, "-o", back, "--json"))["rules"] > 20
    compared = smartplace("rules", "diff", JELGAVA, back)
    assert "The rules are the same" in compared.stdout
    assert smartplace("rules", "test", back).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rules.csv", "rules.json"]


def test_a_wrong_cell_is_9_with_row_and_column_and_writes_nothing(tmp_path: Path) -> None:
    sheet, back = tmp_path / "rules.csv", tmp_path / "rules.json"
    assert smartplace("rules", "export", write(tmp_path / "a.json", rule("a")), "--csv", sheet).returncode == 0
    sheet.write_text(sheet.read_text("utf-8-sig").replace('"1000"', '"ten"'))
    done = smartplace("rules", "import", sheet, "-o", back)
    assert done.returncode == 9
    assert f"{sheet}: row 2, column basis_points: 'ten' is not a whole number" in done.stderr
    assert not back.exists()


def test_a_file_that_is_there_is_overwritten_only_by_force(tmp_path: Path) -> None:
    rules, sheet = write(tmp_path / "a.json", rule("a")), tmp_path / "a.csv"
    before = rules.read_bytes()
    assert smartplace("rules", "export", rules, "--csv", sheet).returncode == 0
    for verb in (("export", rules, "--csv", sheet), ("import", sheet, "-o", rules)):
        done = smartplace("rules", *verb)
        assert (done.returncode, "it is there already" in done.stderr, "--force" in done.stderr) == (5, True, True)
    assert rules.read_bytes() == before
    assert smartplace("rules", "import", sheet, "-o", rules, "--force").returncode == 0
    assert rules.read_bytes() != before


def test_a_cell_that_is_too_long_for_a_spreadsheet_is_8(tmp_path: Path) -> None:
    days = [f"{year}-01-{day:02}" for year in range(1900, 2000) for day in range(1, 31)]
    done = smartplace("rules", "export", write(tmp_path / "a.json", calendars={"x": days}), "--csv", tmp_path / "x.csv")
    assert done.returncode == 8
    assert said(done) == ["row 2, column more: longer than a spreadsheet's cell"]


# Files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["test", "check"])
def test_a_folder_without_rules_and_a_file_that_is_not_there_are_9(tmp_path: Path, verb: str) -> None:
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "folder.json").mkdir()
    done = smartplace("rules", verb, tmp_path)
    assert (done.returncode, "no *.json" in done.stderr) == (9, True)
    assert smartplace("rules", verb, tmp_path / "nothing.json").returncode == 9


def test_a_name_with_two_contents_is_9_with_file_and_path(tmp_path: Path) -> None:
    write(tmp_path / "a.json", rule("a"))
    write(tmp_path / "b.json", rule("b"), rule("a", stage=2))
    done = smartplace("rules", "test", tmp_path)
    assert done.returncode == 9
    assert f"error: {tmp_path / 'b.json'}: $.rules[1]: 'a' stands in {tmp_path / 'a.json'}" in done.stderr


def test_a_bundle_is_built_of_a_folder(tmp_path: Path) -> None:
    bundle = tmp_path / "rules.bundle"
    done = smartplace("bundle", "build", "rules", "--city", "jelgava", "--rules", JELGAVA, "-o", bundle, "--json")
    files = sorted(JELGAVA.glob("*.json"), key=lambda file: file.name)
    whole = put_together([(file.name, file.read_bytes()) for file in files])
    assert told(done)["holds"] == f"{len(whole.load().rules)} rules"
    assert told(done)["size"] == len(whole.raw)


def test_rules_whose_own_examples_fail_are_not_built(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    write(tmp_path / "rules" / "a.json", rule("a"), examples=[EXAMPLE])
    wrong = [{**EXAMPLE, "what": name, "expect": {"totals": {"due_cents": 901}}} for name in ("one cent", "again")]
    write(tmp_path / "rules" / "b.json", examples=wrong)
    bundle = tmp_path / "rules.bundle"
    done = smartplace("bundle", "build", "rules", "--city", "jelgava", "--rules", tmp_path / "rules", "-o", bundle)
    assert (done.returncode, bundle.exists()) == (1, False)
    assert f"error: {tmp_path / 'rules' / 'b.json'}: $.examples[0]: this example fails (one cent)" in done.stderr
    assert "$.totals.due_cents: 900 instead of 901, and 1 more fail" in done.stderr
    assert "smartplace rules test" in done.stderr


def test_a_blank_title_is_not_built(tmp_path: Path) -> None:
    rules, bundle = write(tmp_path / "a.json", rule("a", title={"en": " "})), tmp_path / "a.bundle"
    done = smartplace("bundle", "build", "rules", "--city", "jelgava", "--rules", rules, "-o", bundle)
    assert (done.returncode, bundle.exists()) == (9, False)
    assert f"{rules}: $.rules[0].title.en: rule 'a': the text is blank" in done.stderr


def test_what_cannot_be_written_is_9(tmp_path: Path) -> None:
    done = smartplace("rules", "export", JELGAVA, "--csv", tmp_path / "nowhere" / "x.csv")
    assert done.returncode == 9

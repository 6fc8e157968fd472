"""Rules as a spreadsheet: exact both ways, safe to open, and every fault with its row and column."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.folder import put_together
from gateway.rules.read import load
from gateway.rules.sheet import BOM, COLUMNS, HEADER, LONGEST, SPARED, too_long, write
from gateway.rules.sheet_read import read
from tests.rules.builders import MERCHANT, Json, rule, rule_lists
from tests.rules.wide import maybe, wide_rules

ROOT = Path(__file__).parents[2]
FORMULAS = tuple("=+-@\t\r\n＝＋－＠")


def content(*rules: Json, **tables: Any) -> RulesContent:
    return load(json.dumps({"schema": 1, "rules": rules, **tables}).encode())


def rows(sheet: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))


def split_at_semicolons(sheet: bytes) -> list[list[str]]:
    """As a program reads it that takes no other separator."""
    return list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline=""), delimiter=";"))


def sheet(*given: dict[str, str], separator: str = ",", header: tuple[str, ...] = HEADER) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, header, restval="", delimiter=separator)
    writer.writeheader()
    writer.writerows(given)
    return written.getvalue().encode()


def told(document: RulesContent) -> Any:
    return json.loads(msgspec.json.encode(document))


def refusal(data: bytes) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read(data)
    return caught.value


ROW = {
    "id": "a", "version": "1", "title_en": "A", "legal_basis": "x", "give": "percent", "basis_points": "1000",
    "payers": "merchant discount rest",
}  # fmt: skip


def test_the_columns_are_stable() -> None:
    assert HEADER == (
        "row", "id", "version", "title_lv", "title_lt", "title_en", "title_ru", "legal_basis",
        "any_of_groups", "all_of_groups", "none_of_groups", "residence", "age_from", "age_until", "partner",
        "merchant_groups", "places", "categories", "skus", "date_from", "date_until", "windows", "calendar",
        "clock_not_trusted", "give", "basis_points", "cents", "per", "payers",
        "quota_key", "quota_unit", "quota_limit", "quota_period", "quota_per", "quota_on_exceed",
        "stage", "priority", "exclusive_group", "choose", "message_lv", "message_lt", "message_en", "message_ru",
        "more",
    )  # fmt: skip


def test_an_ordinary_rule_needs_no_json() -> None:
    window = {"days": ["mon", "tue"], "from": "09:30", "until": "23:00"}
    one = rule(
        "a", title={"lv": "Ā", "ru": "Я"}, who={"any_of_groups": ["p1", "s2"], "age": {"from": 7}},
        where={"merchant_groups": ["bus"]}, what={"categories": ["fare.bus"]}, stage=2, priority=-5,
        when={"dates": {"from": "2026-09-01"}, "windows": [window, {"days": ["sat"]}, {}]},
        quota=[{"key": "k", "unit": "units", "limit": 4, "period": "day", "on_exceed": "cut"}],
        payers=[{"party": "jelgava", "form": "tender", "share_basis_points": 7500}, MERCHANT],
    )  # fmt: skip
    cells = dict(zip(HEADER, rows(write(content(one)))[1], strict=True))
    assert (cells["more"], cells["windows"]) == ("", "mon tue 09:30-23:00; sat; 00:00-24:00")
    assert (cells["payers"], cells["any_of_groups"]) == ("jelgava tender 7500; merchant discount rest", "p1 s2")
    assert (cells["priority"], cells["date_from"], cells["quota_limit"]) == ("'-5", "2026-09-01", "4")
    assert read(write(content(one))) == content(one)


def test_what_has_no_column_is_json_in_more() -> None:
    one = rule("a", who={}, give={"kind": "free_units", "for_each": {"holder": True}}, need={"min_quantity": 5})
    cells = dict(zip(HEADER, rows(write(content(one)))[1], strict=True))
    assert json.loads(cells["more"]) == {
        "who": {}, "give": {"for_each": {"holder": True}}, "need": {"min_quantity": 5},
    }  # fmt: skip
    assert read(write(content(one))) == content(one)


TABLES: Json = {
    "calendars": {"lv": ["2026-11-18"], "empty": []},
    "partners": [{"city": "siauliai", "groups": {"m1": ["p1"]}}, {"city": "kaunas", "groups": {"m1": ["p1"]}}],
    "suspensions": [{"id": "s", "title": {"en": "S"}, "legal_basis": "x", "dates": {"from": "2026-01-01"}}],
    "vat": {"A": [{"from": "2012-07-01", "basis_points": 2100}]},
    "examples": [{"what": "=1", "receipt": {"lines": []}}],
}


def test_tables_and_examples_are_rows_of_their_own() -> None:
    whole = content(rule("a"), **TABLES)
    kinds = [row[:2] for row in rows(write(whole))[1:]]
    assert kinds == [
        ["rule", "a"], ["calendar", "lv"], ["calendar", "empty"], ["partner", "siauliai"], ["partner", "kaunas"],
        ["suspension", "s"], ["vat", "A"], ["example", ""],
    ]  # fmt: skip
    assert told(read(write(whole))) == told(whole)


@pytest.mark.parametrize("text", [*(f"{sign}1+1" for sign in "=+-@＝＋－＠"), "'quoted", "''", "a;=1;b", '"=1"', " =1",
    "a;'=1", 'b; "=1"', "c;''-2;+3"])  # fmt: skip
def test_no_cell_is_a_formula_and_the_text_comes_back(text: str) -> None:
    whole = content(rule("a", title={"en": text}, legal_basis=text, message={"lv": text}))
    written = write(whole)
    assert all(not cell.startswith(FORMULAS) for row in rows(written) for cell in row)
    assert read(written) == whole
    assert all(not cell.startswith(FORMULAS) for row in split_at_semicolons(written) for cell in row)


def test_it_begins_with_a_mark_and_ends_its_rows_as_the_standard_has_it() -> None:
    text = write(content(rule("a"))).decode()
    assert text.startswith(BOM + '"row","id"')
    assert text.count("\r\n") == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_usual_separator_and_order_of_columns_is_read(separator: str) -> None:
    assert read(sheet(ROW, separator=separator, header=tuple(reversed(HEADER)))) == content(rule("a", title={"en": "A"},
        legal_basis="x"))  # fmt: skip


@pytest.mark.parametrize("name", [name for name in HEADER if name not in SPARED])
def test_a_column_that_was_deleted_is_missed(name: str) -> None:
    cells = {key: text for key, text in ROW.items() if key != name}
    error = refusal(sheet(cells, header=tuple(one for one in HEADER if one != name)))
    assert (error.where, error.what) == ("row 1", f"there is no column {name!r}")
    assert "Put it back" in error.advice


def test_a_sheet_may_be_without_languages() -> None:
    header = tuple(name for name in HEADER if name not in SPARED or name == "title_en")
    assert len(header) == len(HEADER) - 7
    assert read(sheet(ROW, header=header)) == read(sheet(ROW))


def test_what_a_spreadsheet_program_does_to_cells_is_read() -> None:
    changed = {**ROW, "id": " a ", "version": " 1", "date_from": "01.09.2026", "date_until": "31.5.2027."}
    one = read(sheet({}, changed, {}))
    assert told(one)["rules"][0]["when"] == {"dates": {"from": "2026-09-01", "until": "2027-05-31"}}


@pytest.mark.parametrize(
    ("cells", "where", "says"),
    [
        ({"version": "one"}, "row 3, column version", "whole number"),
        (
            {"basis_points": "50%"},
            "row 3, column basis_points",
            "'50%' is not a whole number of basis points: 5000 is 50 %",
        ),
        ({"basis_points": "12,5 %"}, "row 3, column basis_points", "1250 is 12.5 %"),
        ({"give": "fixed", "basis_points": "", "cents": "1,50"}, "row 3, column cents", "150 is 1.50"),
        ({"payers": "jelgava tender 50%; merchant discount rest"}, "row 3, column payers", "5000 is 50 %"),
        ({"payers": "merchant gift rest"}, "row 3, column payers", "discount, tender, off_receipt"),
        ({"give": "gift"}, "row 3, column give", "percent, fixed, fixed_price"),
        ({"partner": "no"}, "row 3, column partner", "also, never, only"),
        ({"windows": "monday 09:00-10:00"}, "row 3, column windows", "'monday' is no day (mon tue"),
        ({"version": "1.0"}, "row 3, column version", "whole number"),
        ({"version": ""}, "row 3, column version", "missing"),
        ({"title_en": ""}, "row 3, column title_lv", "missing"),
        ({"date_from": "9/1/2026"}, "row 3, column date_from", "2026-09-01"),
        ({"date_from": "30.02.2026"}, "row 3, column date_from", "day"),
        ({"windows": "mon 9-23"}, "row 3, column windows", "such as: mon"),
        ({"windows": "mon; "}, "row 3, column windows", "such as: mon"),
        ({"windows": "09:00-25:00"}, "row 3, column windows", "no time of a day"),
        ({"payers": "merchant"}, "row 3, column payers", "such as: jelgava"),
        ({"payers": "merchant discount 9999"}, "row 3, column payers", "9999 basis points"),
        ({"payers": "merchant gift rest"}, "row 3, column payers", "gift"),
        ({"payers": ""}, "row 3, column payers", "missing"),
        ({"basis_points": "10001"}, "row 3, column basis_points", "10000"),
        ({"basis_points": ""}, "row 3, column basis_points", "missing"),
        ({"give": "fixed", "basis_points": "", "cents": "5"}, "row 3, column per", "missing"),
        ({"give": "gift"}, "row 3, column give", "gift"),
        ({"categories": "a,b"}, "row 3, column categories", "no code"),
        ({"quota_key": "k", "quota_unit": "units", "quota_period": "day"}, "row 3, column quota_limit", "limit"),
        ({"id": "a"}, "row 3, column id", "twice"),
        ({"row": "person"}, "row 3, column row", "no kind of row"),
        ({"row": "example"}, "row 3, column id", "only rules"),
        ({"row": "vat", "more": "[]"}, "row 3, column version", "only rules"),
        ({"more": "{"}, "row 3, column more", "not JSON"),
        ({"more": "[]"}, "row 3, column more", "object"),
        ({"more": '{"version": 2}'}, "row 3, column version", "as well"),
        ({"more": '{"give": 5}'}, "row 3, column give", "as well"),
        ({"more": '{"colour": "red"}'}, "row 3", "colour"),
        ({"more": '{"need": {"colour": "red"}}'}, "row 3, column more", "colour"),
    ],
)
def test_a_fault_names_its_row_and_column(cells: dict[str, str], where: str, says: str) -> None:
    error = refusal(sheet(ROW, {**ROW, "id": "b", **cells}))
    assert error.where == where
    assert says in error.what


def test_all_faults_that_only_the_whole_shows_have_their_row_and_column() -> None:
    error = refusal(sheet(ROW, {**ROW, "payers": "a tender 1"}, {**ROW, "id": "c", "payers": "a tender 2"}))
    assert error.where == "row 3, column id"
    assert error.what.startswith("rule 'a' is there twice; ")
    assert "at `row 4, column payers`" in error.what


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"row": "vat", "id": "A", "more": '[{"from": "2026-01-01"}]'}, "row 2, column more"),
        ({"row": "vat", "more": "[]"}, "row 2, column id"),
        ({"row": "vat", "id": "Z", "more": "[]"}, "row 2, column id"),
        ({"row": "vat", "id": "A", "more": '[{"from": "1.1.2026"}]'}, "row 2, column more"),
        ({"row": "calendar", "id": "lv", "more": '["2026-11-18", "x"]'}, "row 2, column more"),
        ({"row": "calendar", "id": "lv", "more": '{"a": 1}'}, "row 2, column more"),
        ({"row": "calendar", "id": "Latvian days", "more": "[]"}, "row 2, column id"),
        ({"row": "calendar", "id": 'a"]`b', "more": "[]"}, "row 2, column id"),
        ({"row": "partner", "id": "s", "more": '{"groups": {"A": ["p1"]}}'}, "row 2, column more"),
        ({"row": "partner", "id": "S", "more": '{"groups": {"a": ["p1"]}}'}, "row 2, column id"),
        ({"row": "suspension", "id": "s", "more": '{"title": {"de": "x"}}'}, "row 2, column more"),
        ({"row": "partner", "id": "s", "more": '{"city": "t", "groups": {}}'}, "row 2, column more"),
        ({"row": "partner", "id": "s", "more": '{"groups": {}}'}, "row 2, column more"),
    ],
)
def test_a_fault_in_a_table_names_its_row(row: dict[str, str], where: str) -> None:
    assert refusal(sheet(row)).where == where


def test_too_many_of_a_table_are_told_by_their_rows() -> None:
    error = refusal(sheet(*({"row": "calendar", "id": f"c{number}", "more": "[]"} for number in range(65))))
    assert (error.where, "64 are the most" in error.what) == ("rows of calendars", True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no columns 'row', 'id', 'version', 'legal_basis', 'any_of_groups' and more"),
        (b"id,id\r\n", "twice"),
        (b"id,colour\r\n", "colour"),
        (b"row\r\n", "no columns 'id'"),
        (",".join(HEADER).encode() + b"\r\na" + b"," * len(HEADER) + b"b\r\n", "more cells"),
        (b'id\r\n"a"b\r\n', "not CSV"),
        ("id\r\nā".encode("cp1257"), "not UTF-8"),
    ],
)
def test_what_is_no_sheet_is_refused(data: bytes, says: str) -> None:
    assert says in refusal(data).what


def test_a_cell_that_programs_would_cut_is_named() -> None:
    days = [f"{year}-01-{day:02}" for year in range(1900, 2000) for day in range(1, 31)]
    whole = content(calendars={"lv": days})
    assert len(json.dumps(days)) > LONGEST
    assert too_long(write(whole)) == ["row 2, column more"]
    assert read(write(whole)) == whole


@pytest.mark.parametrize("name", ["bundles", "rules/jelgava", "rules/siauliai"])
def test_our_own_rules_come_back_exactly(name: str) -> None:
    files = sorted((ROOT / "config" / name).glob("*.json"))
    whole = put_together([(path.name, path.read_bytes()) for path in files]).load()
    assert told(read(write(whole))) == told(whole)


_tables = maybe(**{name: st.just(table) for name, table in TABLES.items()})


@given(rule_lists(most=4), st.lists(wide_rules, min_size=1, max_size=3), _tables)
def test_whatever_a_document_holds_comes_back_exactly(plain: list[Json], wide: list[Json], tables: Json) -> None:
    rules = [*plain, *(rule(**{**one, "id": f"w{number}"}) for number, one in enumerate(wide))]
    try:
        whole = content(*rules, **tables)
    except InputRefused:
        assume(False)
    again = read(write(whole))
    assert told(again) == told(whole)
    assert again.rules == whole.rules
    for split in (rows, split_at_semicolons):
        assert all(not cell.startswith(FORMULAS) for row in split(write(whole)) for cell in row)


def refused_or_read(data: bytes) -> str:
    try:
        read(data)
    except InputRefused as refused:
        return refused.what
    return "read"


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    assert refused_or_read(data)


@given(st.data())
def test_a_damaged_sheet_is_refused_or_means_something(data: st.DataObject) -> None:
    whole = bytearray(write(content(rule("a", who={"any_of_groups": ["p1"]}), rule("b"), **TABLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert refused_or_read(bytes(whole))


@given(st.lists(st.dictionaries(st.sampled_from(HEADER), st.text(max_size=8) | st.sampled_from(["{}", "[]", "1"]))))
def test_any_cells_are_refused_or_read(given: list[dict[str, str]]) -> None:
    assert refused_or_read(sheet(*given))


def test_every_column_has_a_place_of_its_own() -> None:
    assert len({column.path for column in COLUMNS}) == len(COLUMNS)


@pytest.mark.parametrize("depth", [100, 330, 490, 900, 990, 1000, 5000, 100_000])
def test_json_that_is_nested_deep_is_refused_or_read(depth: int) -> None:
    assert refused_or_read(sheet({"row": "example", "more": "[" * depth + "]" * depth}))

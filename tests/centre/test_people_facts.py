"""Declared residence and date of birth, on both databases: in, kept, out, and to no place whose rules do not ask."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import msgspec
import pytest
from sqlalchemy import select

from gateway.centre.people_file import HolderRow
from gateway.centre.people_log import Change, reading
from gateway.centre.people_out import exported, project, registry_of, write_csv, write_json
from gateway.centre.people_tables import holder_changes, holder_operations
from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.named import asks_age, asks_residence
from gateway.wire import registry
from gateway.wire.contents import RegistryHolder
from tests.centre.people import People, store
from tests.rules.builders import document, rule

HEAD = "holder,residence,born,kind,id\n"
TWO = f"{HEAD}h-1,jelgava,1946-11-24,barcode,1\nh-1,jelgava,1946-11-24,barcode,2\nh-2,,,barcode,3\n"
ASKING = {
    "neither": rule("r", who={"any_of_groups": ["pupil"]}),
    "residence": rule("r", who={"residence": ["jelgava"]}),
    "age": rule("r", who={"age": {"from": 75}}),
    "both": rule("r", who={"residence": ["jelgava"], "age": {"until": 18}}),
}


def rules(*asking: str) -> RulesContent:
    """A rule for everybody, and after it these."""
    asked: list[Any] = [{**ASKING[name], "id": f"asks-{name}"} for name in asking]
    return msgspec.json.decode(document(rule("all"), *asked), type=RulesContent)


@pytest.fixture
def people(where: str) -> Iterator[People]:
    with store(where) as opened:
        opened.take(TWO)
        yield opened


def facts(people: People) -> dict[str, tuple[object, object]]:
    return {row.holder: (row.residence, row.born) for row in people.rows()}


def test_a_file_brings_both_and_brought_again_changes_nothing(people: People) -> None:
    assert facts(people) == {"h-1": ("jelgava", date(1946, 11, 24)), "h-2": (None, None)}
    said = [
        {"holder": "h-1", "residence": "jelgava", "born": "1946-11-24"},
        {"holder": "h-2", "residence": None, "born": None},
    ]
    assert people.take(msgspec.json.encode(said), delta=True).operation == 0
    assert people.take(TWO).operation == 0


def test_what_a_file_does_not_say_stays_and_an_empty_cell_says_none(people: People) -> None:
    assert people.take("holder,kind,id\nh-1,barcode,1\nh-1,barcode,2\nh-2,barcode,3\n").operation == 0
    assert people.take("holder,born\nh-1,1946-11-25\n", delta=True).changes == {Change.CHANGED: 1}
    assert facts(people)["h-1"] == ("jelgava", date(1946, 11, 25))
    people.take("holder,residence\nh-1,\n", delta=True)
    assert facts(people)["h-1"] == (None, date(1946, 11, 25))
    people.take('[{"holder": "h-1", "born": null}]', delta=True)
    assert facts(people)["h-1"] == (None, None)


def test_who_ended_and_comes_back_lives_where_he_lived(people: People) -> None:
    people.desk.end(["h-1"])
    people.take("holder\nh-1\n", delta=True)
    assert facts(people)["h-1"] == ("jelgava", date(1946, 11, 24))


def test_the_log_tells_that_they_changed_and_not_what_they_were(people: People) -> None:
    people.take("holder,residence,born\nh-2,siauliai,2012-02-29\n", delta=True)
    assert people.log("h-2") == ["h-2 added", "h-2 card added", "h-2 changed"]
    with reading(people.database) as db:
        kept = [str(tuple(row)) for table in (holder_changes, holder_operations) for row in db.execute(select(table))]
    for value in ("jelgava", "siauliai", "1946", "2012"):
        assert not any(value in row for row in kept)


# What is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("h-3,Jelgava,", "residence"),
        ("h-3,jelgava city,", "residence"),
        (f"h-3,{'x' * 33},", "residence"),
        ("h-3,,24.11.1946", "born"),
        ("h-3,,1946-13-01", "born"),
        ("h-3,,1946-02-30", "born"),
        ("h-3,,1946", "born"),
        ("h-3,,1880-12-31", "born: before 1881"),
        ("h-3,,2199-01-01", "born: in the future"),
        ("h-1,siauliai,1946-11-24", "differs from the holder's first row"),
        ("h-1,jelgava,1946-11-25", "differs from the holder's first row"),
    ],
)
def test_a_bad_one_is_told_by_row_and_column_without_it_and_nothing_changes(
    people: People, row: str, said: str
) -> None:
    before = people.rows()
    with pytest.raises(InputRefused, match=said) as refused:
        people.take(f"holder,residence,born\nh-1,jelgava,1946-11-24\n{row}\n", delta=True)
    assert refused.value.where == "row 3"
    for cell in row.split(",")[1:]:
        assert not cell or cell not in str(refused.value)
    assert people.rows() == before


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ('{"holder": "h-3", "residence": "Jelgava"}', "residence"),
        ('{"holder": "h-3", "residence": ""}', "residence"),
        ('{"holder": "h-3", "born": "yesterday"}', "born"),
        ('{"holder": "h-3", "born": 19461124}', "born"),
        ('{"holder": "h-3", "born": "1700-01-01"}', "born"),
    ],
)
def test_so_is_a_bad_item_of_json(people: People, item: str, said: str) -> None:
    with pytest.raises(InputRefused, match=said) as refused:
        people.take(f'[{{"holder": "h-1"}}, {item}]', delta=True)
    assert refused.value.where == "item 2"


@pytest.mark.parametrize(
    ("utc", "born", "taken"),
    [
        (1_795_424_400_000, "2026-11-23", True),  # 09:00: the same day nearly everywhere
        (1_795_424_400_000, "2026-11-24", False),
        (1_795_471_200_000, "2026-11-24", True),  # 22:00: in Riga a new day has begun
        (1_795_471_200_000, "2026-11-25", False),
    ],
)
def test_a_child_of_today_is_taken_and_one_of_tomorrow_is_not(where: str, utc: int, born: str, taken: bool) -> None:
    with store(where) as people:
        people.clock.set_wall(utc)
        if taken:
            assert people.take(f"holder,born\nh-1,{born}\n").changes == {Change.ADDED: 1}
        else:
            with pytest.raises(InputRefused, match="in the future"):
                people.take(f"holder,born\nh-1,{born}\n")
            assert people.rows() == []


# What leaves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        (("neither",), RegistryHolder("h-1")),
        (("neither", "residence"), RegistryHolder("h-1", residence="jelgava")),
        (("age", "neither"), RegistryHolder("h-1", born=date(1946, 11, 24))),
        (("age", "residence"), RegistryHolder("h-1", (), None, "jelgava", date(1946, 11, 24))),
        (("both",), RegistryHolder("h-1", (), None, "jelgava", date(1946, 11, 24))),
    ],
)
def test_a_place_is_told_only_what_one_of_its_rules_asks(
    people: People, asking: tuple[str, ...], expected: RegistryHolder
) -> None:
    asked = rules(*asking)
    assert (asks_residence(asked), asks_age(asked)) == (expected.residence is not None, expected.born is not None)
    with reading(people.database) as db:
        content = registry_of(db, asked, 5)
    assert content.holders == (expected, RegistryHolder("h-2"))
    written = registry.encode(content)
    assert registry.decode(written) == content, "as a gateway reads it"
    assert (b"jelgava" in written, b"1946" in written) == (expected.residence is not None, expected.born is not None)


def test_birthdays_need_no_new_registry(people: People) -> None:
    with reading(people.database) as db:
        assert project(db, rules("age"), people.clock.wall_ms()).until_ms == 0


def test_a_move_is_a_delta_of_one_holder_where_it_is_asked_and_none_where_it_is_not(people: People) -> None:
    def of(*asking: str) -> Any:
        with reading(people.database) as db:
            return registry_of(db, rules(*asking), 5)

    before = of("both"), of("neither")
    people.take("holder,residence,born\nh-1,siauliai,1946-11-23\n", delta=True)
    moved = registry.difference(before[0], of("both"))
    assert moved.holders == (RegistryHolder("h-1", (), None, "siauliai", date(1946, 11, 23)),)
    assert (moved.credentials, moved.gone_holders, moved.gone_credentials) == ((), (), ())
    assert of("neither") == before[1]


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_an_export_makes_the_same_store_again(
    people: People, write: Callable[[Iterator[HolderRow], TextIO], int], tmp_path: Path
) -> None:
    def told(of: People) -> str:
        out = io.StringIO()
        with reading(of.database) as db:
            assert write(exported(db), out) == 2
        return out.getvalue()

    assert "1946-11-24" in told(people)
    with store(str(tmp_path / "another.db")) as another:
        another.take(told(people))
        assert told(another) == told(people)
        assert facts(another) == facts(people)

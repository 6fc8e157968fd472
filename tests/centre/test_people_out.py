"""What leaves the store, on both databases: exports to be imported again, registries for a place, blocked cards."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.centre.people_content import registry_lines, write_blocks, write_registry
from gateway.centre.people_log import reading
from gateway.centre.people_out import Blocked, exported, project, registry_of, write_csv, write_json
from gateway.model.identification import CredentialKind
from gateway.rules.document import RulesContent
from gateway.wire import registry
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing
from tests.centre.people import KEY, People, barcode, named, pairs, store

FILE = """holder,entitlements,language,kind,id,until_ms
h-1,pupil[100..200] resident,lv,barcode,1,
h-1,pupil[100..200] resident,lv,barcode,2,77
h-2,senior disabled-1,,barcode,3,
h-3,pupil,,,,
Ä-4,pupil[150..],,barcode,4,
"""


@pytest.fixture
def people(where: str) -> Iterator[People]:
    with store(where) as opened:
        opened.take(FILE)
        yield opened


def rules(*groups: str) -> RulesContent:
    rule = {
        "id": "pupils",
        "version": 1,
        "title": {"en": "Pupils"},
        "legal_basis": "Council 1/2026",
        "give": {"kind": "percent", "basis_points": 5000},
        "payers": [{"party": "city", "form": "discount", "rest": True}],
        "who": {"any_of_groups": list(groups)},
    }
    return msgspec.convert({"schema": 1, "rules": [rule]}, RulesContent)


def of_place(people: People, at_ms: int, *groups: str) -> RegistryContent:
    with reading(people.database) as db:
        return registry_of(db, rules(*groups), at_ms)


def test_a_place_gets_only_what_its_rules_use_and_what_holds(people: People) -> None:
    content = of_place(people, 150, "pupil", "senior")
    assert content.key_id == "k1"
    assert content.holders == (  # in the order of code points, on every database
        RegistryHolder("h-1", ("pupil",), "lv"),
        RegistryHolder("h-2", ("senior",)),
        RegistryHolder("Ä-4", ("pupil",)),
    )
    assert {card.digest: card.until_ms for card in content.credentials} == {
        barcode("1"): 0,
        barcode("2"): 77,
        barcode("3"): 0,
        barcode("4"): 0,
    }
    assert [card.digest for card in content.credentials] == sorted(card.digest for card in content.credentials)


@pytest.mark.parametrize(("at_ms", "holding"), [(99, []), (100, ["h-1"]), (199, ["h-1", "Ä-4"]), (200, ["Ä-4"])])
def test_entitlements_begin_and_end(people: People, at_ms: int, holding: list[str]) -> None:
    assert [holder.id for holder in of_place(people, at_ms, "pupil").holders if holder.entitlements] == holding


@pytest.mark.parametrize(("at_ms", "until_ms"), [(0, 100), (100, 150), (150, 200), (200, 0)])
def test_it_is_told_until_when_a_registry_is_right(people: People, at_ms: int, until_ms: int) -> None:
    with reading(people.database) as db:
        assert project(db, rules("pupil"), at_ms).until_ms == until_ms
        assert project(db, rules("senior"), at_ms).until_ms == 0


def test_who_has_ended_is_not_in_it_and_who_is_blocked_is_blocked(people: People) -> None:
    people.desk.end(["h-2"])
    people.desk.replace(pairs("barcode,1,barcode,8"), KEY)
    content = of_place(people, 150, "pupil")
    assert "h-2" not in {holder.id for holder in content.holders}
    standings = {card.digest: card.standing for card in content.credentials}
    assert barcode("3") not in standings
    assert (standings[barcode("1")], standings[barcode("8")]) == (Standing.BLOCKED, Standing.ACTIVE)


# Export and import ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_an_export_makes_the_same_store_again(people: People, write: type[None], tmp_path: Path) -> None:
    people.desk.replace(pairs("barcode,1,barcode,8"), KEY)
    people.desk.block(named("barcode,4"), KEY)
    people.desk.temporary("h-3", named("barcode,9"), KEY, people.clock.wall_ms() + 5)
    people.desk.end(["h-2"])
    text = told(people, write)
    with store(str(tmp_path / "another.db")) as another:
        another.clock.advance(1000)
        another.take(text)
        assert told(another, write) == text
    people.clock.advance(1000)
    assert people.take(text).operation == 0


def told(people: People, write: object) -> str:
    out = io.StringIO()
    assert callable(write)
    with reading(people.database) as db:
        assert write(exported(db), out) == 4
    return out.getvalue()


def test_an_empty_store_exports_an_empty_list(where: str) -> None:
    out = io.StringIO()
    with store(where) as people, reading(people.database) as db:
        write_json(exported(db), out)
    assert out.getvalue() == "[]\n"


# The written forms that bundles carry --------------------------------------------------------------------


def test_a_registry_has_one_written_form() -> None:
    holders = RegistryHolder("b", ("pupil",), "lv"), RegistryHolder("a")
    cards = (
        RegistryCredential(CredentialKind.CARD, "ff" * 32, "a", Standing.BLOCKED, 1, 2),
        RegistryCredential(CredentialKind.PASS, "00" * 32, "b"),
    )
    lines = list(registry_lines(RegistryContent("k1", holders, cards)))
    assert lines == [
        b'{"key_id":"k1","holders":2,"credentials":2}\n',
        b'{"id":"a"}\n',
        b'{"id":"b","entitlements":["pupil"],"language":"lv"}\n',
        b'{"kind":"pass","digest":"' + b"00" * 32 + b'","holder":"b"}\n',
        b'{"kind":"card","digest":"' + b"ff" * 32 + b'","holder":"a","standing":"blocked","from_ms":1,"until_ms":2}\n',
    ]
    assert list(registry_lines(RegistryContent("k1", holders[::-1], cards[::-1]))) == lines
    out = io.BytesIO()
    assert write_registry(RegistryContent("k1", holders, cards), out) == hashlib.sha256(out.getvalue()).hexdigest()
    assert out.getvalue() == b"".join(lines)
    assert registry.decode(out.getvalue()) == RegistryContent("k1", holders[::-1], cards[::-1]), "as a gateway reads it"


def test_a_list_of_blocked_cards() -> None:
    out = io.BytesIO()
    name = write_blocks("k1", [Blocked("ff" * 32, 5), Blocked("00" * 32, 9)], out)
    assert out.getvalue() == b'{"key_id":"k1","digests":["' + b"00" * 32 + b'","' + b"ff" * 32 + b'"]}'
    assert name == hashlib.sha256(out.getvalue()).hexdigest()

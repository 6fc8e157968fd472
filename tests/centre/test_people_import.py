"""Whole imports and deltas, on both databases: what they change, what they end, what they refuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest

from gateway.centre.people_log import Change, operations, reading
from gateway.centre.people_staging import CardKey
from gateway.model.errors import Conflict, GatewayError, InputRefused, LedgerError, NotFound
from gateway.wire.contents import Standing
from tests.centre.people import KEY, People, barcode, store

HEAD = "holder,entitlements,language,kind,id\n"
TWO = f"{HEAD}h-1,pupil,lv,barcode,1\nh-1,pupil,lv,barcode,2\nh-2,senior,,barcode,3\n"


@pytest.fixture
def people(where: str) -> Iterator[People]:
    with store(where) as opened:
        yield opened


def test_a_file_becomes_holders_and_cards(people: People) -> None:
    done = people.take(TWO)
    assert done.changes == {Change.ADDED: 2, Change.CARD_ADDED: 3}
    first, second = people.rows()
    assert (first.holder, first.entitlements, first.language) == ("h-1", ("pupil",), "lv")
    assert (second.holder, second.entitlements, second.language) == ("h-2", ("senior",), None)
    assert set(people.cards("h-1")) == {barcode("1"), barcode("2")}
    assert people.log("h-2") == ["h-2 added", "h-2 card added"]


def test_the_same_file_again_changes_nothing_and_leaves_no_line(people: People) -> None:
    people.take(TWO)
    people.clock.advance(5)
    done = people.take(TWO)
    assert (done.operation, done.changes) == (0, {})
    with reading(people.database) as db:
        (only,) = operations(db)
    assert (only.officer, only.verb, only.at_ms) == ("Anna", "import", people.clock.wall_ms() - 5000)
    assert only.changes == {Change.ADDED: 2, Change.CARD_ADDED: 3}


def test_who_is_missing_is_ended_and_comes_back(people: People) -> None:
    people.take(TWO)
    done = people.take(f"{HEAD}h-1,pupil,lv,barcode,1\n")
    assert done.changes == {Change.CARD_ENDED: 2, Change.ENDED: 1}
    now = people.clock.wall_ms()
    first, second = people.rows()
    assert (first.ended_ms, second.ended_ms) == (0, now)
    assert [people.cards(h)[barcode(c)].ended_ms for h, c in (("h-1", "1"), ("h-1", "2"), ("h-2", "3"))] == [
        0,
        now,
        now,
    ]
    assert people.take(TWO).changes == {Change.CARD_RESUMED: 2, Change.RESUMED: 1}


def test_what_a_file_does_not_say_stays(people: People) -> None:
    people.take("holder,entitlements,language,kind,id,until_ms,standing\nh-1,pupil,lv,barcode,1,99,blocked\n")
    assert people.take("holder,kind,id\nh-1,barcode,1\n").operation == 0
    people.take("holder,entitlements,language,kind,id,until_ms,standing\nh-1,,,barcode,1,,\n")
    (row,) = people.rows()
    assert (row.entitlements, row.language) == ((), None)
    (card,) = row.credentials
    assert (card.until_ms, card.standing) == (0, Standing.BLOCKED)  # an empty standing says nothing


def test_a_file_blocks_and_unblocks_when_it_says_so(people: People) -> None:
    head = "holder,kind,id,standing\n"
    people.take(f"{head}h-1,barcode,1,blocked\n")
    blocked = people.cards("h-1")[barcode("1")]
    assert (blocked.standing, blocked.blocked_ms) == (Standing.BLOCKED, people.clock.wall_ms())
    assert people.take(f"{head}h-1,barcode,1,active\n").changes == {Change.CARD_UNBLOCKED: 1}
    assert people.cards("h-1")[barcode("1")].blocked_ms == 0


def test_a_card_that_moved_has_one_holder(people: People) -> None:
    people.take(TWO)
    moved = f"{HEAD}h-1,pupil,lv,barcode,1\nh-2,senior,,barcode,2\nh-2,senior,,barcode,3\n"
    assert people.take(moved).changes == {Change.CARD_MOVED: 1}
    assert set(people.cards("h-2")) == {barcode("2"), barcode("3")}


def test_an_import_that_would_end_too_many_is_refused(people: People) -> None:
    people.take(TWO)
    before = people.rows()
    for file in ("holder\n", f"{HEAD}h-1,pupil,lv,barcode,1\n", f"{HEAD}h-1,,,,\nh-2,,,,\n"):
        with pytest.raises(Conflict) as refused:
            people.take(file, most=0.4)
        assert refused.value.code == "ends_too_many"
        assert people.rows() == before
    assert people.take(f"{HEAD}h-1,pupil,lv,barcode,1\nh-1,pupil,lv,barcode,2\nh-2,senior,,,\n", most=0.4).operation


def test_a_file_with_one_bad_row_changes_nothing(people: People) -> None:
    people.take(TWO)
    before = people.rows(), people.log()
    with pytest.raises(InputRefused, match="ends before it begins"):
        people.take("holder,kind,id,from_ms,until_ms\nh-3,barcode,8,,\nh-3,barcode,9,50,40\n")
    with pytest.raises(InputRefused, match="row 3"):
        people.take("holder,kind,id\nh-3,barcode,8\nh-3,card,9\n")
    assert (people.rows(), people.log()) == before


def test_a_store_that_fails_in_the_middle_keeps_what_it_had(people: People) -> None:
    people.take(TWO)
    before = people.rows()
    rename(people, "holder_changes", "away")  # written last
    with pytest.raises(LedgerError):
        people.take(f"{HEAD}h-1,senior,lt,barcode,1\nh-9,,,barcode,9\n")
    rename(people, "away", "holder_changes")
    assert people.rows() == before
    assert len(people.log()) == 5


def rename(people: People, old: str, new: str) -> None:
    with people.database.begin() as db:
        db.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


@pytest.mark.parametrize(
    ("key", "option"),
    [
        (CardKey("k2", KEY.key), "--card-key-id"),
        (CardKey("k1", bytes(32)), "--card-key"),  # it would end everybody's card and add one that nobody has
    ],
)
def test_another_card_key_is_refused(people: People, key: CardKey, option: str) -> None:
    people.take(TWO)
    with pytest.raises(Conflict) as refused:
        people.take(TWO, key=key)
    assert (refused.value.where, refused.value.code) == (option, "other_card_key")
    assert len(people.rows()[0].credentials) == 2


def test_the_key_may_come_after_the_digests(people: People) -> None:
    people.take(f"holder,kind,digest\nh-1,barcode,{barcode('1')}\n", key=CardKey("k1"))
    assert people.take("holder,kind,id\nh-1,barcode,1\n").operation == 0
    with pytest.raises(Conflict, match="not the card key"):
        people.take("holder,kind,id\nh-1,barcode,1\n", key=CardKey("k1", bytes(32)))


def test_a_digest_under_another_kind_is_refused(people: People) -> None:
    people.take(TWO)
    with pytest.raises(InputRefused, match="another kind"):
        people.take(f"holder,kind,digest\nh-1,card,{barcode('1')}\n", delta=True)


# Deltas --------------------------------------------------------------------------------------------------


def test_a_delta_adds_changes_and_ends_and_leaves_the_others(people: People) -> None:
    people.take(TWO)
    delta = "holder,action,entitlements,kind,id\nh-1,end,pupil,barcode,2\nh-2,end,,,\nh-3,set,resident,barcode,4\n"
    done = people.take(delta, delta=True)
    assert done.changes == {Change.ENDED: 1, Change.CARD_ENDED: 2, Change.ADDED: 1, Change.CARD_ADDED: 1}
    assert [bool(row.ended_ms) for row in people.rows()] == [False, True, False]
    assert people.take(delta, delta=True).operation == 0
    assert people.take("holder,entitlements\nh-1,senior\n", delta=True).changes == {Change.CHANGED: 1}
    assert not people.cards("h-1")[barcode("1")].ended_ms


def test_json_says_a_delta_too(people: People) -> None:
    people.take(TWO)
    said = [
        {"holder": "h-1", "action": "end", "credentials": [{"kind": "barcode", "id": "2"}]},
        {"holder": "h-2", "action": "end"},
    ]
    assert people.take(msgspec.json.encode(said), delta=True).changes == {Change.ENDED: 1, Change.CARD_ENDED: 2}


@pytest.mark.parametrize(
    ("row", "code", "error"),
    [
        ("h-2,set,barcode,1", "card_taken", Conflict),
        ("h-9,end,,", "holder_unknown", NotFound),
        ("h-1,end,barcode,9", "card_unknown", NotFound),
        ("h-1,end,barcode,3", "card_unknown", NotFound),
    ],
)
def test_a_delta_that_contradicts_the_store_is_refused_whole(
    people: People, row: str, code: str, error: type[GatewayError]
) -> None:
    people.take(TWO)
    before = people.rows()
    with pytest.raises(error) as refused:
        people.take(f"holder,action,kind,id\nh-7,set,barcode,7\n{row}\n", delta=True)
    assert (refused.value.code, refused.value.where) == (code, "row 3")
    assert people.rows() == before


def test_a_card_that_has_ended_may_be_given_to_another(people: People) -> None:
    people.take(TWO)
    people.take("holder,action\nh-2,end\n", delta=True)
    assert people.take("holder,kind,id\nh-1,barcode,3\n", delta=True).changes == {
        Change.CARD_MOVED: 1,
        Change.CARD_RESUMED: 1,
    }


def test_a_holder_whom_a_delta_says_to_have_ended_keeps_no_card(people: People) -> None:
    people.take(TWO)
    people.take('[{"holder": "h-1", "ended_ms": 5}]', delta=True)
    assert all(card.ended_ms for card in people.cards("h-1").values())


def test_operations_come_one_after_the_other(where: str) -> None:
    """Two officers with the same delta at once: one does it, the other finds it done."""
    with store(where) as one, store(where) as other:
        one.take(TWO)
        many = "holder,kind,id\n" + "".join(f"h-{n % 50},barcode,{n}\n" for n in range(100, 1100))
        done: list[int] = []
        threads = [
            threading.Thread(target=lambda at=at: done.append(at.take(many, delta=True).operation))
            for at in (one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(50)
        assert sorted(map(bool, done)) == [False, True]

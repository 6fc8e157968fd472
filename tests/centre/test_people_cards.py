"""Block, unblock, replace, temporary, end: each once, whatever is asked twice, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gateway.centre.people_cards import Desk
from gateway.centre.people_log import Change, reading
from gateway.centre.people_out import blocks_of
from gateway.model.errors import Conflict, GatewayError, InputRefused, NotFound
from gateway.wire.contents import Standing
from tests.centre.people import KEY, People, barcode, named, pairs, store

FILE = "holder,kind,id,until_ms\nh-1,barcode,1,\nh-1,barcode,2,\nh-2,barcode,3,9000000000000\nh-3,,,\n"


@pytest.fixture
def people(where: str) -> Iterator[People]:
    with store(where) as opened:
        opened.take(FILE)
        yield opened


def blocked(people: People) -> list[str]:
    with reading(people.database) as db:
        return [card.digest for card in blocks_of(db)]


def test_a_blocked_card_is_in_the_list_until_it_is_unblocked(people: People) -> None:
    assert people.desk.block(named("barcode,1"), KEY).changes == {Change.CARD_BLOCKED: 1}
    assert blocked(people) == [barcode("1")]
    assert people.desk.block(named("barcode,1"), KEY).operation == 0
    assert people.desk.unblock(named("barcode,1"), KEY).changes == {Change.CARD_UNBLOCKED: 1}
    assert people.desk.unblock(named("barcode,1"), KEY).operation == 0
    assert blocked(people) == []
    assert people.log("h-1")[-2:] == ["h-1 card blocked", "h-1 card unblocked"]


def test_an_import_that_says_nothing_of_it_leaves_a_card_blocked(people: People) -> None:
    people.desk.block(named("barcode,1"), KEY)
    assert people.take(FILE).operation == 0
    people.take("holder,kind,id\nh-2,barcode,3\nh-3,,\n")  # ended, and back again
    people.take(FILE)
    assert blocked(people) == [barcode("1")]


def test_the_newest_blocked_comes_first(people: People) -> None:
    for code in ("2", "1", "3"):
        people.clock.advance(1)
        people.desk.block(named(f"barcode,{code}"), KEY)
    assert blocked(people) == [barcode("3"), barcode("1"), barcode("2")]
    with reading(people.database) as db:
        since = people.clock.wall_ms() - 1000
        assert [card.digest for card in blocks_of(db, since)] == [barcode("3"), barcode("1")]


def test_every_card_of_a_holder(people: People) -> None:
    assert people.desk.block_holder("h-1").changes == {Change.CARD_BLOCKED: 2}
    assert people.desk.block_holder("h-1").operation == 0


def test_one_card_that_nobody_has_and_none_is_blocked(people: People) -> None:
    with pytest.raises(NotFound, match="row 3"):
        people.desk.block(named("barcode,1", "barcode,9"), KEY)
    assert blocked(people) == []


def test_a_new_card_takes_the_old_ones_place_at_once(people: People) -> None:
    done = people.desk.replace(pairs("barcode,3,card,04a2b3c4"), KEY)
    assert done.changes == {Change.CARD_REPLACED: 1, Change.CARD_ADDED: 1}
    assert blocked(people) == [barcode("3")]
    plastic = people.cards("h-2")
    old = plastic.pop(barcode("3"))
    (new,) = plastic.values()
    assert (old.standing, old.replaced_by) == (Standing.BLOCKED, new.digest)
    assert (new.standing, new.until_ms, new.issued_here) == (Standing.ACTIVE, 9_000_000_000_000, True)
    assert people.desk.replace(pairs("barcode,3,card,04a2b3c4"), KEY).operation == 0


def test_the_citys_next_file_may_not_know_of_it_yet(people: People) -> None:
    people.desk.replace(pairs("barcode,1,barcode,8"), KEY)
    people.desk.temporary("h-3", named("barcode,9"), KEY, people.clock.wall_ms() + 1000)
    assert people.take(FILE).operation == 0
    said_active = FILE.replace("until_ms", "standing").replace("9000000000000", "active").replace(",1,", ",1,active")
    people.take(said_active)
    assert people.cards("h-1")[barcode("1")].standing is Standing.BLOCKED
    # Once it does, the card goes the way of all others.
    known = FILE.replace("barcode,1,", "barcode,8,")
    assert people.take(known).changes == {Change.CARD_ENDED: 1, Change.CARD_CHANGED: 1}
    assert people.take(FILE).changes == {Change.CARD_ENDED: 1, Change.CARD_RESUMED: 1}


def test_a_blocked_card_may_be_replaced_and_is_not_unblocked_then(people: People) -> None:
    people.desk.block(named("barcode,1"), KEY)
    people.clock.advance(5)
    people.desk.replace(pairs("barcode,1,barcode,8"), KEY)
    assert people.cards("h-1")[barcode("1")].blocked_ms == people.clock.wall_ms() - 5000
    with pytest.raises(Conflict, match="row 2") as refused:
        people.desk.unblock(named("barcode,1"), KEY)
    assert refused.value.code == "card_replaced"


def test_a_card_that_the_file_brought_already_may_take_the_place(people: People) -> None:
    people.desk.replace(pairs("barcode,1,barcode,2"), KEY)
    new = people.cards("h-1")[barcode("2")]
    assert (new.standing, new.issued_here) == (Standing.ACTIVE, False)


def test_a_temporary_card_has_an_end(people: People) -> None:
    until = people.clock.wall_ms() + 86_400_000
    people.desk.temporary("h-3", named("barcode,9"), KEY, until)
    (card,) = people.cards("h-3").values()
    assert (card.temporary, card.until_ms, card.standing) == (True, until, Standing.ACTIVE)
    assert people.desk.temporary("h-3", named("barcode,9"), KEY, until).operation == 0
    assert people.desk.temporary("h-3", named("barcode,9"), KEY, until + 1).changes == {Change.CARD_CHANGED: 1}


def test_an_ended_holder_has_no_card(people: People) -> None:
    assert people.desk.end(["h-1", "h-3"]).changes == {Change.ENDED: 2, Change.CARD_ENDED: 2}
    assert people.desk.end(["h-1"]).operation == 0
    assert all(card.ended_ms for card in people.cards("h-1").values())


REFUSED: list[tuple[Callable[[Desk, int], object], type[GatewayError], str]] = [
    (lambda desk, _: desk.replace(pairs("barcode,9,barcode,8"), KEY), NotFound, "card_unknown"),
    (lambda desk, _: desk.replace(pairs("barcode,1,barcode,1"), KEY), InputRefused, "refused"),
    (lambda desk, _: desk.replace(pairs("barcode,1,barcode,3"), KEY), Conflict, "card_taken"),
    (lambda desk, _: desk.replace(pairs("barcode,1,barcode,5"), KEY), Conflict, "card_blocked"),
    (lambda desk, _: desk.replace(pairs("barcode,6,barcode,8"), KEY), Conflict, "card_ended"),
    (lambda desk, _: desk.replace(pairs("barcode,4,barcode,8"), KEY), Conflict, "card_replaced"),
    (lambda desk, _: desk.replace(pairs("barcode,5,barcode,4"), KEY), Conflict, "card_blocked"),
    (lambda desk, now: desk.temporary("h-9", named("barcode,9"), KEY, now + 1), NotFound, "holder_unknown"),
    (lambda desk, now: desk.temporary("h-4", named("barcode,9"), KEY, now + 1), Conflict, "holder_ended"),
    (lambda desk, now: desk.temporary("h-3", named("barcode,9"), KEY, now), InputRefused, "refused"),
    (lambda desk, now: desk.temporary("h-3", named("barcode,1"), KEY, now + 1), Conflict, "card_taken"),
    (lambda desk, now: desk.temporary("h-1", named("barcode,1"), KEY, now + 1), Conflict, "card_taken"),
    (lambda desk, now: desk.temporary("h-3", named("barcode,5"), KEY, now + 1), Conflict, "card_blocked"),
    (lambda desk, _: desk.block_holder("h-9"), NotFound, "holder_unknown"),
    (lambda desk, _: desk.end(["h-1", "h-9"]), NotFound, "holder_unknown"),
    (lambda desk, _: desk.block(named("card,nohex"), KEY), InputRefused, "refused"),
]


@pytest.mark.parametrize(("act", "error", "code"), REFUSED)
def test_what_is_refused_changes_nothing(
    people: People, act: Callable[[Desk, int], object], error: type[GatewayError], code: str
) -> None:
    people.take("holder,kind,id\nh-1,barcode,4\nh-1,barcode,5\nh-4,barcode,6\n", delta=True)
    people.desk.replace(pairs("barcode,4,barcode,7"), KEY)
    people.desk.block(named("barcode,5"), KEY)
    people.desk.end(["h-4"])
    before = people.rows(), people.log()
    with pytest.raises(error) as refused:
        act(people.desk, people.clock.wall_ms())
    assert refused.value.code == code
    assert "nohex" not in str(refused.value)
    assert (people.rows(), people.log()) == before


def test_an_officer_has_a_name(people: People) -> None:
    for name in ("", "x" * 65, "Anna\n", "An\0na"):
        with pytest.raises(InputRefused, match="--as"):
            Desk(people.database, name, people.clock.wall_ms).end(["h-1"])

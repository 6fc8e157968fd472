"""Any order of imports, deltas, blocks, replacements: the store says what a model of a few dictionaries says.

The model is the rules of docs/centre.md, Holders, written down a second time, without a database.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.centre.people_log import reading
from gateway.centre.people_out import blocks_of, exported, write_csv, write_json
from gateway.centre.people_tables import PEOPLE
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.wire.contents import Standing
from tests.centre.people import KEY, People, barcode, named, pairs, store

HOLDERS = st.sampled_from(["h-1", "h-2", "h-3"])
CODES = st.sampled_from(["1", "2", "3", "4", "5"])
NEW = st.sampled_from(["4", "5", "6", "7", "8", "9"])
STANDINGS = st.sampled_from(["", "active", "blocked"])
LISTS = st.dictionaries(HOLDERS, st.sampled_from(["", "pupil", "pupil senior"]), max_size=3)
CARDS = st.dictionaries(CODES, st.tuples(HOLDERS, STANDINGS), max_size=5)


class Card:
    """Of the model."""

    def __init__(self, holder: str, *, here: bool = False) -> None:
        self.holder = holder
        self.here = here
        self.blocked = self.ended = self.temporary = False
        self.by: str | None = None

    def said(self) -> tuple[object, ...]:
        by = barcode(self.by) if self.by else None
        return self.holder, self.blocked, self.ended, self.temporary, self.here, by


class Machine(RuleBasedStateMachine):
    """`people` and `another` (an empty store) are given by the test."""

    people: People
    another: People

    def __init__(self) -> None:
        super().__init__()
        for emptied in (self.people, self.another):
            empty(emptied)
        self.holders: dict[str, tuple[str, bool]] = {}
        self.cards: dict[str, Card] = {}

    # What is done ------------------------------------------------------------------------------------------

    @initialize()
    def a_town(self) -> None:
        known = {"1": ("h-1", ""), "2": ("h-1", "blocked"), "3": ("h-2", "")}
        self.whole({"h-1": "pupil", "h-2": "", "h-3": "senior"}, known)

    @rule(standing=STANDINGS)
    def the_citys_next_file(self, standing: str) -> None:
        """It does not know yet of the cards that were issued here."""
        listed = {holder: said for holder, (said, ended) in self.holders.items() if not ended}
        known = {code: card for code, card in self.cards.items() if not card.ended and not card.here}
        self.whole(listed, {code: (card.holder, standing) for code, card in known.items()})

    @rule(listed=LISTS, plastic=CARDS)
    def whole(self, listed: dict[str, str], plastic: dict[str, tuple[str, str]]) -> None:
        given = {code: said for code, said in plastic.items() if said[0] in listed}
        self.people.take(table(listed, given))
        for holder in self.holders.keys() - listed.keys():
            self.model_end(holder)
        for code, card in self.cards.items():
            card.ended |= code not in given and not card.here
        self.model_set(listed, given)

    @rule(listed=LISTS, plastic=CARDS)
    def delta(self, listed: dict[str, str], plastic: dict[str, tuple[str, str]]) -> None:
        given = {code: said for code, said in plastic.items() if said[0] in listed}
        taken = [code for code, (holder, _) in given.items() if self.lives(code) and self.cards[code].holder != holder]
        if taken:
            with pytest.raises(Conflict):
                self.people.take(table(listed, given), delta=True)
            return
        self.people.take(table(listed, given), delta=True)
        self.model_set(listed, given)

    @rule(holder=HOLDERS, code=CODES)
    def delta_ends_card(self, holder: str, code: str) -> None:
        file = f"holder,action,kind,id\n{holder},end,barcode,{code}\n"
        if code not in self.cards or self.cards[code].holder != holder:
            with pytest.raises(NotFound):
                self.people.take(file, delta=True)
            return
        self.people.take(file, delta=True)
        self.cards[code].ended = True

    @rule(holder=HOLDERS)
    def end(self, holder: str) -> None:
        if holder not in self.holders:
            with pytest.raises(NotFound):
                self.people.desk.end([holder])
            return
        self.people.desk.end([holder])
        self.model_end(holder)

    @rule(code=CODES)
    def block(self, code: str) -> None:
        if code not in self.cards:
            with pytest.raises(NotFound):
                self.people.desk.block(named(f"barcode,{code}"), KEY)
            return
        self.people.desk.block(named(f"barcode,{code}"), KEY)
        self.cards[code].blocked = True

    @rule(code=CODES)
    def unblock(self, code: str) -> None:
        if code not in self.cards or self.cards[code].by is not None:
            with pytest.raises((Conflict, NotFound)):
                self.people.desk.unblock(named(f"barcode,{code}"), KEY)
            return
        self.people.desk.unblock(named(f"barcode,{code}"), KEY)
        self.cards[code].blocked = False

    @precondition(lambda self: self.cards)
    @rule(data=st.data(), new=NEW | CODES)
    def replace(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(sorted(self.cards)))
        before, after = self.cards[old], self.cards.get(new)
        stands_in_the_way = after is not None and (after.blocked or (not after.ended and after.holder != before.holder))
        if before.by == new:
            assert self.people.desk.replace(pairs(f"barcode,{old},barcode,{new}"), KEY).operation == 0
            return
        if before.by is not None or old == new or before.ended or stands_in_the_way:
            with pytest.raises((Conflict, InputRefused)):
                self.people.desk.replace(pairs(f"barcode,{old},barcode,{new}"), KEY)
            return
        self.people.desk.replace(pairs(f"barcode,{old},barcode,{new}"), KEY)
        before.blocked, before.by = True, new
        if after is None or after.ended:
            self.cards[new] = Card(before.holder, here=True)
            self.cards[new].temporary = before.temporary

    @rule(holder=HOLDERS, code=NEW)
    def temporary(self, holder: str, code: str) -> None:
        until = self.people.clock.wall_ms() + 5
        before = self.cards.get(code)
        again = before is not None and before.holder == holder and before.temporary
        free = before is None or (not before.blocked and (before.ended or again))
        if not self.holder_lives(holder) or not free:
            with pytest.raises((Conflict, NotFound)):
                self.people.desk.temporary(holder, named(f"barcode,{code}"), KEY, until)
            return
        self.people.desk.temporary(holder, named(f"barcode,{code}"), KEY, until)
        self.cards[code] = Card(holder, here=before.here if before is not None and again else True)
        self.cards[code].temporary = True

    @rule()
    def time_goes_on(self) -> None:
        self.people.clock.advance(1)

    @rule(as_json=st.booleans())
    def export_and_import(self, as_json: bool) -> None:
        """Into itself nothing changes; into an empty store it makes the same one."""
        text = self.export(self.people, as_json)
        assert self.people.take(text).operation == 0
        empty(self.another)
        self.another.take(text)
        assert self.export(self.another, as_json) == text

    # What holds --------------------------------------------------------------------------------------------

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        rows = self.people.rows()
        assert {r.holder: (" ".join(r.entitlements or ()), bool(r.ended_ms)) for r in rows} == self.holders
        found = {
            card.digest: (
                row.holder,
                card.standing is Standing.BLOCKED,
                bool(card.ended_ms),
                card.temporary,
                card.issued_here,
                card.replaced_by,
            )
            for row in rows
            for card in row.credentials
        }
        assert sum(len(row.credentials) for row in rows) == len(found)  # a card has one holder
        assert found == {barcode(code): card.said() for code, card in self.cards.items()}

    @invariant()
    def what_is_blocked_is_in_the_list_and_nothing_else(self) -> None:
        with reading(self.people.database) as db:
            listed = {card.digest for card in blocks_of(db)}
        assert listed == {barcode(code) for code, card in self.cards.items() if card.blocked}

    @invariant()
    def who_has_ended_has_no_card(self) -> None:
        for row in self.people.rows():
            assert not row.ended_ms or all(card.ended_ms for card in row.credentials)

    # The model ---------------------------------------------------------------------------------------------

    def model_set(self, listed: dict[str, str], given: dict[str, tuple[str, str]]) -> None:
        for holder, entitlements in listed.items():
            self.holders[holder] = (entitlements, False)
        for code, (holder, standing) in given.items():
            card = self.cards.setdefault(code, Card(holder))
            card.holder, card.ended, card.here = holder, False, False
            if standing:
                card.blocked = standing == "blocked" or card.by is not None

    def model_end(self, holder: str) -> None:
        self.holders[holder] = (self.holders[holder][0], True)
        for card in self.cards.values():
            card.ended |= card.holder == holder

    def lives(self, code: str) -> bool:
        return code in self.cards and not self.cards[code].ended

    def holder_lives(self, holder: str) -> bool:
        return holder in self.holders and not self.holders[holder][1]

    @staticmethod
    def export(people: People, as_json: bool) -> str:
        out = io.StringIO()
        with reading(people.database) as db:
            (write_json if as_json else write_csv)(exported(db), out)
        return out.getvalue()


def empty(people: People) -> None:
    with people.database.begin() as db:
        for table_ in PEOPLE:
            db.execute(table_.delete())


def table(listed: dict[str, str], given: dict[str, tuple[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["holder", "entitlements", "kind", "id", "standing"])
    for holder, entitlements in listed.items():
        writer.writerow([holder, entitlements, "", "", ""])
        mine = [(code, standing) for code, (of, standing) in given.items() if of == holder]
        writer.writerows([holder, entitlements, "barcode", code, standing] for code, standing in mine)
    return out.getvalue()


@pytest.mark.timeout(240)
def test_any_order_of_operations(where: str, tmp_path: Path) -> None:
    with store(where) as people, store(str(tmp_path / "another.db")) as another:
        given = type("Given", (Machine,), {"people": people, "another": another})
        run_state_machine_as_test(
            given,
            settings=settings(
                max_examples=60 if people.database.is_postgresql else 120,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )

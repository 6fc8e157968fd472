"""What counts as overspent, and as given and unknown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.model.decision import QuotaUnit
from tests.faults.count import StoredEntry
from tests.faults.pos import Pos, Told
from tests.faults.quota_count import NOBODY, Books, Cell, Units, count_units
from tests.faults.quota_town import BUDGET, VISITS, Limit

LIMITS = {VISITS: Limit(QuotaUnit.USES, 2), BUDGET: Limit(QuotaUnit.CENTS, 100)}
EPOCH = "e" * 16
NOTHING = Books({}, {}, {}, {})
EVERYBODYS, ANNAS = Cell(BUDGET), Cell(VISITS, "anna")


def receipt(seq: int, key: str, *, cents: int = 0, holder: str = "", gateway: str = "gw") -> StoredEntry:
    """With so much of the budget; a holder has one of their visits."""
    uses: list[dict[str, object]] = []
    if cents:
        uses.append({"key": BUDGET, "period": "ever", "units": cents, "holder": False})
    if holder:
        uses.append({"key": VISITS, "period": "ever", "units": 1})
    body = {"key": key, "decision": {"uses": uses}, **({"identification": {"holder": holder}} if holder else {})}
    return StoredEntry(gateway, EPOCH, "receipt", seq, "receipt", key.encode(), 0, body)


def told(seq: int, key: str, *, gateway: str = "gw", **gave: int) -> Told:
    return Told(key, f"q-{key}", f"{gateway}/{EPOCH}/receipt/{seq}", gave)


def counted(notes: Sequence[Told], stored: Sequence[StoredEntry], books: Books) -> Units:
    return count_units(notes, stored, books, LIMITS)


def knows(units: int, cell: Cell = EVERYBODYS, *, gateway: str = "gw", fenced: int = 0) -> Books:
    out = {cell: units + fenced}
    return Books(out, out, {(gateway, cell): units}, {(gateway, cell): fenced} if fenced else {})


def test_what_was_given_within_the_limit_and_is_known_is_neither() -> None:
    units = counted([told(1, "a", budget=100)], [receipt(1, "a", cents=100)], knows(100))
    assert (units.overspent, units.unknown, units.told) == ((), (), {BUDGET: 100})


def test_one_cent_beyond_the_limit_is_overspent_whatever_the_authority_says() -> None:
    notes = [told(1, "a", budget=60), told(2, "b", budget=41)]
    stored = [receipt(1, "a", cents=60), receipt(2, "b", cents=41)]
    units = counted(notes, stored, knows(100))
    assert units.overspent == ("overspent: 101 given of budget of everybody, of 100 that there are",)
    assert len(units.unknown) == 1


def test_two_gateways_give_of_one_quota() -> None:
    notes = [told(1, "a", budget=60), told(1, "b", gateway="other", budget=41)]
    stored = [receipt(1, "a", cents=60), receipt(1, "b", cents=41, gateway="other")]
    known = {("gw", EVERYBODYS): 60, ("other", EVERYBODYS): 41}
    units = counted(notes, stored, Books({EVERYBODYS: 101}, {EVERYBODYS: 101}, known, {}))
    assert (len(units.overspent), units.unknown) == (2, ()), "given, and granted"


def test_a_visit_too_many_of_one_holder_is_overspent_and_another_holders_is_another_cell() -> None:
    notes = [told(seq, f"r{seq}", visits=99) for seq in (1, 2, 3)]
    three = [receipt(seq, f"r{seq}", holder="anna") for seq in (1, 2, 3)]
    assert len(counted(notes, three, knows(3, ANNAS)).overspent) == 2, "given, and granted"
    two_and_one = [*three[:2], receipt(3, "r3", holder="janis")]
    known = {("gw", ANNAS): 2, ("gw", Cell(VISITS, "janis")): 1}
    units = counted(notes, two_and_one, Books({}, {}, known, {}))
    assert (units.overspent, units.unknown) == ((), ())


def test_a_receipt_whose_answer_was_lost_counts_once_and_against_the_limit() -> None:
    stored = [receipt(1, "a", cents=60), receipt(2, "b", cents=41)]
    assert len(counted([told(1, "a", budget=60)], stored, knows(101)).overspent) == 2, "given, and granted"
    again = [told(1, "a", budget=60), told(1, "a", budget=60)]
    assert counted(again, stored[:1], knows(60)).told == {BUDGET: 60}


def test_an_authority_that_has_more_out_than_there_is_overspends() -> None:
    assert counted([], [], Books({EVERYBODYS: 101}, {EVERYBODYS: 101}, {}, {})).overspent == (
        "overspent: 101 granted of budget of everybody, of 100 that there are",
    )


def test_a_unit_that_the_authority_does_not_know_is_unknown_also_within_the_limit() -> None:
    units = counted([told(1, "a", budget=60)], [receipt(1, "a", cents=60)], knows(59))
    assert (units.overspent, len(units.unknown)) == ((), 1)


def test_a_unit_that_is_used_up_and_nobody_got_is_unknown() -> None:
    assert len(counted([], [], knows(1)).unknown) == 1


def test_a_unit_that_is_out_and_in_no_lease_is_unknown() -> None:
    units = counted([], [], Books({EVERYBODYS: 61}, {EVERYBODYS: 60}, {}, {}))
    assert units.unknown == ("61 of budget of everybody are out, and leases have 60",)


def test_leases_of_a_life_that_is_over_cover_what_was_given_of_them_and_no_more() -> None:
    notes, stored = [told(1, "a", budget=60)], [receipt(1, "a", cents=60)]
    assert counted(notes, stored, knows(40, fenced=30)).unknown == ()
    assert len(counted(notes, stored, knows(40, fenced=19)).unknown) == 1


def test_what_was_told_and_what_the_receipt_takes_have_to_be_the_same() -> None:
    units = counted([told(1, "a", budget=60)], [receipt(1, "a", cents=59)], knows(59))
    assert units.unknown == ("a was told 60 of budget of everybody, its receipt takes 59",)


def test_what_was_told_counts_also_when_its_receipt_is_not_there() -> None:
    units = counted([told(1, "a", budget=101, visits=99)], [], NOTHING)
    assert len(units.overspent) == 1
    assert units.cells == {EVERYBODYS: 101, Cell(VISITS, NOBODY): 1}


def test_the_notes_keep_what_a_quote_gave(tmp_path: Path) -> None:
    pos = Pos(0, tmp_path / "told")
    pos.close()
    (tmp_path / "told").write_text(json.dumps(told(1, "a", budget=60)) + "\n")
    assert pos.told() == [told(1, "a", budget=60)]


@pytest.mark.parametrize("gave", [{}, {"shop-loyalty-c1": 49}])
def test_a_rule_without_a_quota_is_not_counted(gave: dict[str, int]) -> None:
    assert counted([Told("a", "q-a", f"gw/{EPOCH}/receipt/1", gave)], [receipt(1, "a")], NOTHING) == (
        (),
        (),
        {},
        {},
    )

"""What counts as lost and as done twice."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from tests.faults.count import StoredEntry, Verdict, count
from tests.faults.pos import Told

EPOCH = "e" * 16


def name(seq: int, stream: str = "receipt") -> str:
    return f"gw/{EPOCH}/{stream}/{seq}"


def receipt(seq: int, key: str, *, conflict: bool = False, digest: bytes = b"") -> StoredEntry:
    body = {"key": key, "quote": f"q-{key}"}
    return StoredEntry("gw", EPOCH, "receipt", seq, "receipt", digest or key.encode(), 0, body, conflict)


def dropped(seq: int, first: int, last: int, **more: Any) -> StoredEntry:
    body = {"stream": "receipt", "first": first, "last": last, "why": "damaged", **more}
    return StoredEntry("gw", EPOCH, "audit", seq, "dropped", b"d%d" % seq, 0, body)


def told(seq: int, key: str) -> Told:
    return Told(key, f"q-{key}", name(seq))


def counted(notes: Sequence[Told], stored: Sequence[StoredEntry], **more: Any) -> Verdict:
    given = {"gone": (), "wire": {}, "ledger": {}, **more}
    return count(notes, given.pop("gone"), stored, given.pop("wire"), given.pop("ledger"), **given)


def test_what_was_told_and_is_there_is_neither() -> None:
    verdict = counted([told(1, "a"), told(2, "b")], [receipt(1, "a"), receipt(2, "b")])
    assert (verdict.told, verdict.lost, verdict.duplicates) == (2, (), ())


def test_what_was_told_and_is_not_there_is_lost() -> None:
    assert len(counted([told(1, "a"), told(2, "b")], [receipt(1, "a")]).lost) == 1


def test_another_receipt_under_the_number_that_was_told_is_a_loss() -> None:
    assert len(counted([told(1, "a")], [receipt(1, "b")]).lost) == 1


def test_a_number_that_is_missing_below_others_is_lost() -> None:
    assert "receipt/2 is missing" in counted([], [receipt(1, "a"), receipt(3, "c")]).lost[0]


def test_what_a_damaged_gateway_names_as_unreadable_is_not_lost() -> None:
    stored = [receipt(1, "a"), receipt(4, "d"), dropped(1, 2, 3)]
    verdict = counted([told(2, "b"), told(3, "c")], stored, damaged=True)
    assert (verdict.lost, verdict.named) == ((), 2)


def test_what_could_be_read_and_not_proved_is_not_lost() -> None:
    salvaged = {"epoch": EPOCH, "stream": "receipt", "seq": 2, "entry_kind": "receipt"}
    stored = [StoredEntry("gw", "f" * 16, "audit", 1, "salvaged", b"s", 0, salvaged)]
    assert counted([told(2, "b")], stored, damaged=True).lost == ()
    assert len(counted([told(3, "c")], stored, damaged=True).lost) == 1


def test_a_receipt_is_never_dropped_by_a_gateway_whose_file_is_sound() -> None:
    stored = [receipt(1, "a"), receipt(4, "d"), dropped(1, 2, 3)]
    assert len(counted([told(2, "b")], stored).lost) == 2


def test_a_range_of_another_epoch_is_named_by_that_epoch() -> None:
    other = Told("b", "q-b", f"gw/{'f' * 16}/receipt/2")
    assert len(counted([other], [dropped(1, 2, 2)], damaged=True).lost) == 1
    assert counted([other], [dropped(1, 2, 2, epoch="f" * 16)], damaged=True).lost == ()


def test_a_quote_that_was_given_and_is_unknown_is_lost() -> None:
    assert counted([], [], gone=["quote q of a"]).lost == ("quote q of a",)


def test_one_key_in_two_receipts_is_a_double() -> None:
    found = counted([], [receipt(1, "a"), receipt(2, "a", digest=b"x")]).duplicates
    assert [each.partition(":")[0] for each in found] == ["receipt twice", "quote sold twice"]


def test_one_key_answered_with_two_entries_is_a_double() -> None:
    notes = [told(1, "a"), Told("a", "q-a", name(2))]
    assert "answer twice: a" in counted(notes, [receipt(1, "a"), receipt(2, "b")]).duplicates


def test_one_number_told_for_two_receipts_is_a_double_unless_the_centre_keeps_both_as_a_conflict() -> None:
    notes = [told(1, "a"), told(1, "b")]
    assert any("told for two" in each for each in counted(notes, [receipt(1, "a")]).duplicates)
    both = [receipt(1, "a"), receipt(1, "b", conflict=True)]
    verdict = counted(notes, both, conflicts_explained=True)
    assert (verdict.lost, verdict.duplicates, verdict.conflicts) == ((), (), 1)
    assert any("2 contents" in each for each in counted(notes, both).duplicates)


def test_the_same_entry_again_on_the_wire_is_suppressed_and_another_content_is_a_double() -> None:
    digest = base64.b64encode(b"a").decode()
    verdict = counted([told(1, "a")], [receipt(1, "a")], wire={name(1): [digest, digest, digest]})
    assert (verdict.suppressed, verdict.duplicates) == (2, ())
    other = base64.b64encode(b"other").decode()
    assert counted([], [receipt(1, "a")], wire={name(1): [digest, other]}).duplicates == (f"{name(1)} has 2 contents",)


def test_a_ledger_that_says_something_else_than_the_centre_is_a_double() -> None:
    assert counted([], [receipt(1, "a")], ledger={name(1): b"other"}).duplicates == (f"{name(1)} has 2 contents",)
    assert counted([], [receipt(1, "a")], ledger={name(1): b"a", name(2): b"b"}).duplicates == ()

"""The demo's two counters: every kind of loss and of duplicate, each in a morning that is otherwise perfect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.query import EntryRow
from gateway.cli.demo.check import Noted, Told, Verdict, check
from gateway.model.entry import EntryKind, Stream

ANNA, ZANE = "a1b2c3d4", "eeff0011"
DESK, GATE, TILL = "library-desk", "museum-gate", "shop-till"
STREAMS = dict.fromkeys((EntryKind.IDENTIFICATION, EntryKind.REFUSAL, EntryKind.FLOOD), Stream.IDENTIFICATION)


def name(stream: Stream, seq: int, epoch: str = "e1") -> str:
    return f"gw/{epoch}/{stream}/{seq}"


def who(digest: str) -> dict[str, Any]:
    return {"credential": {"digest": digest}} if digest else {"refusal": "forged"}


class Morning:
    """What was noted and what is stored, kept in step by these methods; tests then break one of the two."""

    def __init__(self) -> None:
        self.noted = Noted()
        self.rows: list[EntryRow] = []

    def store(self, kind: EntryKind, body: dict[str, Any], epoch: str = "e1") -> str:
        stream = STREAMS.get(kind, Stream.RECEIPT)
        seq = 1 + sum((row.stream, row.epoch) == (stream, epoch) for row in self.rows)
        raw = msgspec.Raw(msgspec.json.encode(body))
        self.rows.append(EntryRow(len(self.rows) + 1, "gw", epoch, stream, seq, kind, 0, 0, b"", raw))
        return name(stream, seq, epoch)

    def identify(self, digest: str = ANNA, station: str = DESK) -> str:
        entry = self.store(EntryKind.IDENTIFICATION, {"station": station, "identification": who(digest)})
        self.noted.presented[station, digest] += 1
        self.noted.shown.append(Told(entry, station, mark=digest[:6]))
        return entry

    def admit(self, digest: str = ANNA) -> int:
        entry = self.store(EntryKind.ADMISSION, {"station": GATE, "identification": who(digest)})
        number = int(entry.rsplit("/", 1)[1])
        self.noted.presented[GATE, digest] += 1
        self.noted.shown.append(Told(entry, GATE, mark=digest[:6]))
        self.noted.pulses += 1
        self.store(EntryKind.OPENED, {"station": GATE, "admission": number})
        return number

    def void(self, admission: int, **more: Any) -> None:
        self.store(EntryKind.VOID, {"station": GATE, "admission": admission, "reason": "not_opened", **more})

    def sell(self, key: str = "r-1", quote: str = "q1", *, printed: bool = False) -> None:
        entry = self.store(EntryKind.RECEIPT, {"station": TILL, "key": key, "quote": quote})
        self.noted.shown.append(Told(entry, TILL))
        self.noted.answers.append(Told(entry, TILL, key=key))
        if printed:
            self.store(EntryKind.FISCAL_OUTCOME, {"station": TILL, "key": quote, "outcome": "printed"})
            self.noted.papers.append((quote, 1177))
            self.noted.printed.add(quote)

    def check(self) -> Verdict:
        return check(self.noted, self.rows)


@pytest.fixture
def morning() -> Morning:
    """Everything once, and all is well."""
    morning = Morning()
    morning.identify(ANNA)
    morning.identify(ZANE)
    morning.identify("")
    morning.identify(ANNA)
    morning.admit()
    morning.sell("r-1", "q1")
    morning.sell("r-2", "q2", printed=True)
    assert morning.check() == Verdict((), ())
    return morning


def test_nothing_noted_and_nothing_stored_is_well() -> None:
    assert check(Noted(), []) == Verdict((), ())


# Lost ----------------------------------------------------------------------------------------------------


def test_what_a_page_called_recorded_and_is_not_there_is_lost(morning: Morning) -> None:
    morning.noted.shown.append(Told(name(Stream.IDENTIFICATION, 5), DESK, mark=ANNA[:6]))
    verdict = morning.check()
    assert verdict.duplicates == ()
    [lost] = verdict.lost
    assert lost == "entry gw/e1/identification/5, told at library-desk"


def test_what_the_pos_was_told_and_is_not_there_is_lost(morning: Morning) -> None:
    morning.noted.answers.append(Told(name(Stream.RECEIPT, 9), TILL, key="r-9"))
    assert len(morning.check().lost) == 1


def test_an_entry_of_another_epoch_is_not_the_one_that_was_told(morning: Morning) -> None:
    morning.noted.shown.append(Told(name(Stream.IDENTIFICATION, 1, "e2"), DESK, mark=ANNA[:6]))
    assert len(morning.check().lost) == 1


@pytest.mark.parametrize("told", [Told("", DESK, mark=ZANE[:6]), Told("", GATE, mark=ANNA[:6])])
def test_a_number_that_holds_something_else_than_was_told_is_lost(morning: Morning, told: Told) -> None:
    entry = morning.noted.shown[0].entry
    morning.noted.shown[0] = msgspec.structs.replace(told, entry=entry)
    assert len(morning.check().lost) == 1


def test_a_receipt_under_another_key_than_the_pos_was_told_is_lost(morning: Morning) -> None:
    morning.noted.answers[0] = msgspec.structs.replace(morning.noted.answers[0], key="r-7")
    assert len(morning.check().lost) == 1


def test_a_forgotten_body_cannot_be_what_was_told(morning: Morning) -> None:
    morning.rows[0] = msgspec.structs.replace(morning.rows[0], body=None, kind=EntryKind.FLOOD)
    assert len(morning.check().lost) == 1


def test_one_number_told_for_two_people_is_one_of_them_lost(morning: Morning) -> None:
    """A ledger that says "stored" and forgets gives the same number again."""
    morning.noted.shown.append(morning.noted.shown[0])
    assert len(morning.check().lost) == 1


def test_a_number_that_is_missing_between_others_is_lost_whoever_was_told(morning: Morning) -> None:
    gone = next(row for row in morning.rows if row.kind is EntryKind.OPENED)
    morning.rows.remove(gone)
    [lost] = morning.check().lost
    assert lost == "entry gw/e1/receipt/2, though later ones are there"


def test_each_epoch_and_stream_counts_for_itself(morning: Morning) -> None:
    morning.store(EntryKind.FISCAL_STEP, {"station": TILL}, epoch="e2")
    assert morning.check() == Verdict((), ())


def test_a_gate_that_opened_without_an_admission_is_a_loss(morning: Morning) -> None:
    morning.noted.pulses += 2
    assert morning.check().lost == ("an opening without its admission",) * 2


def test_a_grant_that_was_never_opened_covers_no_opening(morning: Morning) -> None:
    admission = morning.admit()
    morning.rows = [row for row in morning.rows if row.kind is not EntryKind.OPENED]
    morning.rows = [msgspec.structs.replace(row, seq=number + 1) for number, row in enumerate(morning.rows)]
    morning.noted.shown.clear()
    morning.noted.answers.clear()
    morning.void(admission)
    assert "an opening without its admission" in morning.check().lost


def test_a_void_whose_opening_is_unknown_may_have_opened(morning: Morning) -> None:
    morning.void(morning.admit(), opening_unknown=True)
    assert morning.check() == Verdict((), ())


def test_a_void_because_nobody_passed_has_opened(morning: Morning) -> None:
    morning.void(morning.admit(), reason="no_passage")
    assert morning.check() == Verdict((), ())


def test_an_admission_that_did_not_open_is_no_loss(morning: Morning) -> None:
    morning.admit()
    morning.noted.pulses -= 1
    assert morning.check() == Verdict((), ())


def test_a_paper_of_what_came_back_is_no_loss(morning: Morning) -> None:
    morning.store(EntryKind.REFUND, {"station": TILL, "key": "f-1", "work": "w1"})
    morning.store(EntryKind.REFUND, {"station": TILL, "key": "f-2"})  # the POS has printed it
    morning.noted.papers.append(("w1", 350))
    assert morning.check() == Verdict((), ())


def test_a_paper_without_its_receipt_is_a_loss(morning: Morning) -> None:
    morning.noted.papers.append(("q9", 100))
    assert morning.check().lost == ("paper q9 without its receipt",)


def test_a_paper_that_was_told_and_is_not_there_is_a_loss(morning: Morning) -> None:
    morning.noted.papers.clear()
    assert morning.check().lost == ("paper q2 was told and is not there",)


# Duplicates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EntryKind.IDENTIFICATION, EntryKind.REFUSAL, EntryKind.ADMISSION])
def test_one_person_who_is_stored_twice_is_a_duplicate(morning: Morning, kind: EntryKind) -> None:
    morning.store(kind, {"station": DESK, "identification": who(ZANE)})
    assert morning.check() == Verdict((), ("library-desk: eeff00 came 1 times",))


def test_one_that_could_not_be_read_and_is_stored_twice_is_a_duplicate(morning: Morning) -> None:
    morning.store(EntryKind.REFUSAL, {"station": DESK, "identification": who("")})
    assert morning.check().duplicates == ("library-desk: an unreadable one came 1 times",)


def test_someone_who_never_came_is_a_duplicate(morning: Morning) -> None:
    morning.store(EntryKind.IDENTIFICATION, {"station": TILL, "identification": who(ZANE)})
    assert len(morning.check().duplicates) == 1


def test_two_receipts_under_one_key_are_a_duplicate(morning: Morning) -> None:
    morning.store(EntryKind.RECEIPT, {"station": TILL, "key": "r-1", "quote": "q3"})
    assert morning.check().duplicates == ("receipt twice: shop-till r-1",)


def test_one_quote_sold_under_two_keys_is_a_duplicate(morning: Morning) -> None:
    morning.store(EntryKind.RECEIPT, {"station": TILL, "key": "r-3", "quote": "q1"})
    assert morning.check().duplicates == ("quote sold twice: q1",)


def test_one_key_answered_with_two_entries_is_a_duplicate(morning: Morning) -> None:
    other = morning.noted.answers[1].entry
    morning.noted.answers.append(Told(other, TILL, key="r-1"))
    assert "answer twice: shop-till r-1" in morning.check().duplicates


def test_the_same_answer_to_a_repeated_request_is_well(morning: Morning) -> None:
    morning.noted.answers.append(morning.noted.answers[0])
    assert morning.check() == Verdict((), ())


def test_a_paper_of_a_work_that_a_program_asked_for_is_no_loss(morning: Morning) -> None:
    morning.store(EntryKind.FISCAL_WORK, {"station": "netfp", "work": {"key": "k9"}})
    morning.noted.papers.append(("k9", 250))
    assert morning.check() == Verdict((), ())


def test_two_papers_of_one_receipt_are_a_duplicate(morning: Morning) -> None:
    morning.noted.papers.append(("q2", 1177))
    assert morning.check().duplicates == ("paper twice: q2",)


def test_two_printed_outcomes_of_one_receipt_are_a_duplicate(morning: Morning) -> None:
    morning.store(EntryKind.FISCAL_OUTCOME, {"station": TILL, "key": "q2", "outcome": "printed"})
    assert morning.check().duplicates == ("printed outcome twice: q2",)


def test_an_unknown_outcome_beside_a_printed_one_is_well(morning: Morning) -> None:
    morning.store(EntryKind.FISCAL_OUTCOME, {"station": TILL, "key": "q2", "outcome": "unknown"})
    assert morning.check() == Verdict((), ())


def test_a_group_may_be_opened_for_once_for_each_of_them(morning: Morning) -> None:
    identification = {**who(ANNA), "persons": 3}
    morning.noted.presented[GATE, ANNA] += 1
    entry = morning.store(EntryKind.ADMISSION, {"station": GATE, "identification": identification})
    admission = int(entry.rsplit("/", 1)[1])
    for passage in (1, 2):
        morning.store(EntryKind.OPENED, {"station": GATE, "admission": admission, "passage": passage})
    morning.store(EntryKind.VOID, {"station": GATE, "admission": admission, "reason": "not_opened", "passed": 2})
    morning.noted.pulses += 2
    assert morning.check() == Verdict((), ())
    morning.noted.pulses += 1
    assert morning.check().lost == ("an opening without its admission",)


@pytest.mark.parametrize("kind", [EntryKind.OPENED, EntryKind.PASSED, EntryKind.VOID])
def test_one_admission_takes_each_step_once(morning: Morning, kind: EntryKind) -> None:
    admission = morning.admit()
    body = {"station": GATE, "admission": admission, "reason": "no_passage"}
    for _ in range(2):
        morning.store(kind, body)
    copies = 2 if kind is EntryKind.OPENED else 1
    assert morning.check().duplicates == (f"step of a gate twice: {kind} e1/{admission}",) * copies


# For any numbers -----------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([ANNA, ZANE, ""]), max_size=12), st.data())
def test_each_entry_that_goes_is_one_lost_and_each_that_is_added_one_twice(
    people: list[str], data: st.DataObject
) -> None:
    morning = Morning()
    for digest in people:
        morning.identify(digest)
    if people:
        gone = data.draw(st.integers(0, len(people) - 1))
        kept = [row for number, row in enumerate(morning.rows) if number != gone]
        verdict = check(morning.noted, kept)
        assert (len(verdict.lost), verdict.duplicates) == (1, ())
    added = data.draw(st.lists(st.sampled_from([ANNA, ZANE, ""]), max_size=4))
    for digest in added:
        morning.store(EntryKind.IDENTIFICATION, {"station": DESK, "identification": who(digest)})
    verdict = morning.check()
    assert (verdict.lost, len(verdict.duplicates)) == ((), len(added))

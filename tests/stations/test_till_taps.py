"""A tap is bound to one receipt; while two persons' taps are here, the cashier says whose it is."""

from __future__ import annotations

import asyncio

import pytest

from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict
from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.model.shown import Show
from gateway.stations.till_taps import Taps, TwoTaps
from tests.stations.till_rig import Pos, book, refused
from tests.support.clock import FakeClock
from tests.support.place import BARCODE, Place, SlowDisk


@pytest.fixture
async def pos(place: Place) -> Pos:
    return await Pos(place).start()


async def test_a_quote_takes_the_tap_and_the_next_one_has_none(pos: Pos) -> None:
    await pos.tap("berta")
    assert (await pos.quote()).due_cents == 500
    assert not (await pos.quote()).identified


async def test_a_quote_that_is_refused_leaves_the_tap(pos: Pos) -> None:
    await pos.tap("berta")
    assert await refused(pos.quote(book("1"), book("1"))) == "bad_receipt"
    assert (await pos.quote()).identified


async def test_a_quote_that_could_not_be_stored_leaves_the_tap(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    pos.place.ledger._writer.stop()
    assert await refused(pos.quote()) == "ledger"
    assert (await pos.till.balance()).identified


async def test_the_same_card_twice_is_one_tap(pos: Pos) -> None:
    await pos.tap("berta")
    await pos.tap("berta", counter=3)
    assert (await pos.quote()).identified
    assert not (await pos.quote()).identified


async def test_two_persons_taps_ask_and_the_page_shows_their_marks(place: Place, pos: Pos) -> None:
    await pos.tap("anna")
    await pos.tap("berta")
    with pytest.raises(TwoTaps) as caught:
        await pos.quote()
    marks = caught.value.marks
    assert len(set(marks)) == 2
    assert all(len(mark) == 6 for mark in marks)
    shown = [event for event in place.board.after(0) if event.show is Show.TWO_TAPS]
    assert [set(event.marks) for event in shown] == [set(marks)] * 2, "at the second tap, and when the POS asked"


async def test_the_cashier_chooses_by_mark_and_the_other_waits_for_its_own_receipt(pos: Pos) -> None:
    await pos.tap("anna")
    await pos.tap("berta")
    with pytest.raises(TwoTaps) as caught:
        await pos.quote(key="sale-1")
    first = await pos.quote(key="sale-1", tap=caught.value.marks[0])
    await pos.commit(first)
    second = await pos.quote(key="sale-2")
    assert {first.due_cents, second.due_cents} == {0, 500}
    assert first.mark == caught.value.marks[0]


async def test_none_of_them_is_a_choice_and_both_go_on_waiting(pos: Pos) -> None:
    await pos.tap("anna")
    await pos.tap("berta")
    assert not (await pos.quote(tap="none")).identified
    assert await refused(pos.quote()) == "two_taps"


async def test_a_tap_beside_an_open_quote_of_somebody_else_asks(pos: Pos) -> None:
    await pos.tap("anna")
    first = await pos.quote()
    await pos.tap("berta")
    assert await refused(pos.quote()) == "two_taps"
    await pos.commit(first)
    assert (await pos.quote()).due_cents == 500


async def test_who_taps_again_while_their_quote_is_open_is_not_asked_about(pos: Pos) -> None:
    await pos.tap("berta")
    await pos.quote()
    await pos.tap("berta", counter=3)
    assert (await pos.quote()).identified, "the POS has forgotten the first one"


async def test_who_taps_again_while_they_pay_leaves_nothing_to_the_next_customer(pos: Pos) -> None:
    await pos.tap("berta")
    first = await pos.quote()
    await pos.tap("berta", counter=3)
    await pos.commit(first)
    assert not (await pos.quote()).identified
    await pos.tap("berta", counter=5)
    again = await pos.quote()
    await pos.tap("berta", counter=7)
    await pos.till.withdraw(again.quote)
    assert not (await pos.quote()).identified


async def test_an_open_quote_forgets_its_tap_when_its_time_is_over(place: Place, pos: Pos) -> None:
    await pos.tap("anna")
    await pos.quote()
    place.clock.advance(300.1)
    await pos.tap("berta")
    assert (await pos.quote()).due_cents == 500


async def test_a_mark_that_nobody_has_is_not_found(pos: Pos) -> None:
    await pos.tap("anna")
    assert await refused(pos.quote(tap="ffffff")) == "no_such_tap"
    assert (await pos.quote()).identified


async def test_choosing_a_tap_of_an_open_quote_takes_it_over(pos: Pos) -> None:
    await pos.tap("berta")
    first = await pos.quote()
    again = await pos.quote(tap=first.mark)
    assert again.identified
    assert (await pos.commit(first)).late, "the first one is replaced"


async def test_several_cards_at_once_drop_what_waits(place: Place, pos: Pos) -> None:
    from gateway.model.reading import UnusableReading

    await pos.tap("anna")
    await pos.till.on_reading(UnusableReading("nfc-1", place.clock.mono_ns(), Refusal.SEVERAL_CARDS))
    assert not (await pos.quote()).identified


async def test_what_is_left_is_asked_of_one_person_only(pos: Pos) -> None:
    await pos.tap("anna")
    await pos.tap("berta")
    assert await refused(pos.till.balance()) == "two_taps"


# A changed receipt ------------------------------------------------------------------------------------------


async def test_a_changed_receipt_takes_the_tap_over(pos: Pos) -> None:
    await pos.tap("berta")
    first = await pos.quote()
    second = await pos.quote(book(), book("2"), replaces=first.quote)
    assert (second.due_cents, second.mark) == (1000, first.mark)
    third = await pos.quote(replaces=second.quote)
    assert third.due_cents == 500


async def test_the_next_person_in_the_queue_changes_nothing_for_a_changed_receipt(pos: Pos) -> None:
    await pos.tap("anna")
    first = await pos.quote()
    await pos.tap("berta")
    second = await pos.quote(book("2"), replaces=first.quote)
    assert second.due_cents == 0
    await pos.commit(second)
    assert (await pos.quote()).due_cents == 500


async def test_who_taps_after_the_quote_is_taken_with_the_changed_one(pos: Pos) -> None:
    first = await pos.quote()
    assert not first.identified
    await pos.tap("berta")
    assert (await pos.quote(replaces=first.quote)).due_cents == 500


async def test_a_replaced_quote_that_was_printed_all_the_same_is_late_and_not_lost(pos: Pos) -> None:
    first = await pos.quote()
    await pos.quote(replaces=first.quote)
    assert (await pos.commit(first)).late


async def test_a_committed_quote_cannot_be_replaced(pos: Pos) -> None:
    first = await pos.quote()
    await pos.commit(first)
    assert await refused(pos.quote(replaces=first.quote)) == "no_such_quote"


async def test_after_a_restart_a_changed_receipt_is_still_the_same_persons(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    first = await pos.quote()
    after = await place.crash()
    again = await Pos(after).start()
    assert (await again.quote(book("2"), replaces=first.quote, key="after")).due_cents == 500
    await after.stop()


# A code that the POS has read -------------------------------------------------------------------------------


async def test_a_code_that_the_pos_has_read_identifies(place: Place, pos: Pos) -> None:
    quote = await pos.quote(credential=BARCODE.decode())
    assert (quote.identified, quote.due_cents, len(quote.mark)) == (True, 0, 6)
    assert place.kinds() == [EntryKind.IDENTIFICATION]
    again = await pos.quote(book("2"), replaces=quote.quote)
    assert again.due_cents == 0


async def test_its_clear_text_is_in_no_file(place: Place, pos: Pos) -> None:
    await pos.commit(await pos.quote(credential=BARCODE.decode()))
    await place.stop()
    for file in place.folder.iterdir():
        assert BARCODE not in file.read_bytes(), file.name


async def test_the_same_request_with_a_code_gets_the_same_quote_and_another_code_is_a_conflict(
    place: Place, pos: Pos
) -> None:
    text = place.pass_text().decode()
    first = await pos.quote(credential=text, key="q")
    assert await pos.quote(credential=text, key="q") == first
    assert await refused(pos.quote(credential=BARCODE.decode(), key="q")) == "key_reused"


async def test_a_code_that_is_not_accepted_says_why_and_the_receipt_goes_at_list_price(place: Place, pos: Pos) -> None:
    quote = await pos.quote(credential="LV-999999")
    assert (quote.identified, quote.refusal, quote.due_cents) == (False, Refusal.UNKNOWN, 1000)
    assert place.kinds(Stream.IDENTIFICATION) == [EntryKind.REFUSAL]


async def test_a_one_time_pass_pays_once(place: Place, pos: Pos) -> None:
    text = place.pass_text(once=True).decode()
    assert (await pos.quote(credential=text)).due_cents == 0
    again = await pos.quote(credential=text)
    assert (again.identified, again.refusal) == (False, Refusal.REPLAYED)


async def test_of_two_tills_at_once_one_takes_a_one_time_pass(place: Place, pos: Pos) -> None:
    text = place.pass_text(once=True).decode()
    other = await Pos(place, "till-2").start()
    with SlowDisk(place):
        work = [asyncio.create_task(one.quote(credential=text)) for one in (pos, other)]
        done, _ = await asyncio.wait(work, timeout=0.1)
        assert not done
    first, second = await asyncio.gather(*work)
    assert (first.due_cents, second.due_cents, second.refusal) == (0, 1000, Refusal.REPLAYED)


async def test_a_station_that_takes_no_barcode_takes_none_from_a_pos(place: Place) -> None:
    place.services._weak = {"till-1": ("card",)}
    pos = await Pos(place).start()
    assert (await pos.quote(credential=BARCODE.decode())).refusal is Refusal.TOO_WEAK


async def test_a_code_and_a_tap_are_not_both_given(pos: Pos) -> None:
    assert await refused(pos.quote(credential="LV-000123", tap="none")) == "bad_receipt"


# Marks ------------------------------------------------------------------------------------------------------


def person(name: str, digest: str) -> Identification:
    return Identification(Credential(CredentialKind.CARD, Strength.GENUINE, digest, "k1"), name)


def test_marks_are_as_long_as_they_have_to_be() -> None:
    taps = Taps(FakeClock(), 60)
    taps.present(person("h-1", "abcdef11" + "0" * 56))
    marks = taps.present(person("h-2", "abcdef22" + "0" * 56))
    assert set(marks) == {"abcdef11", "abcdef22"}
    taken = taps.take("abcdef22", "")
    assert taken is not None
    assert taken.who.holder == "h-2"
    assert taps.mark_of(taken.who) == "abcdef22"


def test_a_newer_tap_of_the_same_person_stays_when_a_quote_comes_to_nothing() -> None:
    taps = Taps(FakeClock(), 60)
    taps.present(person("h-1", "a" * 64))
    taken = taps.take("", "")
    taps.present(person("h-1", "b" * 64))
    taps.put_back(taken)
    assert taps.waiting == person("h-1", "b" * 64)


def test_who_taps_while_somebody_elses_quote_is_worked_on_is_not_taken_for_them() -> None:
    taps = Taps(FakeClock(), 60)
    taps.present(person("h-1", "a" * 64))
    first = taps.take("", "")
    assert set(taps.present(person("h-2", "b" * 64))) == {"a" * 6, "b" * 6}
    with pytest.raises(TwoTaps):
        taps.take("", "")
    with pytest.raises(Conflict) as caught:
        taps.take("a" * 6, "")
    assert caught.value.code == "in_progress"
    taps.bind(first, "1f", 60.0)
    chosen = taps.take("a" * 6, "")
    assert chosen is not None
    assert chosen.quote == "1f"


def test_a_quote_that_comes_to_nothing_leaves_its_tap_to_the_next() -> None:
    taps = Taps(FakeClock(), 60)
    taps.present(person("h-1", "a" * 64))
    taps.put_back(taps.take("", ""))
    assert taps.take("a" * 6, "") is not None

"""A centre that says what a test tells it to: what each word does, and what words that cannot be true do not."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind, Stream
from gateway.wire.bundle import BundleKind
from gateway.wire.messages import Ack, Acks, encode
from tests.sync.ends import GATEWAY, TOPICS, fill, payload
from tests.sync.house import RECEIPT, House, until


async def test_a_birth_says_what_is_and_a_stop_says_death(house: House) -> None:
    await fill(house.ledger, 7)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: bool(centre.states))
        await asyncio.to_thread(centre.wait, lambda: len(centre.states) == 2)
        birth, death = centre.states
        assert (birth.online, birth.epoch, birth.version) == (True, house.ledger.epoch, "test")
        assert (birth.last[RECEIPT], birth.through[RECEIPT]) == (7, 0)
        assert (death.online, death.session) == (False, birth.session)


async def test_without_an_ack_entries_come_again_with_a_new_birth(house: House) -> None:
    await fill(house.ledger, 3)
    with house.scripted() as centre:
        async with house.syncing(resend_s=0.2):
            await asyncio.to_thread(centre.wait, lambda: centre.seqs()[:6] == [1, 2, 3] * 2 and len(centre.states) >= 2)
            assert house.ledger.acked(RECEIPT) == 0
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 3))
            await until(lambda: house.acked())


async def test_an_ack_that_comes_late_and_twice_counts_once(house: House) -> None:
    await fill(house.ledger, 5)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: centre.seqs() == [1, 2, 3, 4, 5])
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 5), Ack(RECEIPT, house.ledger.epoch, 2))
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 3))
            await until(lambda: house.acked())
            await fill(house.ledger, 1)
            await asyncio.to_thread(centre.wait, lambda: centre.seqs() == [1, 2, 3, 4, 5, 6])


async def test_what_the_centre_misses_comes_again(house: House) -> None:
    await fill(house.ledger, 6)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 6)
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 2, missing=((3, 4),)))
            await asyncio.to_thread(centre.wait, lambda: centre.seqs()[6:8] == [3, 4])


async def test_what_the_centre_refuses_goes_into_quarantine_once(house: House) -> None:
    await fill(house.ledger, 5)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            for _ in range(4):
                centre.ack(Ack(RECEIPT, house.ledger.epoch, 5, refused=(2, 4, 2, 0)))
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 5, refused=(2, 4, 5)))
            await until(lambda: len(house.ledger.query("SELECT seq FROM quarantine")) == 3)
    assert house.ledger.query("SELECT seq FROM quarantine ORDER BY seq") == [(2,), (4,), (5,)]
    assert house.counts(EntryKind.MESSAGE_REFUSED) == [2, 1]


async def test_malformed_messages_change_nothing_and_are_told_as_a_count(house: House) -> None:
    await fill(house.ledger, 1)
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 1)
            for number in range(12):
                centre.say(TOPICS.ack, b"noise %d" % number)
            centre.say(
                TOPICS.ack,
                b'{"acks":[{"stream":"receipt","epoch":"%s","through":%d,"refused":[%d]}]}'
                % (house.ledger.epoch.encode(), 1, 2**63),
            )
            centre.say(TOPICS.command, b"{}")
            centre.say(TOPICS.bundle, b"noise")
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 1))
            await until(lambda: house.acked())
            assert sync.status.bundles == {}
    assert house.counts(EntryKind.MESSAGE_REFUSED) == [1, 10]


async def test_the_ledger_lives_after_the_worst_ack(house: House) -> None:
    """A number that no store can hold must end at the decoder, not in the ledger's thread."""
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            word = Ack(RECEIPT, house.ledger.epoch, 0, refused=(2**64,))
            centre.say(TOPICS.ack, encode(Acks((word,))))
            centre.say(TOPICS.bundle, payload(BundleKind.RULES, 1, b"{"))
            await until(lambda: house.told(EntryKind.MESSAGE_REFUSED) and house.told(EntryKind.BUNDLE_REFUSED))
            await fill(house.ledger, 1)
    assert house.ledger.last(RECEIPT) == 1


# Words that cannot be true ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ({"through": 6}, "ack_never_sent"),
        ({"through": 2**31 - 1}, "ack_never_sent"),
        ({"epoch": "f" * 16}, "ack_unknown_epoch"),
        ({"through": 3, "missing": ((4, 9),)}, "ack_missing_above"),
        ({"through": 3, "missing": ((2, 4),)}, "ack_missing_above"),
        ({"through": 3, "missing": ((5, 4),)}, "ack_missing_above"),
        ({"through": 3, "refused": (2, 6)}, "ack_refused_above"),
    ],
)
async def test_a_word_that_cannot_be_true_changes_nothing_and_is_told(
    house: House, word: dict[str, object], what: str
) -> None:
    await fill(house.ledger, 5)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            whole = {"stream": RECEIPT, "epoch": house.ledger.epoch, "through": 5, **word}
            for _ in range(12):
                centre.ack(msgspec.convert(whole, Ack))
            await until(lambda: house.counts(EntryKind.SECURITY) == [1, 10])
            assert house.ledger.acked(RECEIPT) == 0
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 1))
            await until(lambda: house.ledger.acked(RECEIPT) == 1)
    assert {getattr(body, "what", "") for body in house.told(EntryKind.SECURITY)} == {what}
    assert house.ledger.query("SELECT * FROM quarantine") == []
    assert centre.seqs() == [1, 2, 3, 4, 5]


async def test_an_ack_that_goes_back_changes_nothing_and_is_told_but_not_a_late_one(house: House) -> None:
    await fill(house.ledger, 5)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            for through in (1, 3, 5, 3, 1, 5):  # the last three come again, as a broker may bring them
                centre.ack(Ack(RECEIPT, house.ledger.epoch, through))
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 2))
            await until(lambda: house.counts(EntryKind.SECURITY) == [1])
            assert house.ledger.acked(RECEIPT) == 5


async def test_a_centre_that_has_more_than_we_have_is_told_on_at_once(house: House) -> None:
    """This card lost entries that the centre has: the numbers must not be used again."""
    await fill(house.ledger, 5)
    behind: list[tuple[str, Stream, int]] = []
    with house.scripted() as centre:
        async with house.syncing(on_behind=lambda *told: behind.append(told)):
            await asyncio.to_thread(centre.wait, lambda: bool(centre.states))
            for _ in range(3):
                centre.ack(Ack(RECEIPT, house.ledger.epoch, 8))
            await until(lambda: house.counts(EntryKind.SECURITY) == [1])
    assert behind == [(house.ledger.epoch, RECEIPT, 8)]
    assert house.ledger.acked(RECEIPT) == 0


# Several epochs ------------------------------------------------------------------------------------------


async def test_an_older_epoch_drains_beside_the_present_one(house: House) -> None:
    """It is in the birth, its entries go up under its own name, and its acks go to it."""
    older = Ledger(house.folder / "older.db", GATEWAY, house.clock)
    older.start()
    await fill(older, 3)
    await fill(house.ledger, 2)
    with house.scripted() as centre:
        async with house.syncing(older=lambda: (older,)):
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            told = centre.states[0].older
            centre.ack(Ack(RECEIPT, older.epoch, 3), Ack(RECEIPT, house.ledger.epoch, 1))
            await until(lambda: house.ledger.acked(RECEIPT) == 1)
    assert [(epoch.epoch, epoch.last[RECEIPT], epoch.through[RECEIPT]) for epoch in told] == [(older.epoch, 3, 0)]
    assert [entry.header.id.epoch for entry in centre.entries[:3]] == [older.epoch] * 3
    assert older.acked(RECEIPT) == 3
    assert house.told(EntryKind.SECURITY) == []
    await older.stop()

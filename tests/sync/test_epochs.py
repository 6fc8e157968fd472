"""A new epoch with the wire up: ordered by the centre, or begun because the centre knows more than this card."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from pathlib import Path
from typing import Any

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import EpochBeganBody, EpochReason
from gateway.model.entry import EntryKind, Stream
from gateway.sync.epochs import Epochs
from gateway.wire.commands import Command, NewEpoch, Outcome
from gateway.wire.messages import Ack
from tests.sync.ends import GATEWAY, fill
from tests.sync.house import RECEIPT, House, alarms, stored, until


def hooks(ledger: Ledger) -> dict[str, Any]:
    """As the daemon gives them."""
    epochs = Epochs(ledger)
    return {"older": epochs.older, "new_epoch": epochs.ordered, "on_behind": epochs.behind}


async def test_an_ordered_epoch_begins_and_the_old_one_drains(house: House) -> None:
    ledger = house.ledger
    with house.centre() as centre:
        await fill(ledger, 300)
        first = ledger.epoch
        async with house.syncing(**hooks(ledger)) as sync:
            await until(lambda: sync.status.connected)
            await until(lambda: bool(centre.query.gateways(GATEWAY)))  # Orders are for those that were heard of.
            centre.command(secrets.token_hex(16), GATEWAY, NewEpoch(first, "a test"))
            await until(lambda: ledger.epoch != first)
            await fill(ledger, 5)
            await until(lambda: house.acked() and ledger.older and ledger.older[0].drained)
            await until(lambda: [row.outcome for row in centre.query.commands()] == [Outcome.DONE])
        assert stored(centre, first) == list(range(1, 301))
        assert stored(centre, ledger.epoch) == [1, 2, 3, 4, 5]
        assert alarms(centre) == set()


async def test_a_centre_that_has_more_than_this_card_begins_a_new_epoch(house: House, tmp_path: Path) -> None:
    """An older copy of the file under a mark that is as old: only the centre can tell."""
    ledger = house.ledger
    with house.centre() as centre:
        async with house.syncing(**hooks(ledger)):
            await fill(ledger, 3)
            await until(lambda: house.acked())
        await ledger.stop()
        copy = tmp_path / "copy"
        shutil.copytree(ledger.path.parent, copy, ignore=shutil.ignore_patterns("centre*", "copy", "cache*", "city*"))
        ledger.start()
        first = ledger.epoch
        async with house.syncing(**hooks(ledger)):
            await fill(ledger, 4)
            await until(lambda: house.acked())
        old = Ledger(copy / ledger.path.name, GATEWAY, house.clock)
        old.start()
        assert (old.epoch, old.last(RECEIPT)) == (first, 3)
        there = House(old, house.cache, house.clock, house.broker, house.folder)
        async with there.syncing(**hooks(old)):
            await until(lambda: old.epoch != first)
            await fill(old, 2)
            await until(lambda: there.acked() and there.acked(Stream.AUDIT))
        (began,) = there.told(EntryKind.EPOCH_BEGAN)
        assert isinstance(began, EpochBeganBody)
        assert (began.previous, began.reason, began.alarm) == (first, EpochReason.LOST, True)
        assert stored(centre, first) == list(range(1, 8))
        assert stored(centre, old.epoch) == [1, 2]
        await old.stop()


async def test_an_order_for_an_epoch_that_is_gone_begins_none(house: House) -> None:
    ledger = house.ledger
    await fill(ledger, 1)
    first = ledger.epoch
    with house.scripted() as centre:
        async with house.syncing(**hooks(ledger)) as sync:
            await until(lambda: sync.status.connected)
            for _ in range(2):
                centre.order(Command(secrets.token_hex(16), GATEWAY, NewEpoch(first, "twice by two people")))
            await asyncio.to_thread(centre.wait, lambda: len(centre.results) == 2)
            assert [result.outcome for result in centre.results] == [Outcome.DONE] * 2
            second = ledger.epoch
            await asyncio.to_thread(centre.wait, lambda: any(state.epoch == second for state in centre.states))
            birth = next(state for state in centre.states if state.epoch == second)
            assert [older.epoch for older in birth.older] == [first]
            centre.ack(Ack(RECEIPT, first, 1))
            await until(lambda: ledger.older[0].acked(RECEIPT) == 1)
    assert len(ledger.older) == 1

"""A gateway that has begun anew many times: its birth names what drains, and no more than a birth holds."""

from __future__ import annotations

from pathlib import Path

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import EpochReason
from gateway.model.entry import Stream
from gateway.wire.messages import MAX_OLDER, State, decode, encode
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, fill
from tests.sync.wire import Wire


async def test_a_birth_names_the_oldest_epochs_that_still_drain(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db", GATEWAY, FakeClock())
    ledger.start()
    for _ in range(MAX_OLDER + 4):
        await fill(ledger, 2)
        await ledger.new_epoch(EpochReason.ORDERED)
    epochs = [older.epoch for older in ledger.older]
    wire = Wire(*ledger.older, ledger)
    assert [older.epoch for older in wire.pump.older] == epochs[:MAX_OLDER]
    for older in ledger.older[:5]:
        for stream in Stream:
            older.ack(stream, older.last(stream))
    assert [older.epoch for older in wire.pump.older] == epochs[5:]
    birth = State(True, "0123456789abcdef", ledger.epoch, older=wire.pump.older)
    assert decode(encode(birth), State, "birth") == birth
    await ledger.stop()

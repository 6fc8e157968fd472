"""Any word of a centre: what cannot be true is told and changes nothing, what can be moves the watermark up only."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.ledger import Ledger
from gateway.model.entry import Stream
from gateway.sync.acks import AckIntake
from gateway.sync.notes import Notes
from gateway.wire.messages import Ack
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, TOPICS, fill
from tests.sync.wire import Wire

RECEIPT = Stream.RECEIPT
STORED = 40
near = st.integers(0, STORED + 20)
seqs = st.one_of(near, st.integers(0, 2**31 - 1))
words = st.lists(
    st.tuples(
        st.sampled_from(("ours", "ours", "ours", "older", "f" * 16)),
        seqs,
        st.lists(st.tuples(seqs, seqs), max_size=3),
        st.lists(seqs, max_size=3),
    ),
    max_size=12,
)


class End:
    """The parts that take acks in, on a wire where everything has been sent but for the newest entries."""

    def __init__(self, ledger: Ledger, older: Ledger) -> None:
        self.ledger = ledger
        self.older = older
        self.wire = Wire(older, ledger)
        self.behind: list[tuple[str, Stream, int]] = []
        self.acks = AckIntake(ledger, self.wire.pump, Notes(ledger), TOPICS.ack, lambda *told: self.behind.append(told))

    def word(self, of: str, through: int, missing: list[tuple[int, int]], refused: list[int]) -> Ack:
        epoch = {"ours": self.ledger.epoch, "older": self.older.epoch}.get(of, of)
        return Ack(RECEIPT, epoch, through, tuple(missing), tuple(refused))


async def listen(folder: Path, said: list[tuple[str, int, list[tuple[int, int]], list[int]]]) -> None:
    clock = FakeClock()
    ledger, older = Ledger(folder / "ledger.db", GATEWAY, clock), Ledger(folder / "older.db", GATEWAY, clock)
    ledger.start()
    older.start()
    await fill(ledger, STORED)
    await fill(older, STORED)
    end = End(ledger, older)
    end.wire.pump.connected(1000)
    end.wire.pump.lost()
    await fill(ledger, 5)  # stored, and never sent
    for one in said:
        ack = end.word(*one)
        before = ledger.acked(RECEIPT), older.acked(RECEIPT)
        refused = end.acks.take(ack)
        after = ledger.acked(RECEIPT), older.acked(RECEIPT)
        assert before <= after
        assert ledger.acked(RECEIPT) <= STORED
        assert all(0 < seq <= STORED for seq in refused)
        if ack.epoch not in (ledger.epoch, older.epoch):
            assert (before, refused) == (after, ())
    assert all(epoch == ledger.epoch and through > STORED + 5 for epoch, _, through in end.behind)
    assert len(end.behind) <= 1
    await ledger.stop()
    await older.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words)
def test_no_word_moves_what_it_may_not(said: list[tuple[str, int, list[tuple[int, int]], list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(listen(Path(folder), said))


async def test_an_entry_that_was_stored_and_never_sent_cannot_have_been_acked(tmp_path: Path, ledger: Ledger) -> None:
    older = Ledger(tmp_path / "older.db", GATEWAY, FakeClock())
    older.start()
    await fill(ledger, 3)
    end = End(ledger, older)
    end.wire.pump.connected(20)
    end.wire.pump.lost()
    await fill(ledger, 3)
    end.acks.take(Ack(RECEIPT, ledger.epoch, 5))
    assert ledger.acked(RECEIPT) == 0
    assert end.behind == []  # not more than this card holds
    end.acks.take(Ack(RECEIPT, ledger.epoch, 3))
    assert ledger.acked(RECEIPT) == 3
    await older.stop()


async def test_of_an_older_epoch_the_centre_may_know_more_than_its_restored_file(
    tmp_path: Path, ledger: Ledger
) -> None:
    older = Ledger(tmp_path / "older.db", GATEWAY, FakeClock())
    older.start()
    await fill(older, 3)
    end = End(ledger, older)
    end.wire.pump.connected(20)
    end.acks.take(Ack(RECEIPT, older.epoch, 100))
    assert older.acked(RECEIPT) == 3
    assert end.behind == []
    await older.stop()

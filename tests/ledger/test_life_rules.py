"""Whatever happens, nothing is gone without an ack and its time, or an entry that says so. Against a simple model."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.config.types import LedgerSection
from gateway.ledger.bounds import HEADER_BYTES
from gateway.ledger.ledger import Ledger
from gateway.ledger.life import keep_days
from gateway.ledger.verify import verify
from gateway.model.bodies import DroppedBody
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.support.clock import FakeClock

DAY_MS = 24 * 3600 * 1000
LIMITS = LedgerSection(
    identification_days=10,
    identification_bytes=6000,
    telemetry_bytes=4000,
    keep_receipt_days=5,
    keep_identification_days=2,
    keep_audit_days=8,
    keep_document_days=5,
    keep_telemetry_days=1,
    min_free_bytes=50_000_000,
    ballast_bytes=0,
)
BOUNDS = {Stream.IDENTIFICATION: LIMITS.identification_bytes, Stream.TELEMETRY: LIMITS.telemetry_bytes}
KINDS = {
    Stream.RECEIPT: EntryKind.RECEIPT,
    Stream.IDENTIFICATION: EntryKind.IDENTIFICATION,
    Stream.AUDIT: EntryKind.SECURITY,
    Stream.DOCUMENT: EntryKind.RECEIPT,
    Stream.TELEMETRY: EntryKind.HEALTH,
}
PLENTY, LITTLE, NONE = 10**9, 40_000_000, 0
streams = st.sampled_from(Stream)


class Written(msgspec.Struct, frozen=True):
    """What the model knows of an entry that was told as stored."""

    body: bytes
    wall_ms: int
    trusted: bool


class Life(RuleBasedStateMachine):
    """The real ledger, driven from outside; the model is a dictionary of what was told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.free = PLENTY
        self.refused: tuple[str, int, Stream] | None = None
        self.told: dict[Stream, dict[int, Written]] = {stream: {} for stream in Stream}
        self.acked = dict.fromkeys(Stream, 0)
        self.open()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        path = Path(self.folder.name) / "ledger.db"
        self.ledger = Ledger(path, "gw-test", self.clock, LIMITS, lambda _folder: self.free)

        async def start() -> None:
            self.ledger.start()

        self.do(start())

    async def settled(self) -> None:
        """Until the writer has nothing more to do."""
        await self.ledger.commit([])
        while self.ledger._writer.is_tidying:
            await self.ledger.commit([])

    def learn(self) -> None:
        """Audit entries that the ledger wrote by itself belong to the model too."""
        known = self.told[Stream.AUDIT]
        for entry in self.ledger.read(Stream.AUDIT, max(known, default=0), -1):
            at = entry.header.at
            written = Written(entry.body or b"", at.wall_ms, at.quality is not ClockQuality.GUESS)
            known[entry.header.id.seq] = written

    @initialize(quality=st.sampled_from(ClockQuality))
    def begin(self, quality: ClockQuality) -> None:
        self.clock.quality = quality

    @rule(stream=streams, count=st.integers(1, 12), size=st.integers(2, 300))
    def write(self, stream: Stream, count: int, size: int) -> None:
        body = b'"' + b"x" * (size - 2) + b'"'
        entry = NewEntry(stream, KINDS[stream], body)
        try:
            ids: tuple[EntryId, ...] = self.do(self.ledger.commit([entry] * count))
        except LedgerError as refused:
            self.refused = (refused.code, self.free, stream)
            return
        at = self.clock.stamp()
        written = Written(body, at.wall_ms, at.quality is not ClockQuality.GUESS)
        for entry_id in ids:
            assert entry_id.seq not in self.told[stream], "a number was used twice"
            self.told[stream][entry_id.seq] = written

    @rule(stream=streams, back=st.integers(0, 30))
    def ack(self, stream: Stream, back: int) -> None:
        through = self.ledger.last(stream) - back
        self.ledger.ack(stream, through)
        self.acked[stream] = max(self.acked[stream], through)

    @rule(days=st.floats(0.1, 6))
    def wait(self, days: float) -> None:
        self.clock.advance(days * 24 * 3600)

    @rule(quality=st.sampled_from(ClockQuality))
    def clock_says(self, quality: ClockQuality) -> None:
        self.clock.quality = quality

    @rule(free=st.sampled_from((PLENTY, PLENTY, LITTLE, NONE)))
    def card(self, free: int) -> None:
        self.free = free

    @rule()
    def tidy(self) -> None:
        self.ledger.tidy()
        self.do(self.settled())

    @rule()
    def reopen(self) -> None:
        self.do(self.ledger.stop())
        assert verify(self.ledger.path).clean
        self.open()

    @invariant()
    def only_a_full_card_refuses_and_never_an_audit_entry(self) -> None:
        if self.refused is not None:
            code, free, stream = self.refused
            assert (code, free) == ("ledger_no_room", NONE)
            assert stream is not Stream.AUDIT
            self.refused = None

    @invariant()
    def bounds_hold(self) -> None:
        for stream, bound in BOUNDS.items():
            after, last = self.ledger.acked(stream), self.ledger.last(stream)
            waits = sum(len(self.told[stream][seq].body) + HEADER_BYTES for seq in range(after + 1, last + 1))
            assert waits <= bound or after == last - 1, f"{waits} bytes of {stream} wait"

    @invariant()
    def nothing_is_gone_without_a_word(self) -> None:
        self.do(self.settled())
        self.learn()
        audit = self.ledger.read(Stream.AUDIT, 0, -1)
        kept = {e.header.id.seq for e in audit}
        ranges = [
            msgspec.json.decode(written.body, type=DroppedBody)
            for seq, written in self.told[Stream.AUDIT].items()
            if written.body.startswith(b"{") and (seq in kept or self.is_over(Stream.AUDIT, seq))
        ]
        for stream in Stream:
            here = {e.header.id.seq: e.body for e in self.ledger.read(stream, 0, -1)}
            dropped = [seq for r in ranges if r.stream == stream for seq in range(r.first, r.last + 1)]
            assert len(dropped) == len(set(dropped)), "told twice"
            assert not set(dropped) & set(here), "told as dropped, and still here"
            assert not dropped or stream in BOUNDS
            for seq, written in self.told[stream].items():
                if seq in here:
                    assert here[seq] == written.body
                else:
                    assert seq in dropped or self.is_over(stream, seq), f"{stream}/{seq} is gone"
            if self.told[stream]:
                assert max(here) == max(self.told[stream]), "the newest entry is gone"
                assert sorted(here) == list(range(min(here), max(here) + 1)), "a hole"

    def is_over(self, stream: Stream, seq: int) -> bool:
        """Acked, and kept its time by a clock that somebody vouched for, or given up for room."""
        if seq > self.acked[stream]:
            return False
        if stream in BOUNDS:
            return True  # when the card is short, what the centre has of these goes early
        newest = self.clock.wall_ms() - keep_days(LIMITS, stream) * DAY_MS
        return any(w.trusted and w.wall_ms < newest for s, w in self.told[stream].items() if s >= seq)

    def teardown(self) -> None:
        self.do(self.ledger.stop())
        assert verify(self.ledger.path).clean
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase

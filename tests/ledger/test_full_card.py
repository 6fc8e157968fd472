"""A card that is really full: at every stage of a ledger's life, and back. Nothing told as stored is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.config.types import LedgerSection
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.bodies import DroppedBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.support.card import MB, Filler, small_card
from tests.support.clock import FakeClock

LIMITS = LedgerSection(min_free_bytes=3 * MB, ballast_bytes=MB, telemetry_bytes=2 * MB, identification_bytes=2 * MB)
KINDS = {
    Stream.RECEIPT: EntryKind.RECEIPT,
    Stream.IDENTIFICATION: EntryKind.IDENTIFICATION,
    Stream.AUDIT: EntryKind.SECURITY,
    Stream.TELEMETRY: EntryKind.HEALTH,
}
Told = dict[tuple[Stream, int], bytes]


@pytest.fixture(params=["tmpfs", "ext4"])
def card(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with small_card(tmp_path, request.param, 24) as point:
        yield point


class Box:
    """A gateway's ledger on the card, and what it has told as stored."""

    def __init__(self, card: Path) -> None:
        self.path = card / "state" / "ledger.db"
        self.clock = FakeClock()
        self.told: Told = {}
        self.start()

    @property
    def ballast(self) -> int:
        return self.path.with_name("ballast").stat().st_size

    def start(self) -> None:
        self.ledger = Ledger(self.path, "gw-test", self.clock, LIMITS)
        self.ledger.start()

    def problem(self) -> str:
        return self.ledger.problem.code if self.ledger.problem else ""

    async def store(self, stream: Stream, size: int = 600) -> str:
        """The code of the refusal; empty when it was told as stored."""
        body = b'"' + random.Random(len(self.told)).randbytes(size // 2).hex().encode() + b'"'
        try:
            (stored,) = await self.ledger.commit([NewEntry(stream, KINDS[stream], body)])
        except LedgerError as refused:
            assert "free space" in str(refused)  # noqa: PT017 (whether it is refused depends on the card)
            return refused.code
        self.told[stream, stored.seq] = body
        return ""

    async def fill_up(self, stream: Stream, size: int = 600) -> str:
        """Store until it is refused."""
        for _ in range(100_000):
            if refused := await self.store(stream, size):
                return refused
        raise AssertionError("the card does not fill")

    async def tidy(self) -> None:
        self.ledger.tidy()
        await self.ledger.commit([])
        while self.ledger._writer.is_tidying:
            await self.ledger.commit([])

    def _here(self) -> Told:
        return {(s, e.header.id.seq): e.body or b"" for s in Stream for e in self.ledger.read(s, 0, -1)}

    def _dropped(self) -> set[tuple[Stream, int]]:
        gone: set[tuple[Stream, int]] = set()
        for entry in self.ledger.read(Stream.AUDIT, 0, -1):
            if entry.header.kind is EntryKind.DROPPED:
                told = msgspec.json.decode(entry.body or b"", type=DroppedBody)
                gone |= {(Stream(told.stream), seq) for seq in range(told.first, told.last + 1)}
        return gone

    def check(self) -> set[tuple[Stream, int]]:
        """Everything told as stored is there, byte for byte, or told as dropped; returns what was dropped."""
        assert verify(self.path).clean
        gone, here = self._dropped(), self._here()
        while gone != (now := self._dropped()):  # The writer makes room while we read stream by stream.
            gone, here = now, self._here()
        lost = {key for key, body in self.told.items() if here.get(key) != body} - gone
        assert not lost
        assert not gone & set(here)
        return gone


async def test_a_full_card_refuses_receipts_keeps_audit_and_lets_telemetry_go(card: Path) -> None:
    box, filler = Box(card), Filler(card)
    for _ in range(400):
        assert await box.store(Stream.TELEMETRY) == ""
        assert await box.store(Stream.RECEIPT) == ""
    assert box.ballast == MB
    filler.fill()
    assert await box.fill_up(Stream.RECEIPT) == "ledger_no_room"
    dropped = box.check()
    assert {stream for stream, _ in dropped} == {Stream.TELEMETRY}
    for _ in range(200):
        assert await box.store(Stream.AUDIT) == ""
    box.ledger.ack(Stream.RECEIPT, 100)
    await box.tidy()
    assert box.ledger.query("SELECT acked FROM stream WHERE name='receipt'") == [(100,)]
    box.check()
    filler.remove()
    assert await box.store(Stream.RECEIPT) == ""
    await box.tidy()
    assert box.ballast == MB
    await box.ledger.stop()
    box.start()
    assert box.check() >= dropped
    await box.ledger.stop()


async def test_it_stops_and_starts_on_a_full_card(card: Path) -> None:
    box, filler = Box(card), Filler(card)
    for _ in range(200):
        await box.store(Stream.RECEIPT)
        await box.store(Stream.IDENTIFICATION)
    filler.fill()
    await box.ledger.stop()
    filler.fill()  # also what the log gave back
    box.start()
    assert await box.fill_up(Stream.RECEIPT) == "ledger_no_room"
    assert await box.store(Stream.AUDIT) == ""
    box.check()
    await box.ledger.stop()
    box.start()
    assert box.ledger.was_clean
    filler.remove()
    assert await box.store(Stream.RECEIPT) == ""
    box.check()
    await box.ledger.stop()


async def test_the_last_of_the_reserve_refuses_and_loses_nothing(card: Path) -> None:
    box, filler = Box(card), Filler(card)
    filler.fill()
    refused = await box.fill_up(Stream.AUDIT, 20_000)
    assert refused.startswith("ledger_")
    assert box.ballast == 0
    assert box.problem() == refused
    assert box.check() == set()
    filler.remove()
    assert await box.store(Stream.AUDIT) == ""
    assert box.problem() == ""
    box.check()
    await box.ledger.stop()


async def test_full_and_back_at_any_moment(card: Path) -> None:
    chance = random.Random(3)
    box, filler = Box(card), Filler(card)
    refused = 0
    for _ in range(25):
        filler.fill(leave=chance.choice((0, 0, 4096, 300_000, 2 * MB)))
        for _ in range(chance.randrange(200)):
            refused += bool(await box.store(chance.choice(list(KINDS)), chance.choice((100, 700, 5000))))
        match chance.randrange(4):
            case 0:
                filler.remove()
            case 1:
                await box.tidy()
            case 2:
                await box.ledger.stop()
                box.start()
            case _:
                stream = chance.choice(list(KINDS))
                box.ledger.ack(stream, chance.randrange(1 + box.ledger.last(stream)))
        if chance.random() < 0.3:
            filler.remove()
        box.check()
    assert refused
    filler.remove()
    assert await box.store(Stream.RECEIPT) == ""
    box.check()
    await box.ledger.stop()

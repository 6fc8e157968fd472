"""The pump on a recorded wire: everything that it sends is taken apart as a centre would, and kept."""

from __future__ import annotations

from gateway.ledger.ledger import Ledger
from gateway.ledger.source import Source
from gateway.model.entry import Entry, Stream
from gateway.model.errors import NotReady
from gateway.sync.batch import TooLarge
from gateway.sync.pump import Pump
from gateway.wire.envelope import decode_batch
from gateway.wire.messages import Ack
from gateway.wire.topics import parse
from tests.sync.ends import CITY, GATEWAY, TOPICS, seqs

T = 20.0


class Wire:
    """Takes what is published and numbers it. `gone`: no connection. `now` is the pump's clock, in s; `waits` are the
    times after which it asked to be filled again; `large` is what it said to be too large."""

    def __init__(self, *sources: Source, per_s: float = 1e6) -> None:
        self.sources = sources
        self.messages: list[tuple[Stream, list[Entry], int]] = []
        self.gone = False
        self.now = 0.0
        self.waits: list[float] = []
        self.large: list[TooLarge] = []
        self.pump = Pump(
            lambda: self.sources,
            TOPICS,
            self.publish,
            lambda: self.now,
            per_s=per_s,
            on_wait=self.waits.append,
            on_too_large=self.large.append,
        )

    def acked(self, ack: Ack, now: float) -> None:
        """The centre's word at this moment."""
        self.now = now
        self.pump.acked(ack)

    def overdue(self, now: float) -> bool:
        """A look at this moment for what has waited for `T`."""
        self.now = now
        return self.pump.resend_overdue(T)

    def publish(self, topic: str, payload: bytes) -> int:
        if self.gone:
            raise NotReady("no connection")
        address = parse(topic)
        assert address is not None
        stream = Stream(address.leaf.removeprefix("ev/"))
        self.messages.append((stream, decode_batch(CITY, GATEWAY, stream, payload), len(payload)))
        return len(self.messages)

    def puback(self, *numbers: int) -> None:
        """The broker has these messages; without numbers, all."""
        for number in numbers or range(1, len(self.messages) + 1):
            self.pump.published(number)

    def drain(self) -> None:
        """Fill, and PUBACK until nothing more comes."""
        self.pump.fill()
        done = 0
        while done < len(self.messages):
            done += 1
            self.pump.published(done)

    def sent(self, stream: Stream = Stream.RECEIPT) -> list[int]:
        return [seq for of, entries, _ in self.messages if of is stream for seq in seqs(entries)]


def ack(ledger: Ledger, through: int, stream: Stream = Stream.RECEIPT, **more: tuple[object, ...]) -> Ack:
    return Ack(stream, ledger.epoch, through, **more)  # type: ignore[arg-type]

"""A reader without a reader, and people who pass it all the time: a driver that reports one of a town's cards after the
other. The daemon runs it as any foreign driver (`command`)."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind
from drivers.contract.reader import Card
from drivers.driver import Driver, Port
from drivers.runner import run


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cards`: a JSON file, a list of UIDs in hex."""

    cards: str
    every_ms: int


class Passers(Driver[Options]):
    name: ClassVar[str] = "passers"
    kind: ClassVar[Kind] = Kind.READER
    options_type: ClassVar[type[msgspec.Struct]] = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        # Drawn anew in each life: else the same first people came after each kill.
        self._chance = random.SystemRandom()

    def open(self, options: Options) -> dict[str, str]:
        self._cards = [bytes.fromhex(uid) for uid in msgspec.json.decode(Path(options.cards).read_bytes())]
        self._every_s = options.every_ms / 1000
        return {}

    def poll(self) -> float:
        """Some come often, most now and then: so a few use up what they have while others still have theirs."""
        self.alive()
        at = int(len(self._cards) * self._chance.random() ** 2)
        self.reading(Card(self._cards[at]), time.monotonic_ns())
        return self._every_s

    def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    run(Passers)

"""Whatever is applied, refused, taken back, cut off and started again: what is in force is old or new, whole, and the
highest number never goes back."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.errors import GatewayError
from gateway.sync import bundles_record as record
from gateway.wire import registry
from gateway.wire.bundle import SignedBundle
from gateway.wire.contents import RegistryContent
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, bundle
from tests.sync.taking import REGISTRY, RULES, Taker, card, city, keep, rules

T = TypeVar("T")
HOLDERS = 12


def content(number: int) -> RegistryContent:
    """The registry of this number: its number is in every holder's entitlements."""
    return city(HOLDERS + number % 5, number)


def whole(number: int) -> SignedBundle:
    return bundle(REGISTRY, number, registry.encode(content(number)))


class Swapping(RuleBasedStateMachine):
    """One gateway through its life. `known` is what must be in force, `highest` what was ever."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.top = Path(tempfile.mkdtemp(prefix="sp-"))
        self.folder = self.top / "0"
        self.folder.mkdir()
        self.known = self.highest = self.previous = 0
        self.rules_known = self.rules_highest = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.run(self._open())

    async def _open(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.folder / "ledger.db", GATEWAY, self.clock)
        self.ledger.start()
        self.cache = Cache(self.folder / "cache.db")
        self.cache.start()
        self.taker = Taker(self.ledger, self.cache, self.clock)

    async def _close(self) -> None:
        await self.ledger.stop()
        self.cache.stop()

    # Steps -----------------------------------------------------------------------------------------------

    def take(self, signed: SignedBundle) -> None:
        self.run(self.taker.bundles.take(msgspec.json.encode(signed)))

    def came(self, number: int) -> None:
        self.previous = self.known
        self.known = self.highest = number

    @rule(step=st.integers(-3, 3))
    def take_whole(self, step: int) -> None:
        number = self.highest + step
        if number > 0:
            self.take(whole(number))
            if number > self.highest:
                self.came(number)

    @rule(base_step=st.integers(-1, 1), step=st.integers(1, 2), spoiled=st.booleans())
    def take_delta(self, base_step: int, step: int, spoiled: bool) -> None:
        base, number = self.known + base_step, self.highest + step
        if not 1 <= base < number:
            return
        delta = registry.difference(content(base), content(number))
        result = "0" * 64 if spoiled else registry.name((registry.encode(content(number)),))
        self.take(bundle(REGISTRY, number, msgspec.json.encode(delta), base=base, result=result))
        if base == self.known and not spoiled:
            self.came(number)

    @rule(step=st.integers(-1, 2))
    def take_rules(self, step: int) -> None:
        number = self.rules_highest + step
        if number > 0:
            self.take(bundle(RULES, number, rules(f"r{number}")))
            if number > self.rules_highest:
                self.rules_known = self.rules_highest = number

    @rule()
    def go_back(self) -> None:
        try:
            told = self.run(self.taker.bundles.rollback(REGISTRY))
        except GatewayError:
            assert self.previous == 0
            return
        assert told.number == self.previous
        self.known, self.previous = self.previous, 0

    @rule()
    def start_again(self) -> None:
        self.run(self._close())
        self.run(self._open())

    @rule(staged=st.booleans())
    def cut(self, staged: bool) -> None:
        """A power cut, perhaps in the middle of staging the next one."""
        if staged:
            lines = registry.encode(content(self.highest + 1))
            self.cache.stage_registry(self.highest + 1, (lines,), "k1")
        after = self.folder.with_name(str(int(self.folder.name) + 1))
        for name in ("cache", "ledger"):
            keep(self.folder, name, after)
        self.run(self._close())
        shutil.rmtree(self.folder)
        self.folder = after
        self.run(self._open())

    @rule()
    def lose_the_cache(self) -> None:
        """What is gone is fetched again: the highest one, unless a person has gone back from it."""
        self.run(self._close())
        for file in self.folder.glob("cache.db*"):
            file.unlink()
        self.run(self._open())
        assert self.taker.bundles.numbers == {}
        self.previous = 0
        if self.rules_highest:
            self.take(bundle(RULES, self.rules_highest, rules(f"r{self.rules_highest}")))
        number = self.highest + (self.known < self.highest)
        if number:
            self.take(whole(number))
            self.known = self.highest = number

    # Always ----------------------------------------------------------------------------------------------

    @invariant()
    def one_of_them_is_in_force_and_whole(self) -> None:
        told = {"registry": self.known, "rules": self.rules_known}
        assert self.taker.bundles.numbers == {kind: number for kind, number in told.items() if number}
        if self.known:
            people = len(content(self.known).holders)
            assert self.cache.holders() == people
            for n in range(people + 1):
                found = self.cache.find(card(n))
                assert (found is None) == (n == people)
                assert found is None or found.entitlements == ("pupil", f"v{self.known}")

    @invariant()
    def the_number_never_goes_back(self) -> None:
        row = record.row_of(self.ledger, REGISTRY)
        assert (row.highest if row is not None else 0) == self.highest

    def teardown(self) -> None:
        if hasattr(self, "taker"):
            self.run(self._close())
            assert verify(self.folder / "ledger.db").clean
        self.runner.close()
        shutil.rmtree(self.top)


Swapping.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestSwapping = Swapping.TestCase

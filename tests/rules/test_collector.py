"""The collector of cyclic garbage: what stays is out of its sight, and goes all the same when nobody holds it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from gateway.rules import collector
from gateway.rules.index import compile
from gateway.rules.read import load
from tests.bench.baselines.rule_index import plain_rules
from tests.bench.rules_written import document


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """As it was, for the other tests of this process."""
    yield
    gc.unfreeze()


def test_rules_that_stay_are_not_looked_at_again() -> None:
    rules = compile(load(document(plain_rules(200))), 1)
    before = len(gc.get_objects())
    collector.keep()
    assert len(gc.get_objects()) < before / 10
    assert gc.get_freeze_count() > before / 2
    assert rules.number == 1


def test_rules_that_are_replaced_go_although_they_were_kept() -> None:
    gc.collect()
    before = len(gc.get_objects())
    rules = compile(load(document(plain_rules(200))), 1)
    there = len(gc.get_objects()) - before
    assert there > 200
    collector.keep()
    del rules
    gc.unfreeze()
    assert len(gc.get_objects()) - before < there / 10


def test_garbage_of_later_is_collected_as_ever() -> None:
    collector.keep()
    ring: list[object] = []
    ring.append(ring)
    gone = weakref.ref(Held(ring))
    del ring
    gc.collect()
    assert gone() is None


class Held:
    """Of a cycle."""

    def __init__(self, ring: list[object]) -> None:
        self.ring = ring
        ring.append(self)

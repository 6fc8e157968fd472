"""The runs between two works and beside people: the first one's answers while the second runs, and what somebody does
at the printer while the first is in doubt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.printing.cases import Case, Cut, Death, Hit, Kill
from tests.printing.enumerated import MANY, at, faults_of
from tests.printing.hands import HANDS
from tests.printing.prepared import prepared
from tests.printing.works import WORKS


def between(family: str, first: str, then: str) -> Iterator[Case]:
    """Every fault from the first one's last steps to the second one's first, and a restart on it or not."""
    last = prepared(family, first).commands
    for step in range(last - 3, last + 7):
        for hit in faults_of(family).values():
            for deaths in ((), (Death(step, Kill.SENT),), (Death(step + 1, Kill.BEFORE),)):
                yield Case(family, first, (at(hit, step),), deaths, seq="last" if deaths else "", then=then)


def beside(family: str, work: str, hand: str) -> Iterator[Case]:
    """A doubt at every step, of every kind that there is, and the person."""
    steps = prepared(family, work)
    for step in range(steps.commands):
        yield from (
            Case(family, work, deaths=(Death(step, Kill.SENT),), hand=hand),
            Case(family, work, deaths=(Death(step, Kill.BEFORE),), hand=hand),
            Case(family, work, (Hit(step, "silence"),), hand=hand),
            Case(family, work, (Hit(step, "silence", executed=False),), hand=hand),
            Case(family, work, deaths=(Death(step, Kill.SENT),), cuts=(Cut(step, 1500),), hand=hand),
            Case(family, work, (Hit(step, "drop_answer", times=MANY),), (Death(step + 1, Kill.BEFORE),), hand=hand),
        )
    for store in range(steps.stores):
        for when in (Kill.UNSTORED, Kill.STORED):
            yield Case(family, work, deaths=(Death(store, when),), hand=hand)


def seams(family: str) -> Iterator[Case]:
    pairs = (("sale", "sale"), ("sale", "z"), ("three", "sale"), ("z", "sale"), ("cash in", "cash in"))
    for first, then in pairs:
        yield from between(family, first, then)
    for work in WORKS:
        for hand in HANDS:
            yield from beside(family, work, hand)

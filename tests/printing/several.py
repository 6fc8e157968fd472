"""Runs with several faults, deaths and power cuts at once, by chance; the same again for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.printing.cases import Case, Cut, Death, Kill
from tests.printing.enumerated import SEQS, at, faults_of
from tests.printing.prepared import prepared
from tests.printing.works import WORKS


def several(family: str, number: int, seed: int = 1) -> Iterator[Case]:
    """Two or three faults on the way, no more than three deaths, some of them while it is being settled."""
    chance = random.Random(f"{family} {seed}")
    faults, works = list(faults_of(family).values()), list(WORKS)
    for _ in range(number):
        work = chance.choice(works)
        steps = prepared(family, work)
        last = steps.commands + 14
        yield Case(
            family,
            work,
            tuple(at(chance.choice(faults), chance.randrange(1, last)) for _ in range(chance.choice((2, 2, 3)))),
            tuple(_death(chance, last, steps.stores + 3) for _ in range(chance.choice((0, 1, 1, 2, 3)))),
            tuple(_cut(chance, last) for _ in range(chance.choice((0, 0, 1)))),
            seq=chance.choice(SEQS),
            person=chance.random() < 0.7,
            line_ms=chance.choice((0, 40)),
            then=chance.choice(("", "", "sale", "z")),
        )


def _cut(chance: random.Random, commands: int) -> Cut:
    return Cut(chance.randrange(1, commands), chance.choice((30, 700, 5000)))


def _death(chance: random.Random, commands: int, stores: int) -> Death:
    when = chance.choice(tuple(Kill))
    return Death(chance.randrange(1, commands if when in (Kill.BEFORE, Kill.SENT) else stores), when)

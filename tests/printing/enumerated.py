"""The systematic runs: every work of every family, every fault at every step of it, and then a restart of nobody, of
driver and gateway, of the device, or of both; a kill around everything that is stored; and every fault again while a
work in doubt is being read back."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeVar

import msgspec

from drivers.fiscal.dialects import SPOKEN
from drivers.simulators.fiscal_families import endpoint
from tests.printing.cases import Case, Cut, Death, Hit, Kill
from tests.printing.prepared import prepared

T = TypeVar("T")

MANY = 99
DAY_MS = 90_000_000

FAULTS: Mapping[str, Hit] = {
    "request lost": Hit(0, "drop_request"),
    "requests lost": Hit(0, "drop_request", times=MANY),
    "answer lost": Hit(0, "drop_answer"),
    "two answers lost": Hit(0, "drop_answer", times=2),
    "answers lost": Hit(0, "drop_answer", times=MANY),
    "request broken": Hit(0, "corrupt_request"),
    "requests broken": Hit(0, "corrupt_request", times=MANY),
    "answer broken": Hit(0, "corrupt"),
    "answers broken": Hit(0, "corrupt", times=MANY),
    "two NAKs": Hit(0, "nak", times=2),
    "NAKs": Hit(0, "nak", times=MANY),
    "not taken twice": Hit(0, "busy", times=2),
    "not taken": Hit(0, "busy", times=MANY),
    "busy for a while": Hit(0, "syn_storm", ms=700),
    "busy for ever": Hit(0, "syn_storm", ms=30_000),
    "busy, then nothing": Hit(0, "syn_silence", ms=300),
    "busy, then nothing, again": Hit(0, "syn_silence", times=MANY, ms=300),
    "late": Hit(0, "delay", ms=700),
    "very late": Hit(0, "delay", ms=5000),
    "too late": Hit(0, "delay", ms=20_000),
    "twice": Hit(0, "duplicate"),
    "old one first": Hit(0, "stale"),
    "junk first": Hit(0, "junk"),
    "byte by byte": Hit(0, "bytewise", ms=1),
    "slowly": Hit(0, "bytewise", ms=70),
    "silent after it": Hit(0, "silence"),
    "silent before it": Hit(0, "silence", executed=False),
    "silent for a while after it": Hit(0, "silence", ms=1200),
    "silent for a while before it": Hit(0, "silence", ms=1200, executed=False),
    "unplugged after it": Hit(0, "vanish", ms=300),
    "unplugged before it": Hit(0, "vanish", ms=300, executed=False),
    "unplugged for long after it": Hit(0, "vanish", ms=90_000),
    "unplugged for long before it": Hit(0, "vanish", ms=90_000, executed=False),
    "power cut after it": Hit(0, "power_cut", ms=30),
    "power cut before it": Hit(0, "power_cut", ms=30, executed=False),
    "long power cut after it": Hit(0, "power_cut", ms=5000),
    "long power cut before it": Hit(0, "power_cut", ms=5000, executed=False),
    "paper out": Hit(0, "paper_out"),
    "cover open": Hit(0, "cover"),
    "refused": Hit(0, "refuse"),
    "refused in DATA": Hit(0, "error_in_data"),
    "payment failed": Hit(0, "fail_payment"),
    "subtotal off": Hit(0, "subtotal_off"),
    "Z by itself": Hit(0, "spontaneous_z"),
    "a day on": Hit(0, "clock_jump", ms=DAY_MS),
    "a day back": Hit(0, "clock_jump", ms=-DAY_MS),
    "locked": Hit(0, "lock"),
}
"""Every kind that the simulated device has, before and after the command is carried out."""

NOBODY_THERE = ("paper out", "cover open")
"""Those that are run with a person who mends them, and without one."""

SEQS: tuple[Literal["last", "first", ""], ...] = ("last", "first", "")
RESTARTS = ("nobody", "driver", "driver next", "driver later", "device", "device for long", "both", "both for long")


def at(hit: Hit, step: int) -> Hit:
    return msgspec.structs.replace(hit, at=step)


@functools.cache
def faults_of(family: str) -> Mapping[str, Hit]:
    """Those that a device of this family can have."""
    known = endpoint(family).faults
    return {name: hit for name, hit in FAULTS.items() if hit.kind in known}


def restarted(case: Case, step: int, restart: str) -> Case:
    """`case`, and at this step or just after it somebody starts anew; a driver with the device's last SEQ, with the one
    that the driver before began with, or with any other."""
    who, _, when = restart.partition(" ")
    deaths, cuts = case.deaths, case.cuts
    if who in ("driver", "both"):
        death = {"next": Death(step + 1, Kill.BEFORE), "later": Death(step + 3, Kill.SENT)}
        deaths = (*deaths, death.get(when, Death(step, Kill.SENT)))
    if who in ("device", "both"):
        cuts = (*cuts, Cut(step, 5000 if when else 30))
    return msgspec.structs.replace(case, deaths=deaths, cuts=cuts, seq=SEQS[step % 3])


def faulted(family: str, work: str) -> Iterator[Case]:
    """Every fault at every step, and every restart with it."""
    for step in range(prepared(family, work).commands):
        for name, hit in faults_of(family).items():
            for person in (True, False) if name in NOBODY_THERE else (True,):
                case = Case(family, work, (at(hit, step),), person=person, line_ms=40 * (step % 2))
                for restart in RESTARTS:
                    yield restarted(case, step, restart)


def killed(family: str, work: str) -> Iterator[Case]:
    """Every point, before and after it is on disk, alone and with a device whose power fails; and a second kill, at
    every point that is stored while the work is read back."""
    steps = prepared(family, work)
    for store in range(steps.stores):
        for when in (Kill.UNSTORED, Kill.STORED):
            for seq in SEQS[:2]:
                case = Case(family, work, deaths=(Death(store, when),), seq=seq)
                yield case
                for command in range(steps.commands):
                    yield msgspec.structs.replace(case, cuts=(Cut(command, 1500),))
                for again in range(store + 1, store + 4):
                    for then in (Kill.UNSTORED, Kill.STORED):
                        yield msgspec.structs.replace(case, deaths=(*case.deaths, Death(again, then)))


def doubted(family: str, work: str) -> Iterator[Case]:
    """Faults while a work in doubt is being read back; the doubt is any step that was sent and not answered. Every
    fifth fault for each pair of steps: neighbours have the others."""
    steps = prepared(family, work)
    for step in range(2, steps.commands):
        doubts = (
            Case(family, work, deaths=(Death(step, Kill.SENT),)),
            Case(family, work, (Hit(step, "drop_answer", times=MANY),)),
            Case(family, work, (Hit(step, "power_cut", ms=1500),)),
        )
        for number, doubt in enumerate(doubts):
            for later in range(step + 1, step + 15):
                for name, hit in list(faults_of(family).items())[(step + later + number) % 5 :: 5]:
                    case = msgspec.structs.replace(doubt, hits=(*doubt.hits, at(hit, later)))
                    restart = ("nobody", "driver", "device", "both for long")[(later + number + len(name)) % 4]
                    yield restarted(case, later, restart)


def everything_of(family: str, work: str, every: int = 1) -> Iterator[Case]:
    """The systematic runs of one work, or one of `every` in a row, the same ones each time."""
    cases = itertools.chain(faulted(family, work), killed(family, work), doubted(family, work))
    return sampled(cases, every, family + work)


def sampled(cases: Iterable[T], every: int, seed: str) -> Iterator[T]:
    """One of each `every` in a row, by chance: a fixed step that shares a divisor with the eight restarts of each
    fault takes the same few of them every time."""
    chance, cases = random.Random(seed), iter(cases)
    while row := list(itertools.islice(cases, every)):
        if (at := chance.randrange(every)) < len(row):
            yield row[at]


FAMILIES = tuple(SPOKEN)

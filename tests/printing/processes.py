"""The same runs with real processes: a gateway with its ledger, its driver, both killed by kill -9, on a simulated
printer at a pty. What is on paper is compared with what the gateway's ledger says."""

from __future__ import annotations

import queue
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.contract.printer import CashMove, DayReport, Print
from drivers.contract.printer import Work as Asked
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_model import Stage
from drivers.simulators.fiscal_paper import Document, Kind
from drivers.simulators.printer import Simulator
from gateway.model.fiscal import Work, WorkPoint
from tests.printing.allowed import reason
from tests.printing.cases import Case, Hit
from tests.printing.children import Child, Tripwire
from tests.printing.gateway import ZONE, Order, Told
from tests.printing.prepared import prepared
from tests.printing.tally import Tally
from tests.printing.verdict import Complaint, Verdict, Wrong, differences
from tests.printing.works import PREPARED, WORKS, of, sold

MEND_S = 1.5
"""After so long somebody mends the printer."""
RUN_S = 90.0
MANY = 99

FAULTS: Mapping[str, Hit] = {
    "none": Hit(MANY, "drop_answer"),
    "request lost": Hit(0, "drop_request"),
    "answer lost": Hit(0, "drop_answer"),
    "answers lost": Hit(0, "drop_answer", times=MANY),
    "request broken": Hit(0, "corrupt_request"),
    "answers broken": Hit(0, "corrupt", times=MANY),
    "two NAKs": Hit(0, "nak", times=2),
    "not taken twice": Hit(0, "busy", times=2),
    "busy for a while": Hit(0, "syn_storm", ms=400),
    "busy, then nothing": Hit(0, "syn_silence", ms=200),
    "late": Hit(0, "delay", ms=300),
    "twice": Hit(0, "duplicate"),
    "old one first": Hit(0, "stale"),
    "junk first": Hit(0, "junk"),
    "byte by byte": Hit(0, "bytewise", ms=1),
    "silent after it": Hit(0, "silence"),
    "silent before it": Hit(0, "silence", executed=False),
    "unplugged after it": Hit(0, "vanish", ms=300),
    "unplugged before it": Hit(0, "vanish", ms=300, executed=False),
    "power cut after it": Hit(0, "power_cut", ms=30),
    "power cut before it": Hit(0, "power_cut", ms=30, executed=False),
    "long power cut after it": Hit(0, "power_cut", ms=1000),
    "long power cut before it": Hit(0, "power_cut", ms=1000, executed=False),
    "paper out": Hit(0, "paper_out"),
    "cover open": Hit(0, "cover"),
    "refused": Hit(0, "refuse"),
    "refused in DATA": Hit(0, "error_in_data"),
    "payment failed": Hit(0, "fail_payment"),
    "subtotal off": Hit(0, "subtotal_off"),
}
VICTIMS = ("nobody", "driver", "gateway")
MOMENTS = tuple(f"{when} {point}" for point in WorkPoint if point != "recorded" for when in ("unstored", "stored"))


class Run(msgspec.Struct, frozen=True):
    """A fault at the command `step`, and who is killed then: when it has arrived, or (`executed`) been carried out. Or
    a gateway that kills itself at a `moment`."""

    family: str
    work: str
    fault: str
    step: int
    victim: str = "nobody"
    executed: bool = False
    moment: str = ""

    @property
    def case(self) -> Case:
        """For what may be unknown."""
        return Case(self.family, self.work, (FAULTS[self.fault],))


def runs(family: str, number: int) -> Iterator[Run]:
    """So many runs that are always the same. An X report is left to the virtual clock: it leaves no trace."""
    chance = random.Random(f"printing {family}")
    known = [name for name, hit in FAULTS.items() if hit.kind in endpoint(family).faults]
    works = [name for name in WORKS if name != "x"]
    for count in range(number):
        work, fault = works[count % len(works)], chance.choice(known)
        step = chance.randrange(2, prepared(family, work).commands)
        if count % 3 == 2:
            yield Run(family, work, fault, step, moment=chance.choice(MOMENTS))
        else:
            yield Run(family, work, fault, step, chance.choice(VICTIMS), chance.random() < 0.5)


class Rig:
    """One printer, its gateway, and everybody who dies. A context manager."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._count = 0
        self._wholes: dict[str, Document] = {}
        self._suicides = 0

    @property
    def deaths(self) -> int:
        """How many processes were killed."""
        return self._wire.tripped + self._suicides

    def __enter__(self) -> Rig:
        self._folder = tempfile.TemporaryDirectory(prefix="printing-")
        self._simulator = Simulator(Path(self._folder.name) / "printer", family=self.family, zone=ZONE)
        self._wire = Tripwire(self._simulator.endpoint.wire)
        self._simulator.endpoint.wire = self._wire
        self._simulator.start()
        self._child: Child | None = None
        self._journals = 0
        self._new_journal()
        assert self._told("sale", PREPARED).result == "printed"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end_child()
        self._simulator.stop()
        self._folder.cleanup()

    def run(self, run: Run) -> Verdict:
        """One run on the printer as the runs before have left it."""
        whole = self._whole(run.work)
        self._count += 1
        return self._judged(run, f"k-{self._count}", whole)

    # Inside ----------------------------------------------------------------------------------------------

    def _judged(self, run: Run, key: str, whole: Document) -> Verdict:
        before = len(self._simulator.device.documents)
        told = self._told(run.work, key, run)
        papers = [
            paper
            for paper in self._simulator.device.documents[before:]
            if (paper.key == key and paper.fiscal if whole.key else paper.kind is whole.kind)
        ]
        found = []
        if len(papers) > 1:
            found.append(Complaint(Wrong.DOUBLE, f"{len(papers)} on paper"))
        if told.result != "unknown" and len(papers) != (told.result == "printed"):
            found.append(Complaint(Wrong.LIE, f"{told} and {len(papers)} on paper"))
        found += [Complaint(Wrong.PAPER, what) for paper in papers for what in differences(paper, whole)]
        if papers and told.result == "printed" and told.number and int(told.number) != int(papers[0].number):
            found.append(Complaint(Wrong.LIE, f"number {told.number}, {papers[0].number} is on paper"))
        if papers and papers[0].kind is Kind.Z and told.z_number and int(told.z_number) != papers[0].z_number:
            found.append(Complaint(Wrong.LIE, f"Z report {told.z_number}, {papers[0].z_number} is on paper"))
        if told.result == "unknown":
            if reason(run.case, told.code) is None:
                found.append(Complaint(Wrong.UNKNOWN, f"{told}, {len(papers)} on paper"))
            self._new_journal()
            return Verdict(f"unknown {told.code}", tuple(found))
        if self._simulator.device.stage is not Stage.IDLE:
            found.append(Complaint(Wrong.LEFT_OPEN, f"the device is {self._simulator.device.stage}"))
        return Verdict(told.result, tuple(found), bool(told.number) or not whole.key or told.result != "printed")

    def _whole(self, name: str) -> Document:
        """What the work looks like on paper when nothing goes wrong; and in the drawer is enough for it."""
        if name not in self._wholes:
            assert self._told("cash in", f"drawer-{name.replace(' ', '-')}").result == "printed"
            assert self._told(name, f"whole-{name.replace(' ', '-')}").result == "printed"
            self._wholes[name] = self._simulator.device.documents[-1]
        elif name == "cash out":
            self._count += 1
            assert self._told("cash in", f"drawer-{self._count}").result == "printed"
        return self._wholes[name]

    def _told(self, name: str, key: str, run: Run | None = None) -> Told:
        """How it ended, after everybody has died who had to, and was started again, and the printer was mended."""
        order = Order(self._work(name, key), run.moment if run is not None else "")
        child = self._running()
        if run is not None:
            hit = FAULTS[run.fault]
            self._simulator.fault(hit.kind, after=run.step, times=hit.times, ms=hit.ms, executed=hit.executed)
            if run.victim != "nobody":
                victim = child.driver if run.victim == "driver" else child.process.pid
                self._wire.arm(run.step, victim, executed=run.executed)
        child.order(order)
        until = time.monotonic() + RUN_S
        while time.monotonic() < until:
            try:
                told = child.said.get(timeout=MEND_S)
            except queue.Empty:
                self._mend()
                continue
            if told is not None:
                self._mend()
                return told
            self._suicides += bool(order.moment)
            self._end_child()
            child = self._running()
            order = Order(order.work)
            child.order(order)
        log = (self._journal / "gateway.log").read_text()[-2000:]
        raise AssertionError(f"{run} did not come to an end:\n{log}")

    def _work(self, name: str, key: str) -> Work:
        first = self._simulator.device.documents[0] if self._simulator.device.documents else None
        asked = WORKS[name](key)
        if first is not None:
            asked = of(asked, sold(first.number[1:], first.device_time, self._simulator.device.model.fiscal_memory))
        return for_gateway(asked)

    def _mend(self) -> None:
        self._wire.disarm()
        self._simulator.recover()
        self._simulator.refill()
        self._simulator.cover(False)

    def _new_journal(self) -> None:
        """A gateway that knows of nothing: a doubt that only a person can end would keep it from printing."""
        self._end_child()
        self._journals += 1
        self._journal = Path(self._folder.name) / f"journal-{self._journals}"
        self._journal.mkdir()

    def _running(self) -> Child:
        if self._child is None:
            self._child = Child(self._journal, self._simulator.port, self.family)
        return self._child

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


def counted(family: str, number: int) -> tuple[Tally, int]:
    """So many runs of a family, and how many processes were killed in them."""
    tally = Tally()
    with Rig(family) as rig:
        for run in runs(family, number):
            tally.add(run.case, rig.run(run), str(run))
        return tally, rig.deaths


_TAGS: Mapping[type[Asked], str] = {Print: "receipt", DayReport: "report", CashMove: "cash"}


def for_gateway(asked: Asked) -> Work:
    """The gateway's own words for it."""
    told: dict[str, Any] = msgspec.to_builtins(asked)
    del told["call"]
    work: Work = msgspec.convert({"work": _TAGS[type(asked)], **told}, Work)
    return work

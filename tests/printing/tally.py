"""What came of many runs, counted; as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.printing.allowed import ALLOWED, reason
from tests.printing.cases import Case
from tests.printing.verdict import Verdict, Wrong

EXAMPLES = 3


class Tally:
    """Runs per family, by how they ended; complaints with the first cases that show them."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.unnumbered: Counter[str] = Counter()
        """Printed, and the number has to be read from the paper."""
        self.wrongs: Counter[tuple[str, Wrong]] = Counter()
        self.unknowns: Counter[tuple[str, str]] = Counter()
        """By family and why; empty where it is not allowed."""
        self.examples: dict[tuple[str, str], list[str]] = {}

    def add(self, case: Case, found: Verdict, shown: str = "") -> None:
        """`shown`: how the run is told in a complaint, where the case is not all of it."""
        self.runs[case.family] += 1
        self.ends[case.family, found.ended.partition(" ")[0]] += 1
        self.unnumbered[case.family] += not found.numbered
        for wrong in {complaint.wrong for complaint in found.complaints}:
            self.wrongs[case.family, wrong] += 1
        for complaint in found.complaints:
            self._example(case.family, complaint.wrong, f"{complaint.what}\n  {shown or case}")
        if found.ended.startswith("unknown"):
            allowed = reason(case, found.ended)
            self.unknowns[case.family, allowed.why if allowed is not None else ""] += 1

    def merge(self, other: Tally) -> None:
        self.runs += other.runs
        self.ends += other.ends
        self.unnumbered += other.unnumbered
        self.wrongs += other.wrongs
        self.unknowns += other.unknowns
        for key, cases in other.examples.items():
            known = self.examples.setdefault(key, [])
            known += cases[: EXAMPLES - len(known)]

    def count(self, *wrongs: Wrong) -> int:
        return sum(number for (_, wrong), number in self.wrongs.items() if wrong in wrongs)

    @property
    def total(self) -> int:
        return self.runs.total()

    def table(self) -> str:
        """One line per family."""
        heads = (
            "family",
            "runs",
            "printed",
            "of them no number",
            "not printed",
            "unknown",
            "doubles",
            "lies",
            "other wrongs",
        )
        rows = [heads, *(self._row(family) for family in self.runs)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
        return "\n".join(
            "  ".join(cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(line))
            for line in (zip(row, widths, strict=True) for row in rows)
        )

    def _row(self, family: str) -> tuple[str, ...]:
        def ended(*ends: str) -> int:
            return sum(self.ends[family, end] for end in ends)

        doubles, lies = self.wrongs[family, Wrong.DOUBLE], self.wrongs[family, Wrong.LIE]
        others = sum(number for (of, wrong), number in self.wrongs.items() if of == family) - doubles - lies
        printed, not_printed, unknown = ended("printed"), ended("cancelled", "refused"), ended("unknown", "untold")
        without = self.unnumbered[family]
        numbers = (self.runs[family], printed, without, not_printed, unknown, doubles, lies, others)
        return family, *(f"{number:,}" for number in numbers)

    def whys(self) -> str:
        """Why ends are unknown, and how often."""
        return "\n".join(
            f"{number:6,}  {family}: {why or 'NOT ALLOWED'}" for (family, why), number in sorted(self.unknowns.items())
        )

    def too_many(self) -> list[str]:
        """Reasons for an unknown end that hold more often than they may."""
        most = {allowed.why: allowed.share for allowed in ALLOWED}
        shares = {key: number / self.runs[key[0]] for key, number in self.unknowns.items()}
        return [
            f"{family}: {share:.2%} are unknown, at most {most.get(why, 0):.2%} may be ({why})"
            for (family, why), share in shares.items()
            if share > most.get(why, 0)
        ]

    def failures(self) -> str:
        """What must not be, with cases that show it; empty when all is well."""
        wrongs = {str(wrong) for _, wrong in self.wrongs}
        return "\n".join([*self.too_many(), self.shown(wrongs)]).strip()

    def shown(self, wrongs: Iterable[str]) -> str:
        """Examples of these complaints, to be repeated with `--case`."""
        return "\n".join(line for (_, wrong), lines in self.examples.items() if wrong in wrongs for line in lines)

    def _example(self, family: str, wrong: str, what: str) -> None:
        known = self.examples.setdefault((family, wrong), [])
        if len(known) < EXAMPLES:
            known.append(f"{wrong}: {what}")

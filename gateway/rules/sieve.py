"""When rules may hold, as numbers side by side: of ten thousand rules most are told from here, and their own values are
never touched."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gateway.rules.compiled import DAY_MINUTES, FOR_EVER, NEVER, Cells, Compiled, Numbers
from gateway.rules.eligible import Moment


class Sieve(NamedTuple):
    """By rank: days, and minutes of the day, at which a rule may hold. Outside of them it does not, and they are the
    first thing that keeps it out."""

    first: array[int]
    last: array[int]
    opens: array[int]
    closes: array[int]


class Sifted(NamedTuple):
    """Candidates: those that may hold now (rank → numbers of the lines that it may meet, ascending), and the ranks of
    the others, by what keeps them out: their days, or their hours. In no order; of the others, some several times."""

    now: Mapping[int, Numbers]
    late: list[int]
    closed: list[int]


def sieve_of(rules: Iterable[Compiled]) -> Sieve:
    by_field = tuple(zip(*map(_times, rules), strict=True)) or ((),) * len(Sieve._fields)
    return Sieve(*(array("i", numbers) for numbers in by_field))


def met(cells: Cells) -> dict[int, Numbers]:
    """All of them: rank → numbers of the lines that the rule may meet, ascending. Many ranks share one tuple."""
    found: dict[int, Numbers] = {}
    for lines, ranks in cells:
        for rank in ranks:
            if found.setdefault(rank, lines) is not lines:
                found[rank] = tuple(sorted({*found[rank], *lines}))
    return found


def sift(cells: Cells, sieve: Sieve, moment: Moment) -> Sifted:
    """All of them may hold where the clock is not trusted."""
    late: list[int] = []
    closed: list[int] = []
    if not moment.trusted:
        return Sifted(met(cells), late, closed)
    first, last, opens, closes = sieve
    day, minute = moment.day, moment.minute
    open_now: Cells = []
    for lines, ranks in cells:
        for rank in ranks:
            if not first[rank] <= day <= last[rank]:
                late.append(rank)
            elif not opens[rank] <= minute < closes[rank]:
                closed.append(rank)
            else:
                open_now.append((lines, [rank]))
    return Sifted(met(open_now), late, closed)


def holding(ranks: Iterable[int], sieve: Sieve, moment: Moment) -> set[int]:
    """Those of them that may hold now."""
    if not moment.trusted:
        return set(ranks)
    first, last, opens, closes = sieve
    day, minute = moment.day, moment.minute
    return {rank for rank in ranks if first[rank] <= day <= last[rank] and opens[rank] <= minute < closes[rank]}


def _times(rule: Compiled) -> tuple[int, int, int, int]:
    more, windows = rule.more, rule.windows
    if more is not None and (more.who is not None or more.where is not None):
        return NEVER, FOR_EVER, 0, DAY_MINUTES  # Who and where come before the time when it is told why not.
    if windows is None:
        return rule.first, rule.last, 0, DAY_MINUTES
    if windows.closes <= DAY_MINUTES:
        return rule.first, rule.last, windows.opens, windows.closes
    return rule.first, min(rule.last + 1, FOR_EVER), 0, DAY_MINUTES  # A window over midnight holds a day longer.

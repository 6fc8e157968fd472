"""Where the device stands, by its own counters: before a work begins (the baseline) and after a doubt. Pure courses.

A device may end its fiscal day by itself between any two readings, which sets sums back and may take a number. So the
number of the last Z report is the first that is read before a work and the last that is read after it: whatever comes
in between shows in it. For a report it is the other way round: that number is all that tells its end, and is read as
close to it as can be, so that another report seldom comes in between.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from drivers.contract.printer import Baseline
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.errors import Trouble
from drivers.fiscal.moves import Course, Heard, Lost, NotBegun, ask
from drivers.fiscal.operations import Operation, ReadCash, ReadDay, ReadLast, ReadStatus, ReadTransaction
from drivers.fiscal.said import Cash, Day, Identity, Last, Transaction, merged

V = TypeVar("V")


class Standing(msgspec.Struct, frozen=True):
    """What is read back. `number` and the fields of `day` are empty where the device did not tell them."""

    transaction: Transaction
    last: Last
    day: Day


def value_of(heard: Heard, kind: type[V]) -> V | None:
    """What was answered, when it is of this kind."""
    return heard.said.value if isinstance(heard.said.value, kind) else None


def told(operation: Operation, kind: type[V]) -> Course[V | Lost | None]:
    """What a read answers; None when the device refuses to tell it. A refusal is asked about once more: it may be one
    of the moment, and what is not told is missing when a doubt is settled."""
    heard = yield from ask(operation)
    if isinstance(heard, Heard) and heard.said.refused:
        heard = yield from ask(operation)
    return heard if isinstance(heard, Lost) else value_of(heard, kind)


def read_day(dialect: Dialect, *, z_last: bool = False) -> Course[Day | Lost]:
    """All parts together; what the device refuses to tell is left out. Part 0 is the number of the last Z report."""
    parts = dict[int, Day]()
    order = range(dialect.reads_day)
    for part in reversed(order) if z_last else order:
        found = yield from told(ReadDay(part), Day)
        if isinstance(found, Lost):
            return found
        parts[part] = found or Day()
    return merged([parts[part] for part in order])


def read_z_number() -> Course[Day | Lost]:
    """The number of the last Z report alone; left out when the device refuses to tell it."""
    found = yield from told(ReadDay(), Day)
    return found or Day()


def read_transaction(dialect: Dialect) -> Course[Transaction | Lost | None]:
    """All parts together. None when the device refuses the first, which tells whether a receipt is open."""
    first = yield from told(ReadTransaction(), Transaction)
    if isinstance(first, Lost) or first is None:
        return first
    parts = [first]
    for part in range(1, dialect.family.reads_transaction):
        found = yield from told(ReadTransaction(part), Transaction)
        if isinstance(found, Lost):
            return found
        if found is not None:
            parts.append(found)
    return merged(parts)


def acknowledge() -> Course[Lost | None]:
    """The status before anything else: after a power cut inside a receipt a device may answer every other command with
    that, until its status was read (Tremol)."""
    status = yield from ask(ReadStatus())
    return status if isinstance(status, Lost) else None


def look(dialect: Dialect) -> Course[Standing | Lost]:
    """Read it all back. `Lost` too when the device does not tell whether a receipt is open."""
    if (silent := (yield from acknowledge())) is not None:
        return silent
    transaction = yield from read_transaction(dialect)
    if isinstance(transaction, Lost):
        return transaction
    if transaction is None:
        return Lost("the device does not tell whether a receipt is open", Trouble.STRANGE_ANSWER)
    last = yield from told(ReadLast(), Last)
    if isinstance(last, Lost):
        return last
    day = yield from read_day(dialect, z_last=True)
    if isinstance(day, Lost):
        return day
    return Standing(transaction, last or Last(""), day)


def measure(dialect: Dialect, identity: Identity, *, cash: bool = False) -> Course[Baseline]:
    """The counters before a receipt or a movement of cash. Raises `NotBegun`."""
    day = _answered((yield from read_day(dialect)))
    last = _answered((yield from told(ReadLast(), Last)))
    drawer = _answered((yield from told(ReadCash(), Cash))) if cash else None
    return Baseline(
        number=last.number if last is not None else "",
        z_number=day.z_number,
        cash_cents=drawer.cents if drawer is not None else None,
        sold_cents=day.sold_cents,
        returned_cents=day.returned_cents,
        serial=identity.serial,
        fiscal_memory=identity.fiscal_memory,
    )


def measure_for_report(identity: Identity) -> Course[Baseline]:
    """The counters before a day report; its number last. Raises `NotBegun`."""
    last = _answered((yield from told(ReadLast(), Last)))
    day = _answered((yield from read_z_number()))
    return Baseline(
        number=last.number if last is not None else "",
        z_number=day.z_number,
        serial=identity.serial,
        fiscal_memory=identity.fiscal_memory,
    )


def _answered(found: V | Lost) -> V:
    if isinstance(found, Lost):
        raise NotBegun(found)
    return found


def steps(before: str, now: str) -> int | None:
    """How far a counter has moved; None when either is not told or no number."""
    if not before.isdigit() or not now.isdigit():
        return None if not before or not now else int(before != now) * 99
    return int(now) - int(before)

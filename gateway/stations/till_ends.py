"""What follows from the end of a till's work on a fiscal printer: its answer says so, and what was not printed did not
take place. Also of a till that is there no longer, or prints nothing any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from gateway.fiscal.rows import WorkRow
from gateway.ledger.effects import Effect
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, entry_name
from gateway.model.fiscal import PrintOutcome, PrintResult
from gateway.stations.refund_words import RefundAnswer
from gateway.stations.sales import Back, NotBack, OffPaper, id_of
from gateway.stations.services import Services
from gateway.stations.till_words import CommitAnswer, Fiscal

SALES: dict[str, type[CommitAnswer] | type[RefundAnswer]] = {
    "receipt": CommitAnswer,
    "refund": RefundAnswer,
    "void": RefundAnswer,
}
"""Operations of a till with what is answered: those of which more follows than the answer."""
OPERATIONS = frozenset({*SALES, "report", "cash", "scheduled_z"})
"""All of a till that print: the first part of their answers' keys."""


class Ends:
    """For all tills. As an owner of works (`gateway.fiscal.port.Owner`) it shows nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        operation = row.answer.partition("/")[0]
        if operation not in OPERATIONS:
            return ()  # Another face's, which is switched off: it looks at the row itself when it is asked.
        amend = AmendFiscal(row.answer, fiscal(outcome))
        answer = SALES.get(operation)
        stored = self._services.ledger.query("SELECT body FROM answer WHERE key=?", (row.answer,))
        if answer is None or not stored or outcome.result is PrintResult.UNKNOWN:
            return (amend,)
        printed = outcome.result is PrintResult.PRINTED
        return (amend, *self._follows(msgspec.json.decode(stored[0][0], type=answer), printed=printed))

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        """Nobody's page is there to show it."""

    def _follows(self, answer: CommitAnswer | RefundAnswer, *, printed: bool) -> list[Effect]:
        """What was not printed did not take place: units of quotas are free again with the word of it, and what was to
        be given back is not. What was given back is so with the paper."""
        deciding, entry = self._services.deciding, id_of(answer.entry)
        match answer:
            case CommitAnswer():
                return [] if printed else [OffPaper(entry), *deciding.undone(entry_name(entry))]
            case RefundAnswer() if printed:
                of = id_of(answer.receipt)
                name = entry_name(of)
                return [Back(of), *(deciding.given_back(name, answer.uses) if answer.rest else deciding.undone(name))]
            case RefundAnswer():
                less = {line.line: line.quantity for line in answer.lines}
                return [OffPaper(entry), NotBack(id_of(answer.receipt), less)]


class AmendFiscal(msgspec.Struct, frozen=True):
    """Effect: a stored answer says in its field `fiscal` how its printing stands now, whatever else it holds. An answer
    that is gone (14 days) stays gone."""

    key: str
    fiscal: Fiscal

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT body FROM answer WHERE key=?", (self.key,)).fetchone()
        if row is None:
            return
        answer = msgspec.json.decode(row[0], type=dict[str, msgspec.Raw])
        body = msgspec.json.encode({**answer, "fiscal": self.fiscal})
        db.execute("UPDATE answer SET body=? WHERE key=?", (body, self.key))


def fiscal(outcome: PrintOutcome) -> Fiscal:
    """What a POS is told of an outcome."""
    return Fiscal(
        outcome.result,
        outcome.number,
        outcome.change_cents,
        outcome.code or outcome.reason,
        outcome.advice,
        detail=outcome.reason.removeprefix(outcome.code).removeprefix(": "),
        device_time=outcome.device_time,
        fiscal_memory=outcome.fiscal_memory,
        z_number=outcome.z_number,
        where=outcome.where,
    )

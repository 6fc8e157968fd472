"""How a work ended, in the words of the contract. Pure."""

from __future__ import annotations

from drivers.contract.printer import Baseline, Outcome, Result
from drivers.fiscal.errors import Reason, Refusal, advice


class Ending:
    """Makes the outcomes of one work. `now`: the number of the device's last document, once it has been read."""

    def __init__(self, key: str, baseline: Baseline | None = None) -> None:
        self.key = key
        self.baseline = Baseline() if baseline is None else baseline
        self.now = ""

    def refused(self, reason: Reason, what: str, where: str = "") -> Outcome:
        return self._end(Result.REFUSED, reason, what, where)

    def refusal(self, refusal: Refusal) -> Outcome:
        return self.refused(refusal.reason, refusal.what, refusal.where)

    def cancelled(self, reason: Reason, what: str) -> Outcome:
        return self._end(Result.CANCELLED, reason, what)

    def unknown(self, reason: Reason, what: str) -> Outcome:
        """Both numbers are in the reason: by them a person finds the place on paper."""
        numbers = f"last document {self.baseline.number or 'not known'} before, {self.now or 'not known'} now"
        return self._end(Result.UNKNOWN, reason, f"{what}; {numbers}")

    def _end(self, result: Result, reason: Reason, what: str, where: str = "") -> Outcome:
        return Outcome(
            self.key,
            result,
            code=reason,
            reason=f"{reason}: {what}",
            where=where,
            advice=advice(reason, key=self.key, before=self.baseline.number, now=self.now),
        )

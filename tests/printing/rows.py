"""What the gateway has on disk of a work."""

from __future__ import annotations

import msgspec

from drivers.contract.printer import Baseline, Outcome, PrintPoint, PrintStep, Result, Work


class Row(msgspec.Struct):
    """Of one work: its points, and how it ended as far as that is known."""

    work: Work
    steps: list[PrintStep] = []
    outcome: Outcome | None = None
    told: list[Outcome] = []
    """Every end that the driver has ever told, stored or not."""

    @property
    def point(self) -> PrintPoint | None:
        return self.steps[-1].point if self.steps else None

    @property
    def baseline(self) -> Baseline:
        return next((step.baseline for step in self.steps if step.baseline is not None), Baseline())

    @property
    def number(self) -> str:
        """As `closed` told it, where the outcome does not."""
        numbers = [step.number for step in self.steps if step.number]
        told = self.outcome.number if self.outcome is not None else ""
        return told or (numbers[-1] if numbers else "")

    @property
    def ended(self) -> bool:
        return self.outcome is not None and self.outcome.outcome is not Result.UNKNOWN

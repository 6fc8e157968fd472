"""What becomes of the bits of a card: a reading, or a count of what was none. For drivers of access control readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from drivers.access.formats import Number, Wrong, number_of, uid_of
from drivers.access.repeats import Repeats
from drivers.contract.reader import AccessCard, Card

Meaning = Literal["number", "uid", "uid_backwards"]

TOLD_UP_TO = 3
"""So often what was no card is told at once; after that at each power of two, so that a noisy line fills no log."""


class Cards:
    """One reader's cards. `report` gets the reading and the moment of its last bit, `log` a line without any number."""

    def __init__(
        self,
        meaning: Meaning,
        unchecked: frozenset[int],
        repeat_ms: int,
        *,
        report: Callable[[AccessCard | Card, int], None],
        log: Callable[[str], None],
    ) -> None:
        self._meaning, self._unchecked = meaning, unchecked
        self._repeats = Repeats(repeat_ms)
        self._report, self._log = report, log
        self.wrong = 0
        """How often something came that was no card."""

    def take(self, bits: int, value: int, now_ns: int) -> None:
        """Bits as they came. A wrong parity is counted and told, and never becomes a reading."""
        found = number_of(bits, value, unchecked=self._unchecked)
        if isinstance(found, Wrong):
            self.refuse(f"{bits} bits: {found.value}")
        elif self._repeats.is_new(found, now_ns):
            self._present(found, now_ns)

    def refuse(self, why: str) -> None:
        """Something came that is no card."""
        self.wrong += 1
        if self.wrong <= TOLD_UP_TO or self.wrong.bit_count() == 1:
            self._log(f"no card ({why}), {self.wrong} so far")

    def _present(self, number: Number, now_ns: int) -> None:
        if self._meaning == "number":
            self._report(AccessCard(number.bits, number.data), now_ns)
        elif (uid := uid_of(number, backwards=self._meaning == "uid_backwards")) is not None:
            self._report(Card(uid), now_ns)
        else:
            self.refuse(f"a number of {number.bits} bits is no UID")

"""What people do at a contactless reader, whichever is simulated: cards put down, held, pulled; faults on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.simulators.cards import Card, Ntag424

SETTLED = 4
"""Empty looks of a reader after which a card counts as taken away, for `present`."""


class CardPlace:
    """The place above a reader's coil. All methods are safe from any thread.

    Fault knobs, to be set at any time: `silent` (no answers), `garbage` (noise instead of answers),
    `instead` (bytes to send instead of the next answers), `pull_after` (the card leaves after so many
    exchanges with it), `rf_delay` (seconds for every command that uses the field).
    `on_event` gets "placed", "read" (the reader has read the card's whole content) and "removed".
    """

    def __init__(self, on_event: Callable[..., None] | None = None) -> None:
        self.silent = False
        self.garbage = False
        self.instead: list[bytes] = []
        self.pull_after: int | None = None
        self.rf_delay = 0.0
        self.looks = 0
        """How often a reader has looked for cards."""
        self._on_event = on_event or (lambda *_args, **_fields: None)
        self._changed = threading.Condition(threading.RLock())
        self._card: Card | None = None
        self._beside: Card | None = None
        self._name = ""
        self._reads = 0
        self._empty_looks = SETTLED

    def start(self) -> None:
        """Plug in."""
        raise NotImplementedError

    def stop(self) -> None:
        """Unplug. Nothing happens when it was not plugged in."""
        raise NotImplementedError

    def place(self, card: Card, name: str = "card", beside: Card | None = None) -> None:
        """Put a card into the field, or two at once; what was there is taken away first."""
        with self._changed:
            self.remove()
            card.on_read = self._read
            self._card, self._beside, self._name, self._reads = card, beside, name, 0
            self._on_event("placed", card=name)

    def beside(self, card: Card) -> None:
        """Put a second card into the field, beside the one that is there. What takes away the first takes both."""
        with self._changed:
            self._beside = card

    def remove(self) -> None:
        """Take the card away, if there is one."""
        with self._changed:
            if self._card is None:
                return
            self._card, self._beside, self._empty_looks = None, None, 0
            self._on_event("removed", card=self._name)
            self._changed.notify_all()

    def present(self, card: Card, seconds: float, name: str = "card") -> int:
        """What a person does: hold the card there until it was read, `seconds` at most, and take it away.
        Returns how often it was read. Waits first until the reader has seen that the last card is gone."""
        with self._changed:
            self.settle()
            self.place(card, name)
            self._changed.wait_for(lambda: self._reads > 0 or self._card is not card, timeout=seconds)
            self.remove()
            return self._reads

    def cards(self) -> tuple[Card, ...]:
        """What lies there."""
        with self._changed:
            return tuple(card for card in (self._card, self._beside) if card is not None)

    def settle(self, timeout: float = 3.0) -> bool:
        """Wait until the reader has seen that the field is empty. Whether it has, in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._empty_looks >= SETTLED, timeout)

    def wait_looks(self, count: int, timeout: float = 10.0) -> None:
        """Wait until the reader has looked `count` times more. Raises `TimeoutError`."""
        with self._changed:
            goal = self.looks + count
            if not self._changed.wait_for(lambda: self.looks >= goal, timeout):
                raise TimeoutError(f"the reader looked {self.looks - goal + count} of {count} times")

    def wait_read(self, timeout: float = 10.0) -> None:
        """Wait until the card in the field has been read. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._reads > 0, timeout):
                raise TimeoutError("nobody read the card")

    def wait_gone(self, timeout: float = 10.0) -> None:
        """Wait until no card is in the field. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._card is None, timeout):
                raise TimeoutError("the card is still there")

    # For the reader that a subclass simulates, with `_changed` held ------------------------------------------

    def _looked(self) -> None:
        """It has looked into the field once."""
        self.looks += 1
        if self._card is None:
            self._empty_looks += 1
        self._changed.notify_all()

    def _pulled(self) -> bool:
        """Whether the card leaves now, before the exchange that is about to be made with it."""
        if self.pull_after is None:
            return False
        self.pull_after -= 1
        if self.pull_after >= 0:
            return False
        self.pull_after = None
        self.remove()
        return True

    def _pause(self) -> None:
        if self.rf_delay:
            self._changed.wait(self.rf_delay)

    def _read(self) -> None:
        self._reads += 1
        fields = {"counter": self._card.counter} if isinstance(self._card, Ntag424) else {}
        self._on_event("read", card=self._name, **fields)
        self._changed.notify_all()

"""The fire alarm, as software sees it: it notices the contact and says so. What frees the gates is the wiring alone
(docs/gate-wiring.md): the alarm's contact cuts or drives the locks itself, with no program in its way."""

from __future__ import annotations

from collections.abc import Callable


class FireAlarm:
    """One for the place: whichever gate's input tells of the alarm, all gates are free."""

    def __init__(self) -> None:
        self._sources: set[str] = set()
        self._listeners: list[Callable[[bool], None]] = []

    @property
    def on(self) -> bool:
        return bool(self._sources)

    def follow(self, listener: Callable[[bool], None]) -> None:
        """Call `listener` when the gates of the place become free, and when they no longer are."""
        self._listeners.append(listener)

    def heard(self, station: str, on: bool) -> bool:
        """This station's input says so; whether that is news of this input."""
        if on is (station in self._sources):
            return False
        before = self.on
        self._sources.symmetric_difference_update({station})
        if self.on is not before:
            for listener in self._listeners:
                listener(self.on)
        return True

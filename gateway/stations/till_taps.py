"""The taps of one till: each waits for one receipt, is bound to it by its quote, and is gone when that is closed.

Whose receipt it is, is never guessed: while there are two persons' taps, the cashier chooses by their marks. In memory
only: after a restart a person taps again, and a quote that was open knows its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.model.clock import Clock
from gateway.model.errors import Conflict, NotFound
from gateway.model.identification import Identification
from gateway.stations.till_words import NO_TAP

MARK = 6
"""Digits of a digest that tell two cards apart; more where that is not enough."""


class TwoTaps(Conflict):
    """There are several persons' taps; `marks` are what to choose by."""

    code = "two_taps"

    def __init__(self, marks: tuple[str, ...]) -> None:
        super().__init__(
            "two persons have presented a card: whose receipt is it?",
            f'Ask again with `tap`: one of {", ".join(marks)}, or "{NO_TAP}"',
        )
        self.marks = marks


class Tap(msgspec.Struct, frozen=True):
    """Somebody's, until a monotonic moment. `quote`: the open one that it is bound to."""

    who: Identification
    until_ns: int
    quote: str = ""

    @property
    def digest(self) -> str:
        return self.who.credential.digest if self.who.credential is not None else ""


class Taps:
    """What waits at one till, and what its open quotes have taken."""

    def __init__(self, clock: Clock, tap_s: float) -> None:
        self._clock = clock
        self._tap_ns = round(tap_s * 1e9)
        self._waiting: dict[str, Tap] = {}
        """By holder: two cards of one person are one tap, the later one."""
        self._taken: list[Tap] = []
        """Those whose quotes are being worked on: they wait no longer, and are nobody else's."""
        self._bound: dict[str, Tap] = {}
        """By quote."""

    def present(self, who: Identification) -> tuple[str, ...]:
        """An accepted tap waits from now on. Returns the marks to choose by when somebody else's is here, too."""
        self._tidy()
        self._waiting[who.holder or ""] = Tap(who, self._clock.mono_ns() + self._tap_ns)
        return self._marks() if len(self._holders()) > 1 else ()

    def drop_waiting(self) -> None:
        """Nobody can know which of them was meant."""
        self._waiting.clear()

    def take(self, mark: str, replaces: str) -> Tap | None:
        """The tap that a new quote is for, which waits no longer: `bind` it, or `put_back`. None: nobody's.

        `mark` chooses one, also one that is bound (its quote is `Tap.quote`). Raises `TwoTaps`, `NotFound`
        (`no_such_tap`), or `Conflict` (`in_progress`: its own quote is being worked on).
        """
        self._tidy()
        if mark == NO_TAP:
            return None
        if mark:
            return self._take(self._named(mark))
        if (own := self._bound.get(replaces)) is not None:
            return own
        if not self._waiting:
            return None
        if len(self._holders()) > 1:
            raise TwoTaps(self._marks())
        return self._take(next(iter(self._waiting.values())))

    def put_back(self, tap: Tap | None) -> None:
        """The quote came to nothing. A tap that was bound is so still; a newer one of the same person stays."""
        self._taken = [other for other in self._taken if other is not tap]
        if tap is not None and not tap.quote and tap.who.holder not in self._waiting:
            self._waiting[tap.who.holder or ""] = tap

    def bind(self, tap: Tap | None, quote: str, for_s: float) -> None:
        """The tap is this open quote's, and no other's."""
        self._taken = [other for other in self._taken if other is not tap]
        if tap is not None:
            self._bound.pop(tap.quote, None)
            self._bound[quote] = Tap(tap.who, self._clock.mono_ns() + round(for_s * 1e9), quote)

    def bound(self, quote: str) -> Identification | None:
        """Whose tap an open quote has taken, as far as it is known since the start."""
        tap = self._bound.get(quote)
        return tap.who if tap is not None else None

    def close(self, quote: str, holder: str | None) -> None:
        """This holder's receipt is closed, or void: their tap is over, and so is one that they have made once more
        meanwhile. Else it would be the next customer's."""
        self._bound.pop(quote, None)
        self._waiting.pop(holder or "", None)

    @property
    def waiting(self) -> Identification | None:
        """The one that waits, for who only asks what is left. Raises `TwoTaps`."""
        self._tidy()
        if len(self._waiting) > 1:
            raise TwoTaps(self._marks())
        return next((tap.who for tap in self._waiting.values()), None)

    def mark_of(self, who: Identification) -> str:
        """The mark by which this one is told from all others here."""
        digest = who.credential.digest if who.credential is not None else ""
        return digest[: _digits([digest, *(tap.digest for tap in self._all())])]

    def _take(self, tap: Tap) -> Tap:
        if any(other is tap for other in self._taken):
            raise Conflict("this tap's quote is being worked on", "Ask again in a moment", code="in_progress")
        if not tap.quote:
            del self._waiting[tap.who.holder or ""]
            self._taken.append(tap)
        return tap

    def _named(self, mark: str) -> Tap:
        named = [tap for tap in self._all() if tap.digest.startswith(mark)]
        # One who has tapped again while a quote of theirs is open has one tap: the one that waits.
        if len({tap.who.holder for tap in named}) != 1:
            marks = ", ".join(self._marks()) or "none"
            raise NotFound(f"no tap {mark!r} waits here", f"There are: {marks}", code="no_such_tap")
        return named[0]

    def _all(self) -> list[Tap]:
        return [*self._waiting.values(), *self._taken, *self._bound.values()]

    def _holders(self) -> set[str | None]:
        return {tap.who.holder for tap in self._all()}

    def _marks(self) -> tuple[str, ...]:
        digests = list(dict.fromkeys(tap.digest for tap in self._one_each()))
        digits = _digits(digests)
        return tuple(digest[:digits] for digest in digests)

    def _one_each(self) -> Iterable[Tap]:
        """Of each person the tap that would be taken."""
        return {tap.who.holder: tap for tap in reversed(self._all())}.values()

    def _tidy(self) -> None:
        now = self._clock.mono_ns()
        self._waiting = {holder: tap for holder, tap in self._waiting.items() if tap.until_ns >= now}
        self._bound = {quote: tap for quote, tap in self._bound.items() if tap.until_ns >= now}


def _digits(digests: list[str]) -> int:
    """As many as tell them apart."""
    different, digits = len(set(digests)), MARK
    while digits < 64 and len({digest[:digits] for digest in digests}) < different:
        digits += 2
    return digits

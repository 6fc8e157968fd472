"""The rules in force at this place, asked with all that a decision rests on."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.model.clock import Clock, ClockQuality
from gateway.model.decision import Decision
from gateway.model.identification import Identification
from gateway.model.receipt import Receipt
from gateway.rules.engine import RuleSet
from gateway.rules.index import no_rules
from gateway.rules.question import Question


class Benefits:
    """Answers "what is due?". Without rules, or after their expiry, everything is at its list price."""

    def __init__(
        self, clock: Clock, time_zone: str, merchant_groups: tuple[str, ...], languages: tuple[str, ...]
    ) -> None:
        self._clock = clock
        self._zone = ZoneInfo(time_zone)
        self._merchant_groups = merchant_groups
        self._languages = languages
        self._rules = self._none = no_rules()
        self._expires_ms = 0

    def use(self, rules: RuleSet, expires_ms: int) -> None:
        """Put rules in force; `expires_ms` is when they stop counting, 0 for never."""
        self._rules = rules
        self._expires_ms = expires_ms

    @property
    def expired(self) -> bool:
        return bool(self._expires_ms) and self._clock.wall_ms() >= self._expires_ms

    def decide(self, receipt: Receipt, who: Identification | None) -> Decision:
        """The decision on this receipt now."""
        stamp = self._clock.stamp()
        identified = who is not None and who.accepted
        question = Question(
            receipt=receipt,
            entitlements=who.entitlements if who is not None and identified else (),
            merchant_groups=self._merchant_groups,
            at=datetime.fromtimestamp(stamp.wall_ms / 1000, UTC).astimezone(self._zone).replace(tzinfo=None),
            clock_trusted=stamp.quality is not ClockQuality.GUESS,
            identified=identified,
        )
        return (self._none if self.expired else self._rules).decide(question)

    def messages(self, decision: Decision, language: str | None) -> list[str]:
        """What to tell the person, in their language or the place's."""
        if decision.bundle != self._rules.number:
            return []
        languages = (language, *self._languages) if language else self._languages
        texts = [self._rules.message(rule, languages) for rule in decision.messages]
        return [text for text in texts if text]
